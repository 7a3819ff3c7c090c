"""Turn picture files and PIL images into upright RGB arrays; leaves Pillow's global settings as they were."""

import os
import re
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float32, Shaped, UInt16
from numpy import ndarray
from PIL import Image, ImageOps, UnidentifiedImageError

from patchwrap.errors import ImageError, one_line
from patchwrap.io.focal import focal_fraction
from patchwrap.io.heif import is_heif, open_heif
from patchwrap.io.limits import check_size
from patchwrap.suffixes import CAMERA_RAW

Decoded = tuple[Shaped[ndarray, "height width 3"], float | None, str]
"""Pixels, focal length as a fraction of the longer side, name."""

_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+://|data:)")
# No others: Pillow hands EPS to Ghostscript, whatever the file's name says.
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG2000", "PPM", "AVIF", "TGA")
_LIKE_TEXT = ("BMP", "PPM")
"""Formats known by two letters, with which a text may begin, too."""
_PILLOW_LIMIT = threading.Lock()
_ROUNDING = 1e-3
_OVERSHOOT = 0.25
"""How far beyond [0, 1] bicubic resampling may go."""
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
"""TIFF tag numbers (TIFF 6.0, section 8)."""


def decode_file(source: str | PathLike[str]) -> Decoded:
    """Read a picture file.

    Args:
        source: its path; a URL is refused.

    Raises:
        ImageError: if there is no such file, or it is no whole picture of a usable size.
    """
    text = fspath(source)
    name = repr(text)
    _check_path(text, name)
    # Pillow warns about odd metadata that does not affect the pixels.
    with warnings.catch_warnings(action="ignore"), ExitStack() as opened:
        return decode_picture(_open(Path(text), name, opened), text)


def decode_picture(picture: Image.Image, name: str) -> Decoded:
    """Read a PIL image, whatever its mode.

    Args:
        picture: left as it is.
        name: what messages call it.

    Raises:
        ImageError: if its data are damaged or its size unusable.
    """
    shown = repr(name)
    check_size(*picture.size, shown)
    with warnings.catch_warnings(action="ignore"):
        try:
            focal = focal_fraction(picture)
            pixels = _pixels(_upright(picture), shown, getattr(picture, "tag_v2", {}))
        except (ImageError, MemoryError):
            raise
        except Exception as error:  # a damaged file makes Pillow raise nearly anything
            if _is_closed(picture, error):
                raise ImageError(f"{shown} is closed; load() it before it is closed, or give its file") from error
            raise ImageError(f"{shown} is damaged: {one_line(error)}. Copy or export it again") from error
    return pixels, focal, name


def _is_closed(picture: Image.Image, error: Exception) -> bool:
    """Whether Pillow failed because the picture, or its file before the pixels were read, is closed."""
    unread = isinstance(error, AssertionError) and getattr(picture, "fp", None) is None
    return unread or "closed image" in str(error)


def _check_path(text: str, name: str) -> None:
    path = Path(text)
    if _URL.match(text):
        raise ImageError(f"{name} is a URL; download the picture first and give the file")
    if not os.path.exists(path):  # noqa: PTH110  Path.exists raises if the name is too long
        raise ImageError(f"{name} does not exist; check the path")
    if path.is_dir():
        raise ImageError(f"{name} is a folder; give a picture file (the command line takes folders, too)")
    if not path.is_file():
        raise ImageError(f"{name} is not a regular file; give a picture file")
    if path.stat().st_size == 0:
        raise ImageError(f"{name} is empty (0 bytes); copy or download it again")
    if path.suffix.lower() in CAMERA_RAW:  # Pillow opens these as TIFF and returns the small preview inside
        raise ImageError(f"{name} is a camera raw file; develop it to JPEG, PNG or TIFF first")


