"""The second of the pipeline's two passes over the tiles: aligned and, with a head, refined, one by one."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from patchwrap.canvas import Canvas
from patchwrap.observation import Correction
from patchwrap.resampling import enlarge, under
from patchwrap.spec import FusionHead
from patchwrap.tile_store import Prediction, TileStore
from patchwrap.tiling import Size, Tile
from patchwrap.types import Features, Map
from patchwrap.windows import window


@dataclass(frozen=True)
class SecondPass:
    """Iterating gives tile after tile, its values (finite) and its blending weights; untrusted tiles are left out.

    Args:
        canvas: the photo and its tiles.
        coarse: the coarse map on the canvas.
        predictions: of the first pass.
        corrections: one a prediction.
        head: refines aligned tiles, or None.
        features: the coarse backend's decoder features, or None.
        device: where the head wants its maps.
    """

    canvas: Canvas
    coarse: Map
    predictions: TileStore
    corrections: list[Correction]
    head: FusionHead | None
    features: Features | None
    device: torch.device

    def __iter__(self) -> Iterator[tuple[Tile, Map, Map]]:
        for prediction, correction in zip(self.predictions, self.corrections):
            if correction.trust == 0:
                continue
            tile, coarse = prediction.tile, self.coarse[prediction.tile.slices]
            values = correction.apply(prediction.values)
            invalid = ~values.isfinite()
            values = torch.where(invalid, coarse, values)
            if self.head is not None:
                values = self._refined(self.head, prediction, values, coarse)
            if correction.agreement is not None:
                gate = enlarge(torch.from_numpy(correction.agreement).float(), tile.size)
                values = torch.lerp(coarse, values, gate)
            weights = window(tile, self.canvas.size) * correction.trust
            yield tile, values, weights.masked_fill(invalid, 0.0)

    def _refined(self, head: FusionHead, prediction: Prediction, values: Map, coarse: Map) -> Map:
        tile, fine = prediction.tile, prediction.features
        size = tile.size if fine is None else (fine.shape[2], fine.shape[3])
        around = None if self.features is None else self._features_under(self.features, tile, size).to(self.device)
        refined = head.refine(
            self.canvas.crop(tile).to(self.device),
            coarse[None, None].to(self.device),
            values[None, None].to(self.device),
            around,
            None if fine is None else fine.float().to(self.device),
        )
        return refined[0, 0].to("cpu", torch.float32)

    def _features_under(self, features: Features, tile: Tile, size: Size) -> Features:
        height, width = self.canvas.size
        share = [tile.top / height, tile.left / width, tile.height / height, tile.width / width]
        return under(features.float(), torch.tensor([share]), size)
