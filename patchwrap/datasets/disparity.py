"""Stereo disparity as depth, and the file format it mostly comes in."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Shaped
from numpy import ndarray

from patchwrap.errors import ImageError
from patchwrap.types import Values

LEAST = 1e-9
"""Pixels; less is no distance that a number could tell."""


def metres(
    disparity: Shaped[ndarray, "height width"], rig: float, offset: float = 0.0
) -> Values:
    """Depth of a rectified pair, ``rig / (disparity + offset)``.

    Args:
        disparity: pixels; unknown where it is not finite or not positive.
        rig: focal length times baseline, in those pixels times metres.
        offset: by which the principal points of the two cameras differ, Middlebury's ``doffs``.

    Returns:
        NaN where unknown.
    """
    shift: Float[ndarray, "height width"] = disparity.astype(np.float64)
    known = np.isfinite(shift) & (shift > 0) & (shift + offset > LEAST)
    return (rig / np.where(known, shift + offset, np.nan)).astype(np.float32)


def read_pfm(path: Path) -> Float32[ndarray, "height width"]:
    """Read a grey PFM picture, its rows turned from bottom-up to top-down.

    Three lines of text, then the floats; a negative scale says that these are little-endian
    (Debevec, http://www.pauldebevec.com/Research/HDR/PFM/).

    Raises:
        ImageError: if it is none.
    """
    with path.open("rb") as file:
        magic, size, scale = file.readline().strip(), file.readline().split(), file.readline()
        if magic != b"Pf" or len(size) != 2:
            raise ImageError(f"{str(path)!r} is no grey PFM picture: it begins with {magic[:8]!r} instead of 'Pf'")
        width, height = map(int, size)
        values = np.frombuffer(file.read(4 * width * height), "<f4" if float(scale) < 0 else ">f4")
    return values.reshape(height, width)[::-1].astype(np.float32)
