"""Weighted mean of all aligned tiles at canvas resolution."""

from collections.abc import Iterable

import torch

from patchwrap import scratch
from patchwrap.tiling import Size, Tile
from patchwrap.types import Map
from patchwrap.weighted_mean import WeightedMean

_NOTHING = 1e-12
"""Less than any pixel's weight in a trusted tile."""


class Consensus:
    """The weighted mean of the tiles' maps; 0 where there are none.

    The consensus is identical for all overlapping tiles, so a tile differs from its neighbours only by its offset from
    it.

    Args:
        canvas: ``(height, width)`` of the grid on which the tiles lie.
        tiles: each tile, its map and its weights.
    """

    def __init__(self, canvas: Size, tiles: Iterable[tuple[Tile, Map, Map]]) -> None:
        self._mean = WeightedMean(canvas, anchor=_NOTHING)
        for tile, values, weights in tiles:
            self._mean.add(tile.slices, values, weights)
            scratch.release()

    def under(self, tile: Tile) -> Map:
        """The consensus at a tile's position."""
        return torch.from_numpy(self._mean[tile.slices])
