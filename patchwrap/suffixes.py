"""Endings of photos' files: which can be read and which must be converted first. Imports no library."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

HEIF = frozenset((".heic", ".heif", ".hif"))
HEIF_ADVICE = 'pip install "patchwrap[heic]"'


def _suffixes(text: str) -> frozenset[str]:
    return frozenset(f".{suffix}" for suffix in text.split())


_PICTURES = _suffixes("jpg jpeg jpe jfif mpo png tif tiff webp bmp gif jp2 ppm pgm pnm tga avif")
CAMERA_RAW = _suffixes("dng 3fr arw cr2 cr3 iiq nef nrw orf pef raf raw rw2 srw x3f")
_OTHERS = CAMERA_RAW | _suffixes("jxl")

PHOTO_ENDINGS = ("", *sorted(_PICTURES | HEIF), *sorted(suffix.upper() for suffix in _PICTURES | HEIF))
"""What may follow a photo's stem."""


def reads_heif() -> bool:
    """Whether pillow-heif, an extra, is installed."""
    return find_spec("pillow_heif") is not None


def without_twins(files: Iterable[Path]) -> list[Path]:
    """Leave out HEIC photos beside which the same photo lies in another format, as converters write it."""
    listed = list(files)
    others = {file.with_suffix("") for file in listed if file.suffix.lower() not in HEIF}
    return [file for file in listed if file.suffix.lower() not in HEIF or file.with_suffix("") not in others]


def readable_suffixes() -> frozenset[str]:
    """Endings that a folder is searched for."""
    return _PICTURES | HEIF if reads_heif() else _PICTURES


def unreadable_suffixes() -> frozenset[str]:
    """Endings of photos that a folder may hold, but which must be converted first."""
    return _OTHERS if reads_heif() else _OTHERS | HEIF
