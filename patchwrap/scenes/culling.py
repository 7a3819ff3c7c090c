"""Leaves out what a view cannot show; never changes a mesh."""

import numpy as np
from jaxtyping import Float

from patchwrap.scenes.scene import Part


def visible(parts: tuple[Part, ...], matrix: Float[np.ndarray, "4 4"], smallest: float = 0.0) -> list[Part]:
    """The parts with only the copies whose bounding ball touches the view volume.

    Args:
        matrix: world to clip coordinates.
        smallest: leave out copies whose radius is below this share of the view's width.
    """
    kept = []
    for part in parts:
        mask = _inside(part, matrix, smallest)
        if mask.all():
            kept.append(part)
        elif mask.any():
            kept.append(Part(part.mesh, part.material, part.transforms[mask], part.tints[mask]))
    return kept


def _inside(part: Part, matrix: np.ndarray, smallest: float) -> np.ndarray:
    """Which balls are on the inner side of all six planes (Gribb and Hartmann, 2001)."""
    centres, radii = part.spheres()
    planes = np.concatenate([matrix[3] + matrix[:3], matrix[3] - matrix[:3]])
    planes = planes / np.linalg.norm(planes[:, :3], axis=1, keepdims=True)
    distances = centres @ planes[:, :3].T + planes[:, 3]  # (count, 6)
    mask = (distances >= -radii[:, None]).all(axis=1)
    if smallest:
        w = np.maximum(centres @ matrix[3, :3] + matrix[3, 3], radii)
        mask &= radii * np.linalg.norm(matrix[0, :3]) > smallest * w
    return mask
