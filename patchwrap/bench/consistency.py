"""How much a backend's tiles disagree where they overlap, as predicted and as fused."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from patchwrap.bench.ruler import Ruler
from patchwrap.depth_map import DepthMap
from patchwrap.metrics import consistency_error
from patchwrap.metrics.consistency import PlacedTile
from patchwrap.tiling import Layer, Size, Tile, TilePlan

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


def tile_consistency(predict: Callable[..., DepthMap], ruler: Ruler, metric: bool) -> dict[str, float]:
    """CE of the tiles as predicted (``ce_raw``) and as they enter the fusion (``ce``), each also over mean depth.

    Args:
        predict: called with ``plan`` and ``observer``.
        ruler: of the coarse map; raw and aligned tiles are brought to the same units by it.
        metric: whether the ruler's units are metres; without, only the relative values mean something.
    """
    raw: list[PlacedTile] = []
    aligned: list[PlacedTile] = []

    def observe(tile: Tile, predicted: Tensor, fused: Tensor) -> None:
        for tiles, values in ((raw, predicted), (aligned, fused)):
            tiles.append((tile.top, tile.left, ruler.units(values.numpy())))

    predict(plan=STRIPS, observer=observe)
    found = {}
    for name, tiles in {"ce": aligned, "ce_raw": raw}.items():
        error = consistency_error(tiles)
        found[name] = error.metres if metric else float("nan")
        found[f"{name}_relative"] = error.relative
    return found
