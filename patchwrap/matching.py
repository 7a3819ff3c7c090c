"""Baseline alignments, kept so that every comparison can show them: none at all, and min-max matching."""

from dataclasses import dataclass, field

import numpy as np

from patchwrap.observation import Correction, Observation, thumbnail
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, Map


@dataclass
class Matching:
    """Same verbs as Alignment: observe every tile, then solve.

    Args:
        coarse: the coarse map in the fusion space, or None to leave tiles as they are.
        canvas: ``(height, width)`` of the grid that the tiles were cut from.
    """

    coarse: CoarseMap | None
    canvas: Size
    corrections: list[Correction] = field(default_factory=list)
    half: float = field(default=np.inf, init=False)
    """Tiles are believed however far from the coarse map they are."""

    def observe(self, tile: Tile, values: Map) -> None:
        """Match one tile's least and greatest value to the coarse map's under it."""
        if self.coarse is None:
            self.corrections.append(Correction())
            return
        coarse = self.coarse.double().numpy()
        cells, thumb = thumbnail(values, tile, self.canvas, (coarse.shape[0], coarse.shape[1]))
        if not np.isfinite(thumb).any():  # nothing valid, or smaller than a coarse pixel
            self.corrections.append(Correction(trust=0.0))
            return
        low, high = np.nanmin(thumb), np.nanmax(thumb)
        target = coarse[cells]
        scale = (target.max() - target.min()) / max(high - low, 1e-12)
        self.corrections.append(Correction(scale=float(scale), shift=float(target.min() - scale * low)))

    def solve(self) -> list[Correction]:
        """Return every tile's correction, in the order of observation."""
        return self.corrections

    @property
    def observations(self) -> list[Observation]:
        """None: what is matched so says nothing of how tiles agree."""
        return []


def match_range(coarse: CoarseMap, canvas: Size) -> Matching:
    """Min-max matching: what outliers do to it is why it is only a baseline."""
    return Matching(coarse, canvas)


def match_nothing() -> Matching:
    """No alignment: the naive tile average."""
    return Matching(None, (1, 1))
