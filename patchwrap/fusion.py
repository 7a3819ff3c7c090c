"""Fuse aligned tiles with the coarse map into one canvas. All maps are in the fusion space and finite.

Every fuser is an accumulator: tiles come in any order and may be freed at once. It accumulates in scratch arrays and
computes the result region by region, so that a large canvas need not fit in memory. What is averaged is the tiles'
difference from the coarse map; a difference of 0 with a small weight (``ANCHOR``) takes part everywhere.
"""

from collections.abc import Iterator

import numpy as np
import torch

from patchwrap import scratch
from patchwrap.coarsening import Region
from patchwrap.fusers import FuserRecipe, check_detail
from patchwrap.high_pass import high_pass
from patchwrap.poisson import Slopes, solve
from patchwrap.spec import Traits
from patchwrap.tiling import Tile
from patchwrap.types import Map, Values
from patchwrap.weighted_mean import WeightedMean

ANCHOR = 0.01
"""Weight of the coarse map relative to the tiles'. It determines the result where no tile has weight, and fades out a
tile whose neighbour is not trusted before its border, where the network's padding causes artefacts."""

EVEN_CROSSOVER = 3.0
"""Crossover of a detail strength of one half, in tile widths."""

DETAIL_TILE_TRAINED, DETAIL_DEFAULT = 1 / 2, 1 / 4
"""Default detail strengths: crossovers of three tile widths for networks trained on tiles, of one for others.

A network not trained on tiles still finds more edges in a tile, but cannot judge structures larger than it; a wide
crossover then costs more accuracy than it gains. Measured in ``benchmarks/defaults.py``.
"""


class BlendFuser:
    """Weighted mean of the tiles; the coarse map where there are none.

    Args:
        coarse: the coarse map on the canvas.
        tile_width: not used; all fusers are called alike.
        detail: in [0, 1]: linear interpolation from the coarse map to the tiles.

    Raises:
        OptionError: if detail is not in [0, 1].
    """

    def __init__(self, coarse: Map, tile_width: int, detail: float) -> None:
        self.coarse = coarse
        self.detail = check_detail(detail)
        self._mean = WeightedMean((self.coarse.shape[0], self.coarse.shape[1]), ANCHOR)

    def add(self, tile: Tile, values: Map, weights: Map) -> None:
        """Take in one aligned tile.

        Args:
            tile: its position on the canvas.
            values: finite, of the tile's size.
            weights: non-negative, of the tile's size.
        """
        self._mean.add(tile.slices, values - self.coarse[tile.slices], weights)
        scratch.release()

    def result(self) -> Map:
        """Return the fused canvas."""
        columns = slice(0, self.coarse.shape[1])
        rows = scratch.bands(len(self.coarse))
        return _composed(self.coarse, (((r, columns), self.detail * self._mean[r, columns]) for r in rows))


class SplitFuser(BlendFuser):
    """Frequency split by a Gaussian: low frequencies of the coarse map, high ones of the blended tiles.

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
    gradients and ``k = 2 pi / crossover`` (screened Poisson: Bhat et al., ECCV 2008). Solved for the
    difference ``D - C`` from the coarse map ``C``, see ``patchwrap.poisson``.

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

    def add(self, tile: Tile, values: Map, weights: Map) -> None:
        """Take in one aligned tile.

        Args:
            tile: its position on the canvas.
            values: finite, of the tile's size.
            weights: non-negative, of the tile's size.
        """
        rows, columns = tile.slices
        change = values - self.coarse[tile.slices]
        down, across = change.diff(dim=0), change.diff(dim=1)
        between_rows = slice(tile.top, tile.bottom - 1), columns
        between_columns = rows, slice(tile.left, tile.right - 1)
        self._down.add(between_rows, down, torch.minimum(weights[1:], weights[:-1]))
        self._across.add(between_columns, across, torch.minimum(weights[:, 1:], weights[:, :-1]))
        scratch.release()

    def result(self) -> Map:
        """Return the fused canvas."""
        if self.crossover == 0:
            return self.coarse
        shape = (self.coarse.shape[0], self.coarse.shape[1])
        return _composed(self.coarse, solve(shape, self._slopes, (2 * np.pi / self.crossover) ** 2))

    def _slopes(self, region: Region) -> Slopes:
        """Mean differences between neighbouring pixels of a region, minus those of the coarse map."""
        rows, columns = region
        return self._down[rows.start : rows.stop - 1, columns], self._across[rows, columns.start : columns.stop - 1]


def _composed(coarse: Map, changes: Iterator[tuple[Region, Values]]) -> Map:
    """The coarse map plus changes that come region by region."""
    fused = torch.from_numpy(scratch.array(tuple(coarse.shape)))
    for region, change in changes:
        torch.add(coarse[region], torch.from_numpy(change), out=fused[region])
        scratch.release()
    return fused


def default_detail(recipe: FuserRecipe, *parts: object) -> float:
    """The detail strength that applies if none is given.

    Args:
        recipe: of the fuser.
        parts: tile backend and head; one with ``knows_tiles`` (see ``spec.Backend``) was trained on tiles.
    """
    if recipe.detail is not None:
        return recipe.detail
    return DETAIL_TILE_TRAINED if any(Traits.of(part).knows_tiles for part in parts) else DETAIL_DEFAULT


def crossover(detail: float, tile_width: int) -> float:
    """Wavelength in pixels above which the result follows the coarse map, and below which the tiles.

    ``detail / (1 - detail)`` times three tile widths: 0 at detail 0, three tile widths at one
    half, infinite at 1.

    Args:
        detail: strength in [0, 1].
        tile_width: in canvas pixels.

    Raises:
        OptionError: if detail is not in [0, 1].
    """
    check_detail(detail)
    return np.inf if detail == 1 else EVEN_CROSSOVER * tile_width * detail / (1 - detail)
