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
class Aligned:
    """One tile, ready to be fused.

    Args:
        tile: where it lies on the canvas.
        values: finite; the coarse map's where the tile is invalid.
        weights: how much every pixel counts beside those of other tiles.
        confidence: how far the tile is to be believed, in [0, 1].
        window: how much every pixel counts by its place in the tile alone.
        predicted: the tile as the backend gave it, NaN where invalid.
    """

    tile: Tile
    values: Map
    weights: Map
    confidence: Map
    window: Map
    predicted: Map


@dataclass(frozen=True)
class SecondPass:
    """Iterating gives tile after tile.

    A tile is believed as far as the alignment trusts it, times how well it agrees with the coarse map (at the coarse
    map's sampling, so that detail is no disagreement), times what the backend itself thinks. Blending weights fall with
    that, so that of tiles that overlap the one that agrees decides; and where none does the values fall back to the
    coarse map.

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

    def __iter__(self) -> Iterator[Aligned]:
        for prediction, correction in zip(self.predictions, self.corrections):
            place = window(prediction.tile, self.canvas.size)
            coarse = self.coarse[prediction.tile.slices]
            if correction.trust > 0:
                yield self._aligned(prediction, correction, coarse, place)
            else:
                nothing = torch.zeros_like(place)
                yield Aligned(prediction.tile, coarse, nothing, nothing, place, prediction.values)

    def _aligned(self, prediction: Prediction, correction: Correction, coarse: Map, place: Map) -> Aligned:
        values = correction.apply(prediction.values)
        invalid = values.isnan()
        if invalid.any():
            values = torch.where(invalid, coarse, values)
        if self.head is not None:
            values = self._refined(self.head, prediction, values, coarse)
        agreement = _agreement(correction, prediction.tile)
        confidence = correction.trust * agreement.masked_fill(invalid, 0.0)
        if prediction.confidence is not None:
            confidence = confidence * prediction.confidence
        values = torch.lerp(coarse, values, agreement)
        return Aligned(prediction.tile, values, place * confidence, confidence, place, prediction.values)

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


def _agreement(correction: Correction, tile: Tile) -> Map:
    if correction.agreement is None:
        return torch.ones(tile.size)
    return enlarge(torch.from_numpy(correction.agreement).float(), tile.size)
