"""Fuse aligned tiles with the coarse map into one canvas. All maps are in the fusion space and finite.

Every fuser is an accumulator: tiles come in any order and may be freed at once. What it accumulates lies in scratch
arrays, and the result is made region by region, so that a large canvas is never whole in memory. What tiles add to the
coarse map is averaged, and the coarse map counts beside them as one that adds nothing.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from patchwrap import scratch
from patchwrap.coarsening import Region
from patchwrap.errors import OptionError
from patchwrap.high_pass import high_pass
from patchwrap.poisson import Slopes, solve
from patchwrap.spec import Fuser
from patchwrap.types import Map, Values
from patchwrap.weighted_mean import WeightedMean

ANCHOR = 0.01
"""Weight of the coarse map beside the tiles. It decides where no tile counts, and lets a tile whose neighbour is not
trusted fade out before its own border, where a network's padding shows."""

EVEN_CROSSOVER = 3.0
"""Crossover of a detail strength of one half, in tile widths."""

SURE, WARY = 1 / 2, 1 / 4
"""Detail strengths with a crossover of three tile widths and of one.

A network that never learned from tiles sees edges in one that it does not see in the whole, but what is larger than a
tile it cannot see there: a weak one then loses more by the wide crossover than it gains, and all edges are left by the
narrow one. ``benchmarks/defaults.py`` measures both, and those between and beyond.
"""


class BlendFuser:
    """Weighted mean of the tiles; the coarse map where there are none.

    Args:
        coarse: the coarse map on the canvas.
        detail: 0 returns the coarse map, 1 the tiles, between them in proportion.
    """

    def __init__(self, coarse: Map, tile_width: int, detail: float) -> None:
        self.coarse = coarse
        self.detail = check_detail(detail)
        self._mean = WeightedMean((self.coarse.shape[0], self.coarse.shape[1]), ANCHOR)

    def add(self, top: int, left: int, values: Map, weights: Map) -> None:
        """Take in one aligned tile whose upper left corner lies at (top, left)."""
        place = np.s_[top : top + values.shape[0], left : left + values.shape[1]]
        self._mean.add(place, values - self.coarse[place], weights)
        scratch.release()

    def result(self) -> Map:
        """Return the fused canvas."""
        columns = slice(0, self.coarse.shape[1])
        rows = scratch.bands(len(self.coarse))
        return _composed(self.coarse, (((r, columns), self.detail * self._mean[r, columns]) for r in rows))


class SplitFuser(BlendFuser):
    """Frequency split: low frequencies of the coarse map, high ones of the blended tiles (a Gaussian parts them).

    Args:
        coarse: the coarse map on the canvas.
        tile_width: a tile's width in canvas pixels.
        detail: sets the crossover as in ``crossover``.
    """

    def __init__(self, coarse: Map, tile_width: int, detail: float) -> None:
        super().__init__(coarse, tile_width, detail)
        self._wave = crossover(self.detail, tile_width)

    def result(self) -> Map:
        """Return the fused canvas."""
        if self.detail in (0, 1):
            return super().result()
        shape = (self.coarse.shape[0], self.coarse.shape[1])
        return _composed(self.coarse, high_pass(shape, self._mean.__getitem__, self._wave / (2 * np.pi)))


class PoissonFuser:
    """Gradient-domain composition: the tiles' gradients, screened towards the coarse map.

    Minimises ``|grad D - g|^2 + k^2 |D - C|^2`` with ``g`` the weighted mean of the tiles'
    gradients and ``k = 2 pi / crossover`` (screened Poisson: Bhat et al., ECCV 2008), for the
    difference from the coarse map ``C``; ``poisson`` says how.

    Args:
        coarse: the coarse map on the canvas.
        tile_width: a tile's width in canvas pixels.
        detail: sets the crossover as in ``crossover``: 0 returns the coarse map, 1 pure tiles.
    """

    def __init__(self, coarse: Map, tile_width: int, detail: float) -> None:
        self.coarse = coarse
        self.crossover = crossover(detail, tile_width)
        height, width = self.coarse.shape
        self._down = WeightedMean((height - 1, width), ANCHOR)
        self._across = WeightedMean((height, width - 1), ANCHOR)

    def add(self, top: int, left: int, values: Map, weights: Map) -> None:
        """Take in one aligned tile whose upper left corner lies at (top, left)."""
        bottom, right = top + values.shape[0], left + values.shape[1]
        change = values - self.coarse[top:bottom, left:right]
        down, across = change.diff(dim=0), change.diff(dim=1)
        self._down.add(np.s_[top : bottom - 1, left:right], down, torch.minimum(weights[1:], weights[:-1]))
        self._across.add(np.s_[top:bottom, left : right - 1], across, torch.minimum(weights[:, 1:], weights[:, :-1]))
        scratch.release()

    def result(self) -> Map:
        """Return the fused canvas."""
        if self.crossover == 0:
            return self.coarse
        shape = (self.coarse.shape[0], self.coarse.shape[1])
        return _composed(self.coarse, solve(shape, self._slopes, (2 * np.pi / self.crossover) ** 2))

    def _slopes(self, region: Region) -> Slopes:
        """The differences beyond the coarse map's own."""
        rows, columns = region
        return self._down[rows.start : rows.stop - 1, columns], self._across[rows, columns.start : columns.stop - 1]


def _composed(coarse: Map, changes: Iterator[tuple[Region, Values]]) -> Map:
    """The coarse map with changes added, which are given region by region."""
    fused = torch.from_numpy(scratch.array(tuple(coarse.shape)))
    for region, change in changes:
        torch.add(coarse[region], torch.from_numpy(change), out=fused[region])
        scratch.release()
    return fused


FUSERS: dict[str, Callable[[Map, int, float], Fuser]] = {
    "poisson": PoissonFuser,
    "blend": BlendFuser,
    "split": SplitFuser,
}
"""Called with the coarse map on the canvas, a tile's width and the detail strength."""


def default_detail(fuser: str, *parts: object) -> float:
    """The detail strength where none is asked for.

    Args:
        fuser: its name.
        parts: whoever decides what a tile says: tile backend and head, see ``knows_tiles`` in ``spec``.
    """
    if fuser == "blend":
        return 1.0
    return SURE if any(getattr(part, "knows_tiles", False) for part in parts) else WARY


def check_detail(detail: float) -> float:
    """Return the detail strength.

    Raises:
        OptionError: if it is not in [0, 1].
    """
    if not 0 <= detail <= 1:
        raise OptionError(f"detail {detail} is not in [0, 1]. 0 is the coarse map, 1 pure tiles.")
    return detail


def crossover(detail: float, tile_width: int) -> float:
    """Wavelength in pixels above which the coarse map decides and below which the tiles do.

    ``detail / (1 - detail)`` times three tile widths: 0 at detail 0, three tile widths at one
    half, without bound at 1.

    Raises:
        OptionError: if detail is not in [0, 1].
    """
    check_detail(detail)
    return np.inf if detail == 1 else EVEN_CROSSOVER * tile_width * detail / (1 - detail)
