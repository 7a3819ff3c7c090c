"""What lies around a tile: the coarse map, and what all tiles say together, both at the coarse map's sampling."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from patchwrap.observation import Observation, agreement
from patchwrap.resampling import resize, under
from patchwrap.robust import map_spread
from patchwrap.tile_view import CONTEXT, REACH
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, Features, Map

TOGETHER = 1.7
"""What all tiles say may lie so many times farther from the coarse map than what one says."""

_LEAST = 1e-3
"""Weight of a tile at its own border."""


@dataclass(frozen=True)
class Surroundings:
    """Of all tiles of one image.

    Args:
        canvas: ``(height, width)`` of the grid on which the tiles lie.
        coarse: the coarse map in the fusion space, finite, at its own sampling.
        consensus: the mean of all tiles, at the same sampling; the coarse map where there is none.
        features: the coarse backend's decoder features, or None.
        half: the difference from the coarse map at which half of a single tile is believed.
    """

    canvas: Size
    coarse: CoarseMap
    consensus: CoarseMap
    features: Features | None = None
    half: float = np.inf

    @classmethod
    def of(
        cls,
        coarse: CoarseMap,
        canvas: Size,
        seen: list[Observation],
        features: Features | None = None,
        half: float = np.inf,
    ) -> "Surroundings":
        """Average what the tiles say, each by a window that ends at its own border, so that there are no steps.

        Args:
            coarse: the coarse map in the fusion space, finite.
            canvas: ``(height, width)`` of the grid on which the tiles lie.
            seen: the aligned tiles' thumbnails.
            features: the coarse backend's decoder features, or None.
            half: the difference from the coarse map at which half of a single tile is believed.
        """
        total = np.zeros(coarse.shape)
        weights = np.full(coarse.shape, 1e-9)
        for one in seen:
            if one.correction.trust > 0:
                values = one.corrected()
                weight = np.where(np.isfinite(values), _window(one, coarse.shape) * one.correction.trust, 0.0)
                total[one.cells] += weight * np.nan_to_num(values)
                weights[one.cells] += weight
        consensus = np.where(weights > 1e-6, total / weights, coarse.double().numpy())
        return cls(canvas, coarse, torch.from_numpy(consensus).float(), features, half)

    @cached_property
    def centre(self) -> float:
        """The coarse map's median."""
        return float(self.coarse.median())

    @cached_property
    def spread(self) -> float:
        """Its spread, see ``robust.map_spread``; never zero."""
        return max(map_spread(self.coarse.double().numpy()), 1e-6)

    def context(self, tile: Tile) -> Float[Tensor, "1 4 rows columns"]:
        """What ``TileView.context`` is for a tile."""
        window = self._share(Tile(tile.top - tile.height, tile.left - tile.width, *(REACH * n for n in tile.size)))
        # Shrunk first, so that the few samples of a large tile's surroundings are means and not pickings.
        whole = [max(1, round(n * c / (REACH * t))) for n, c, t in zip(CONTEXT, self.canvas, tile.size)]
        size = min(whole[0], self.coarse.shape[0]), min(whole[1], self.coarse.shape[1])
        maps = under(resize(torch.stack([self.coarse, self.consensus])[None], size), window, CONTEXT)
        places = [
            2 * (start + length * (torch.arange(n) + 0.5) / n) - 1
            for start, length, n in zip(window[0, :2].tolist(), window[0, 2:].tolist(), CONTEXT)
        ]
        return torch.cat([maps, torch.stack(torch.meshgrid(*places, indexing="ij"))[None]], 1)

    def agreement(self, tile: Tile) -> Map:
        """How far to believe, in (0, 1], what all tiles say together where a tile lies."""
        return under(self._agreement, self._share(tile), tile.size)[0, 0]

    @cached_property
    def _agreement(self) -> Float[Tensor, "1 1 rows columns"]:
        apart = (self.consensus - self.coarse).double().numpy()
        return torch.from_numpy(agreement(apart, TOGETHER * self.half)).float()[None, None]

    def features_under(self, tile: Tile, size: Size) -> Features | None:
        """The coarse backend's features under a tile, at a size."""
        return None if self.features is None else under(self.features.float(), self._share(tile), size)

    def _share(self, tile: Tile) -> Float[Tensor, "1 4"]:
        height, width = self.canvas
        return torch.tensor([[tile.top / height, tile.left / width, tile.height / height, tile.width / width]])


def _window(seen: Observation, coarse: tuple[int, ...]) -> Float[ndarray, "rows columns"]:
    """Hann weights over a thumbnail, flat towards the image's own border."""
    down, across = (
        _ramp(place, cells, limit) for place, cells, limit in zip((seen.v, seen.u), seen.cells, coarse)
    )
    return down[:, None] * across[None, :]


def _ramp(place: Float[ndarray, "cells"], cells: slice, limit: int) -> Float[ndarray, "cells"]:
    weights = np.maximum(np.cos(np.pi / 2 * place) ** 2, _LEAST)
    weights[(place < 0) & (cells.start == 0)] = 1.0
    weights[(place > 0) & (cells.stop == limit)] = 1.0
    return weights
