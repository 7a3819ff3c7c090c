"""Opens HEIC photos with pillow-heif, which is an extra; Pillow's own list of formats stays as it is."""

from typing import BinaryIO

from PIL import Image

from patchwrap.errors import ImageError
from patchwrap.suffixes import HEIF_ADVICE

_BRANDS = frozenset(b"heic heix hevc hevx heim heis hevm hevs mif1 msf1".split())
"""Of HEVC pictures in an ISO base media file (ISO/IEC 23008-12, annex B)."""


def is_heif(stream: BinaryIO) -> bool:
    """Whether a file begins as HEIF files do."""
    stream.seek(0)
    head = stream.read(12)
    return head[4:8] == b"ftyp" and head[8:] in _BRANDS


def open_heif(stream: BinaryIO, name: str) -> Image.Image:
    """Open a file's primary picture; it is upright, and 8 bits a channel whatever the file holds.

    Args:
        stream: its bytes; must stay open until the pixels are read.
        name: what messages call it.

    Raises:
        ImageError: if pillow-heif is not installed.
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise ImageError(f"{name} is a HEIC photo; {HEIF_ADVICE} reads them, or convert it to JPEG") from error
    stream.seek(0)
    return HeifImageFile(stream)
