"""How much a backend's tiles disagree where they overlap, as predicted and as fused."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from patchwrap.bench.unit_map import RelativeUnits, UnitMap, true_unit_map
from patchwrap.convention import DepthConvention
from patchwrap.depth_map import DepthMap
from patchwrap.metrics import consistency_error, fit, valid_mask
from patchwrap.tiling import Layer, Size, Tile, TilePlan
from patchwrap.types import Values

TOPS = (405, 675, 945, 1215)
LEFTS = (405, 1095, 1785, 2475)
GRID = (2160, 3840)


@dataclass(frozen=True)
class StripPlan(TilePlan):
    """Sixteen tiles of 960x540 that overlap by 270 pixels in a photo of 3840x2160; scaled for other sizes.

    The places are those of PatchRefinerV2's ``run_consistency``, so that CE is the same measure for every plan. They
    leave the photo's margin uncovered.
    """

    def tiles(self, grid: Size, seed: int = 0) -> list[Tile]:
        """The sixteen tiles in row-major order."""
        height, width = self.tile_size(grid)
        tops, lefts = ([round(n * side / full) for n in first] for first, side, full in zip((TOPS, LEFTS), grid, GRID))
        return [Tile(top, left, height, width) for top in tops for left in lefts]


STRIPS = StripPlan("strips", (Layer(4, 4, 0.0),))


def tile_consistency(
    predict: Callable[..., DepthMap], coarse: UnitMap, convention: DepthConvention, metric: bool
) -> dict[str, float]:
    """CE of the tiles as predicted (``ce_raw``) and as they enter the fusion (``ce``), each also as a relative value.

    Relative values are over mean depth, and shares of the coarse map's range where scale and shift are unknown: there
    zero may be anything, and a mean means nothing. Aligned tiles are in the coarse map's units. The raw tiles of
    another network may not be: one fit of the convention's kind, over all raw tiles together, converts them to the
    units of the aligned ones.

    Args:
        predict: called with ``plan`` and ``observer``.
        coarse: the coarse map's units.
        convention: what the values mean.
        metric: whether these units are metres; otherwise only the relative values are defined, the others are NaN.
    """
    seen: list[tuple[Tile, Values, Values]] = []
    predict(plan=STRIPS, observer=lambda tile, raw, fused: seen.append((tile, raw.numpy(), fused.numpy())))
    raw, aligned = np.concatenate([one[1] for one in seen]), np.concatenate([one[2] for one in seen])
    raw_units, shares = raw_conversion(raw, aligned, coarse, convention), isinstance(coarse, RelativeUnits)
    placed = {
        "ce": [(tile.top, tile.left, coarse.units(fused)) for tile, _, fused in seen],
        "ce_raw": [(tile.top, tile.left, raw_units(own)) for tile, own, _ in seen],
    }
    found = {}
    for name, tiles in placed.items():
        error = consistency_error(tiles)
        found[name] = error.metres if metric and not shares else float("nan")
        found[f"{name}_relative"] = error.metres if shares else error.relative
    return found


def raw_conversion(
    raw: Values, aligned: Values, coarse: UnitMap, convention: DepthConvention
) -> Callable[[Values], Values]:
    """Fit tiles before alignment to the aligned ones; return what converts them to the same units."""
    known = np.isfinite(raw)
    if isinstance(coarse, RelativeUnits):
        line = fit(raw, aligned, known & np.isfinite(aligned), DepthConvention("depth", "affine"))
        return lambda values: coarse.units(np.float32(line.scale) * values + np.float32(line.shift))
    metres = coarse.units(aligned)
    return true_unit_map(raw, metres, known & valid_mask(metres), convention, coarse.fit.far).units
