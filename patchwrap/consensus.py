"""What all tiles say together, at the tiles' own sampling."""

from collections.abc import Iterable

import torch

from patchwrap import scratch
from patchwrap.tiling import Size, Tile
from patchwrap.types import Map
from patchwrap.weighted_mean import WeightedMean

_NOTHING = 1e-12
"""Less than any pixel's weight in a tile that is believed at all."""


class Consensus:
    """The weighted mean of maps of tiles; 0 where there are none.

    Every tile that is shown it can say the same there, to the last pixel: what a tile lies above the consensus is all
    that tells it from its neighbours.

    Args:
        canvas: ``(height, width)`` of the grid on which the tiles lie.
        tiles: each tile's place, its map and its weight.
    """

    def __init__(self, canvas: Size, tiles: Iterable[tuple[Tile, Map, Map]]) -> None:
        self._mean = WeightedMean(canvas, anchor=_NOTHING)
        for tile, values, weights in tiles:
            self._mean.add(tile.slices, values, weights)
            scratch.release()

    def under(self, tile: Tile) -> Map:
        """What all tiles say where a tile lies."""
        return torch.from_numpy(self._mean[tile.slices])
