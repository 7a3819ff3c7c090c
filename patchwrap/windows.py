"""Window weights of a tile for blending: never zero, and not tapered at the image's border."""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from patchwrap.tiling import Size, Tile
from patchwrap.types import Map


def window(tile: Tile, grid: Size) -> Map:
    """Hann weights over a tile, constant towards the sides that lie on the grid's border.

    The Hann window is computed two samples longer and its zero ends are cut off, so that no pixel
    has weight zero (as in torchio).

    Args:
        tile: its position on the grid.
        grid: ``(height, width)`` of the grid it was cut from.

    Returns:
        Weights in (0, 1], shape of the tile.
    """
    rows = _ramp(tile.height, tile.top == 0, tile.bottom == grid[0])
    columns = _ramp(tile.width, tile.left == 0, tile.right == grid[1])
    return rows[:, None] * columns[None, :]


@lru_cache(maxsize=64)
def _ramp(length: int, at_start: bool, at_end: bool) -> Float[Tensor, "length"]:
    weights = torch.hann_window(length + 2, periodic=False, dtype=torch.float32)[1:-1]
    half = (length + 1) // 2
    if at_start:
        weights[:half] = weights.max()
    if at_end:
        weights[length - half :] = weights.max()
    return weights
