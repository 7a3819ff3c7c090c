"""Opens HEIC photos with pillow-heif, which is an extra; Pillow's own list of formats stays as it is."""

from typing import BinaryIO

from PIL import Image

from patchwrap.errors import ImageError
from patchwrap.suffixes import HEIF_ADVICE

_HEVC = frozenset(b"heic heix hevc hevx heim heis hevm hevs".split())
"""Major brands of HEVC pictures in an ISO base media file (ISO/IEC 23008-12, annex B)."""

_GENERIC, _AVIF = frozenset((b"mif1", b"msf1")), frozenset((b"avif", b"avis"))
"""Brands of pictures of any codec (ISO/IEC 23008-12) and of AV1 pictures (AVIF specification)."""

_LONGEST_BOX = 1024
"""Bytes of the file type box that are read at most; it has 4 for each brand."""


def is_heif(stream: BinaryIO) -> bool:
    """Whether a file begins as HEIF files do; false for AVIF files, which Pillow reads."""
    stream.seek(0)
    box = stream.read(_LONGEST_BOX)
    if box[4:8] != b"ftyp":
        return False
    major, end = box[8:12], int.from_bytes(box[:4])
    compatible = {box[start : start + 4] for start in range(16, min(end, len(box)), 4)}
    return major in _HEVC or (major in _GENERIC and _AVIF.isdisjoint(compatible))


def open_heif(stream: BinaryIO, name: str) -> Image.Image:
    """Open a file's primary picture; it is upright.

    Colour has 8 bits a channel, whatever the file holds; grey of more than 8 bits has 16.

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
