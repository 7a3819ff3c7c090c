"""How much a backend's tiles disagree where they overlap, as predicted and as fused."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from patchwrap.bench.ruler import Distances, Ruler, own_ruler, true_ruler
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
    """Sixteen tiles of 960x540 in a photo of 3840x2160 that overlap by 270 pixels; in others the same shares.

    The places of PatchRefinerV2's ``run_consistency``, so that CE is the same measure for every plan. They
    leave the photo's margin uncovered.
    """

    def tiles(self, grid: Size, seed: int = 0) -> list[Tile]:
        """The sixteen tiles in row-major order."""
        height, width = self.tile_size(grid)
        tops, lefts = ([round(n * side / full) for n in first] for first, side, full in zip((TOPS, LEFTS), grid, GRID))
        return [Tile(top, left, height, width) for top in tops for left in lefts]


STRIPS = StripPlan("strips", (Layer(4, 4, 0.0),))


def tile_consistency(
    predict: Callable[..., DepthMap], coarse: Ruler, convention: DepthConvention, metric: bool
) -> dict[str, float]:
    """CE of the tiles as predicted (``ce_raw``) and as they enter the fusion (``ce``), each also over mean depth.

    Aligned tiles are in the coarse map's units. A tile network's units may be others: all raw tiles
    together are brought to the aligned ones' by one alignment of the convention's own kind.

    Args:
        predict: called with ``plan`` and ``observer``.
        coarse: ruler of the coarse map.
        convention: what the values mean.
        metric: whether the ruler's units are metres; without, only the relative values mean something.
    """
    seen: list[tuple[Tile, Values, Values]] = []
    predict(plan=STRIPS, observer=lambda tile, raw, fused: seen.append((tile, raw.numpy(), fused.numpy())))
    raw, aligned = np.concatenate([one[1] for one in seen]), np.concatenate([one[2] for one in seen])
    rulers = {"ce": coarse, "ce_raw": _raw_ruler(raw, coarse.units(aligned), coarse, convention)}
    found = {}
    for index, (name, ruler) in enumerate(rulers.items()):
        error = consistency_error([(one[0].top, one[0].left, ruler.units((one[2], one[1])[index])) for one in seen])
        found[name] = error.metres if metric else float("nan")
        found[f"{name}_relative"] = error.relative
    return found


def _raw_ruler(raw: Values, aligned: Values, coarse: Ruler, convention: DepthConvention) -> Ruler:
    if isinstance(coarse, Distances):
        return true_ruler(raw, aligned, np.isfinite(raw) & valid_mask(aligned), convention)
    return own_ruler(raw[np.isfinite(raw)], convention)
