"""Pinhole parameters of a picture."""

from dataclasses import dataclass
from math import radians, tan


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole parameters in pixels; the centre of the first pixel is at ``(0.5, 0.5)``.

    Args:
        fx: focal length across, in pixels.
        fy: focal length down, in pixels.
        cx: column of the principal point.
        cy: row of the principal point.
    """

    fx: float
    fy: float
    cx: float
    cy: float


def focal_px(width: int, fov: float) -> float:
    """Focal length in pixels of a picture.

    Args:
        width: of the picture in pixels.
        fov: its horizontal field of view in degrees.
    """
    return width / 2 / tan(radians(fov) / 2)
