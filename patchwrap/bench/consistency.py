"""How much a backend's tiles disagree where they overlap, as predicted and as fused."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from patchwrap.bench.unit_map import MetricUnits, UnitMap, own_unit_map, true_unit_map
from patchwrap.convention import DepthConvention
from patchwrap.depth_map import DepthMap
from patchwrap.metrics import consistency_error, valid_mask
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
    """CE of the tiles as predicted (``ce_raw``) and as they enter the fusion (``ce``), each also over mean depth.

    Aligned tiles are in the coarse map's units. The raw tiles of another network may not be: one fit of the
    convention's kind, over all raw tiles together, converts them to the units of the aligned ones.

    Args:
        predict: called with ``plan`` and ``observer``.
        coarse: the coarse map's units.
        convention: what the values mean.
        metric: whether these units are metres; otherwise only the relative values are defined, the others are NaN.
    """
    seen: list[tuple[Tile, Values, Values]] = []
    predict(plan=STRIPS, observer=lambda tile, raw, fused: seen.append((tile, raw.numpy(), fused.numpy())))
    raw, aligned = np.concatenate([one[1] for one in seen]), np.concatenate([one[2] for one in seen])
    unit_maps = {"ce": coarse, "ce_raw": raw_unit_map(raw, coarse.units(aligned), coarse, convention)}
    found = {}
    for index, (name, unit_map) in enumerate(unit_maps.items()):
        error = consistency_error([(one[0].top, one[0].left, unit_map.units((one[2], one[1])[index])) for one in seen])
        found[name] = error.metres if metric else float("nan")
        found[f"{name}_relative"] = error.relative
    return found


def raw_unit_map(raw: Values, aligned: Values, coarse: UnitMap, convention: DepthConvention) -> UnitMap:
    """The units of tiles before alignment: fitted to the aligned ones, and measured as far as those."""
    if isinstance(coarse, MetricUnits):
        return true_unit_map(raw, aligned, np.isfinite(raw) & valid_mask(aligned), convention, coarse.fit.far)
    return own_unit_map(raw[np.isfinite(raw)], convention)
