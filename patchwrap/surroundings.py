"""Context of a tile: coarse map and consensus of all tiles, at the coarse map's sampling."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from patchwrap.observation import Observation, agreement
from patchwrap.resampling import resize_maps, sample_windows, windows_of
from patchwrap.robust import map_spread
from patchwrap.tile_view import CONTEXT, REACH
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, Features, Map

LEAST_SPREAD = 1e-6
"""Lower bound of the spread that heads are given, reached by constant coarse maps."""

CONSENSUS_TOLERANCE = 1.7
"""The consensus may differ from the coarse map by this factor more than a single tile before it is trusted half."""

_LEAST = 1e-3
"""Weight of a tile at its border."""


@dataclass(frozen=True)
class Surroundings:
    """Coarse map and consensus of one image, from which the context of each tile is cut.

    Args:
        canvas: ``(height, width)`` of the grid on which the tiles lie.
        coarse: the coarse map in the fusion space, finite, at its own sampling.
        consensus: the weighted mean of all trusted tiles at the same sampling; the coarse map where there is none.
        features: the coarse backend's decoder features, or None.
        half: the difference from the coarse map at which a single tile's agreement is one half.
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
        """Average the tiles' thumbnails, weighted by trust and a window that falls to about 0 at each tile's border.

        Args:
            coarse: the coarse map in the fusion space, finite.
            canvas: ``(height, width)`` of the grid on which the tiles lie.
            seen: the aligned tiles' thumbnails.
            features: the coarse backend's decoder features, or None.
            half: the difference from the coarse map at which a single tile's agreement is one half.
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
        """The coarse map's spread, see ``robust.map_spread``; never zero."""
        return max(map_spread(self.coarse.double().numpy()), LEAST_SPREAD)

    def context(self, tile: Tile) -> Float[Tensor, "1 4 rows columns"]:
        """Context of a tile, as in ``TileView.context``: coarse map, consensus, and position down and across."""
        around = Tile(tile.top - tile.height, tile.left - tile.width, *(REACH * n for n in tile.size))
        window = windows_of([around], self.canvas)
        # Shrunk first, so that the few samples around a large tile are means instead of aliased point samples.
        whole = [max(1, round(n * c / (REACH * t))) for n, c, t in zip(CONTEXT, self.canvas, tile.size)]
        size = min(whole[0], self.coarse.shape[0]), min(whole[1], self.coarse.shape[1])
        maps = sample_windows(resize_maps(torch.stack([self.coarse, self.consensus])[None], size), window, CONTEXT)
        places = [
            2 * (start + length * (torch.arange(n, dtype=torch.float32) + 0.5) / n) - 1
            for start, length, n in zip(window[0, :2].tolist(), window[0, 2:].tolist(), CONTEXT)
        ]
        return torch.cat([maps, torch.stack(torch.meshgrid(*places, indexing="ij"))[None]], 1)

    def agreement(self, tile: Tile) -> Map:
        """Agreement of the consensus with the coarse map, in (0, 1], under a tile at the tile's size."""
        return sample_windows(self._agreement, windows_of([tile], self.canvas), tile.size)[0, 0]

    @cached_property
    def _agreement(self) -> Float[Tensor, "1 1 rows columns"]:
        difference = (self.consensus - self.coarse).double().numpy()
        return torch.from_numpy(agreement(difference, CONSENSUS_TOLERANCE * self.half)).float()[None, None]

    def features_under(self, tile: Tile, size: Size) -> Features | None:
        """The coarse backend's features under a tile, resized to ``(height, width)``; None if there are none."""
        if self.features is None:
            return None
        return sample_windows(self.features.float(), windows_of([tile], self.canvas), size)


def _window(seen: Observation, coarse: tuple[int, ...]) -> Float[ndarray, "rows columns"]:
    """Hann weights over a thumbnail, flat towards the image's border."""
    down, across = (
        _ramp(place, cells, limit) for place, cells, limit in zip((seen.v, seen.u), seen.cells, coarse)
    )
    return down[:, None] * across[None, :]


def _ramp(place: Float[ndarray, "cells"], cells: slice, limit: int) -> Float[ndarray, "cells"]:
    weights = np.maximum(np.cos(np.pi / 2 * place) ** 2, _LEAST)
    weights[(place < 0) & (cells.start == 0)] = 1.0
    weights[(place > 0) & (cells.stop == limit)] = 1.0
    return weights