def _open(path: Path, name: str, opened: ExitStack) -> Image.Image:
    """Open a picture; ``opened`` closes it and its file."""
    try:
        # Given a name, Pillow maps plain TIFFs into memory, and those that EXIF turns come out scrambled.
        stream = opened.enter_context(path.open("rb"))
        return opened.enter_context(open_heif(stream, name) if is_heif(stream) else _identified(stream, name))
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        if _begins_as_picture(stream):
            raise ImageError(f"{name} is damaged: its header cannot be read. Copy or export it again") from error
        raise ImageError(f"{name} is not a picture of a format that is read; convert it to JPEG or PNG") from error
    except Exception as error:  # a damaged header makes Pillow raise nearly anything
        if isinstance(error, OSError) and error.strerror:
            raise ImageError(f"{name} cannot be read: {error.strerror}") from error
        raise ImageError(f"{name} is damaged: {one_line(error)}. Copy or export it again") from error


def _identified(stream: BinaryIO, name: str) -> Image.Image:
    picture = _header(stream)
    if picture.format != "PNG":
        return picture
    check_size(*picture.size, name)
    picture.verify()  # Pillow decodes the pixels whatever their checksum; a verified picture must be opened again
    return _header(stream)


def _header(stream: BinaryIO) -> Image.Image:
    with no_bomb_limit():
        return Image.open(stream, formats=_formats())


def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]  # older versions of Pillow know no AVIF


def _begins_as_picture(stream: BinaryIO) -> bool:
    """Whether Pillow recognises the format of a file that it cannot open, by more than its first two bytes."""
    stream.seek(0)
    start = stream.read(16)
    tests = (Image.OPEN[name][1] for name in _formats() if name not in _LIKE_TEXT)
    # A string says that this build of Pillow lacks the format.
    return any(accepts is not None and accepts(start) is True for accepts in tests)


@contextmanager
def no_bomb_limit() -> Iterator[None]:
    """Lift Pillow's decompression bomb limit temporarily; ``check_size`` has a larger limit and a clearer message."""
    with _PILLOW_LIMIT:
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _upright(picture: Image.Image) -> Image.Image:
    picture.load()  # raises for truncated data; metadata is read separately below
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # broken EXIF: the pixels are still good
        return picture


def _pixels(picture: Image.Image, name: str, tags: Mapping[int, Any]) -> Shaped[ndarray, "height width 3"]:
    if picture.mode == "F":
        return _grey(unit_floats(np.asarray(picture), name))
    if picture.mode.startswith("I"):
        return _grey(_full_scale(_sixteen_bits(np.asarray(picture), name), tags))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.array(picture.convert("RGB"))


def _grey(array: Shaped[ndarray, "height width"]) -> Shaped[ndarray, "height width 3"]:
    return np.repeat(array[..., None], 3, axis=2)


def _sixteen_bits(array: Shaped[ndarray, "height width"], name: str) -> UInt16[ndarray, "height width"]:
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        raise ImageError(f"{name} holds integers from {low} to {high}; at most 16 bits are supported. Export it again")
    return array.astype(np.uint16)


def _full_scale(codes: UInt16[ndarray, "height width"], tags: Mapping[int, Any]) -> UInt16[ndarray, "height width"]:
    """Rescale codes so that black is 0 and white 65535; Pillow returns those of a grey TIFF unchanged."""
    if tags.get(_BITS) == (12,):
        codes = np.rint(codes * np.float32(65535 / 4095)).astype(np.uint16)
    return 65535 - codes if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else codes


def unit_floats(array: Shaped[ndarray, "*size"], name: str) -> Float32[ndarray, "*size"]:
    """Return floats in [0, 1] as float32; what rounding put beyond is clamped.

    Args:
        array: of floats.
        name: what messages call it.

    Raises:
        ImageError: if a value is not finite or beyond [0, 1] by more than rounding.
    """
    low, high = float(array.min()), float(array.max())
    if not np.isfinite(low) or not np.isfinite(high):
        raise ImageError(f"{name} holds NaN or infinite pixels; replace them, say with numpy.nan_to_num")
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ImageError(f"{name} holds floats from {low:g} to {high:g}; expected [0, 1]. {_remedy(low, high)}")
    return np.clip(array, 0, 1, dtype=np.float32)


def _remedy(low: float, high: float) -> str:
    """What was probably forgotten where floats span this range."""
    if low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT:
        return "Clamp it to [0, 1]"
    return "Divide by its full scale" if low >= -_ROUNDING else "Undo its normalisation by mean and deviation"
