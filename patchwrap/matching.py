"""Baseline alignments for comparison: none at all, and min-max matching.

Both give no evidence of agreement: every valid tile is trusted fully, however far from the coarse map it is (except for
a constant one or one over a constant coarse map, whose ranges cannot be matched), and there are no observations from
which a consensus of the tiles could be formed.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from patchwrap.observation import Correction, Observation, thumbnail
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, Map

CONSTANT = 1e-5
"""Range of a map, relative to its values, up to which it counts as constant: less would be rounding in float32."""


class NoAlignment:
    """Leaves every tile as it was predicted; an ``Aligner``."""

    half = np.inf
    """No difference from the coarse map reduces a tile's weight."""

    def __init__(self) -> None:
        self.corrections: list[Correction] = []

    def observe(self, tile: Tile, values: Map) -> None:
        """Count one tile."""
        self.corrections.append(Correction())

    def solve(self) -> list[Correction]:
        """Return every tile's correction, in the order of observation."""
        return self.corrections

    @property
    def observations(self) -> list[Observation]:
        """Empty: see the module."""
        return []


class RangeMatching(NoAlignment):
    """Min-max matching: brings a tile's minimum and maximum to those of the coarse map under it.

    Outliers decide the result, which is why it is only a baseline.

    Args:
        coarse: the coarse map in the fusion space, finite, at its own sampling.
        canvas: ``(height, width)`` of the grid that the tiles were cut from.
    """

    def __init__(self, coarse: CoarseMap, canvas: Size) -> None:
        super().__init__()
        self.coarse = coarse.double().numpy()
        self.canvas = canvas

    def observe(self, tile: Tile, values: Map) -> None:
        """Match one tile to the coarse map under its valid pixels.

        It is not trusted if either is constant, or if it is without a valid value or smaller than a coarse pixel.

        Args:
            tile: its position on the canvas.
            values: its map in the fusion space, NaN where invalid.
        """
        cells, thumb = thumbnail(values, tile, self.canvas, (self.coarse.shape[0], self.coarse.shape[1]))
        valid = np.isfinite(thumb)
        own, target = thumb[valid], self.coarse[cells][valid]
        if _constant(own) or _constant(target):
            self.corrections.append(Correction(trust=0.0))
            return
        scale = np.ptp(target) / np.ptp(own)
        self.corrections.append(Correction(scale=float(scale), shift=float(target.min() - scale * own.min())))


def _constant(values: Float[ndarray, "n"]) -> bool:
    """Whether values, of which there may be none, have no range to match."""
    return not values.size or bool(np.ptp(values) <= CONSTANT * np.abs(values).max())
