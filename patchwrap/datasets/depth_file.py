"""Reads true depth from files, without resizing and without guessing units."""

import zlib
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from patchwrap.errors import ImageError, one_line
from patchwrap.io import read_image
from patchwrap.io.encode import MILLIMETRE
from patchwrap.types import Mask, Values


def read_depth(path: Path, scale: float = MILLIMETRE) -> Values:
    """Read a depth file.

    Args:
        path: ``.npy``, ``.npz`` (its array ``depth``, or its only one), both in metres; or a grey 16-bit PNG.
        scale: metres per step of a PNG's codes; code 0 is unknown.

    Returns:
        Metres; NaN where a PNG's code is 0.

    Raises:
        ImageError: if the file is damaged, or does not hold a map.
    """
    if path.suffix.lower() == ".png":
        codes = read_codes(path)
        return np.where(codes > 0, codes * np.float32(scale), np.float32(np.nan))
    try:
        depth = _array(path)
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error, TokenError) as error:
        raise ImageError(f"{str(path)!r} cannot be read as depth: {one_line(error)}") from error
    if depth.ndim != 2 or depth.dtype.kind not in "fiu":
        raise ImageError(
            f"{str(path)!r} holds {depth.dtype} of shape {depth.shape}; needed are metres of shape (height, width)"
        )
    return depth.astype(np.float32)


def _array(path: Path) -> Shaped[ndarray, "..."]:
    with path.open("rb") as file:  # numpy leaves it open where an archive is damaged
        stored = np.load(file)
        if isinstance(stored, ndarray):
            return stored
        names = stored.files
        if "depth" not in names and len(names) != 1:
            raise ImageError(f"{str(path)!r} holds {', '.join(names) or 'nothing'}; name its array of metres 'depth'")
        return stored["depth" if "depth" in names else names[0]]


def read_codes(path: Path) -> Shaped[ndarray, "height width"]:
    """Read the codes of a grey 16-bit picture.

    Raises:
        ImageError: if the picture has 8 bits.
    """
    pixels = read_image(path).pixels
    if pixels.dtype != np.uint16:
        raise ImageError(f"{str(path)!r} has 8 bits a pixel; a depth PNG is grey and has 16")
    return pixels[..., 0]


def read_mask(path: Path) -> Mask:
    """Read a picture as a mask: true where it is not black."""
    return np.any(read_image(path).pixels, axis=2)
