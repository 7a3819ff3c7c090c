"""Depth from stereo disparity, and PFM, its most common file format."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Shaped
from numpy import ndarray

from patchwrap.errors import ImageError
from patchwrap.types import Values

LEAST = 1e-9
"""Smallest disparity in pixels that gives a finite depth."""


def metres(
    disparity: Shaped[ndarray, "height width"], focal_times_baseline: float, offset: float = 0.0
) -> Values:
    """Return the depth of a rectified pair, ``focal_times_baseline / (disparity + offset)``.

    Args:
        disparity: in pixels; unknown where it is not finite or not positive.
        focal_times_baseline: focal length times baseline, in those pixels times metres.
        offset: by which the principal points of the two cameras differ, Middlebury's ``doffs``.

    Returns:
        Depth in metres, NaN where unknown.
    """
    shift: Float[ndarray, "height width"] = disparity.astype(np.float64)
    known = np.isfinite(shift) & (shift > 0) & (shift + offset > LEAST)
    return (focal_times_baseline / np.where(known, shift + offset, np.nan)).astype(np.float32)


def read_pfm(path: Path) -> Float32[ndarray, "height width"]:
    """Read a grey PFM picture, whose rows are stored bottom-up, as top-down rows.

    The format is three lines of text and then the floats; a negative scale means little-endian
    (Debevec, http://www.pauldebevec.com/Research/HDR/PFM/).

    Raises:
        ImageError: if the file is not a grey PFM picture.
    """
    with path.open("rb") as file:
        magic, size, scale = file.readline().strip(), file.readline().split(), file.readline()
        if magic != b"Pf" or len(size) != 2:
            raise ImageError(f"{str(path)!r} is not a grey PFM picture: it begins with {magic[:8]!r} instead of 'Pf'")
        width, height = map(int, size)
        values = np.frombuffer(file.read(4 * width * height), "<f4" if float(scale) < 0 else ">f4")
    return values.reshape(height, width)[::-1].astype(np.float32)
