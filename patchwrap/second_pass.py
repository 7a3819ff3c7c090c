"""The second of the pipeline's two passes over the tiles: aligned and, with a head, refined, one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

from patchwrap.canvas import Canvas
from patchwrap.consensus import Consensus
from patchwrap.observation import Correction
from patchwrap.resampling import enlarge
from patchwrap.spec import FusionHead
from patchwrap.surroundings import Surroundings
from patchwrap.tile_store import Prediction, TileStore
from patchwrap.tile_view import TileView
from patchwrap.tiling import Tile
from patchwrap.types import Map
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
    coarse map. With a head that judges by itself they fall back where what all tiles say together is far from it, and
    all by the same share, so that what the head made agree still does; a tile that is not trusted says what all say.
    With a head whose tiles are never drawn back only the alignment's trust and the backend's own count.

    Args:
        canvas: the photo and its tiles.
        coarse: the coarse map on the canvas.
        predictions: of the first pass.
        corrections: one a prediction.
        head: refines aligned tiles, or None.
        surroundings: what a head sees beyond its tile; None without one.
        device: where the head wants its maps.
    """

    canvas: Canvas
    coarse: Map
    predictions: TileStore
    corrections: list[Correction]
    head: FusionHead | None
    surroundings: Surroundings | None
    device: torch.device

    def __iter__(self) -> Iterator[Aligned]:
        for prediction, correction in zip(self.predictions, self.corrections):
            place = window(prediction.tile, self.canvas.size)
            coarse = self.coarse[prediction.tile.slices]
            if correction.trust > 0:
                yield self._aligned(prediction, correction, place)
            else:
                nothing = torch.zeros_like(place)
                values = self._agreed(prediction.tile) if self._drawn == "together" else coarse
                yield Aligned(prediction.tile, values, nothing, nothing, place, prediction.values)

    def views(self) -> Iterator[tuple[Tile, Correction, TileView]]:
        """What a head is shown, on the CPU, of every tile that the alignment trusts."""
        for prediction, correction in self._trusted():
            agreement = _agreement(correction, prediction.tile)
            view = self._view(prediction, *self._believed(prediction, correction, agreement))
            yield prediction.tile, correction, view

    def _trusted(self) -> Iterator[tuple[Prediction, Correction]]:
        for prediction, correction in zip(self.predictions, self.corrections):
            if correction.trust > 0:
                yield prediction, correction

    @cached_property
    def _consensus(self) -> Consensus:
        return Consensus(self.canvas.size, self._changes())

    def _changes(self) -> Iterator[tuple[Tile, Map, Map]]:
        """Of every trusted tile how far it lies above the coarse map, and how much that counts."""
        for prediction, correction in self._trusted():
            tile = prediction.tile
            values, confidence = self._believed(prediction, correction, _agreement(correction, tile))
            yield tile, values - self.coarse[tile.slices], window(tile, self.canvas.size) * confidence

    def _aligned(self, prediction: Prediction, correction: Correction, place: Map) -> Aligned:
        agreement = _agreement(correction, prediction.tile)
        values, confidence = self._believed(prediction, correction, agreement)
        if self.head is not None:
            values = self._refined(self.head, self._view(prediction, values, confidence))
        values, confidence = self._drawn_back(prediction.tile, values, confidence, agreement, correction.trust)
        if prediction.confidence is not None:
            confidence = confidence * prediction.confidence
        return Aligned(prediction.tile, values, place * confidence, confidence, place, prediction.values)

    def _refined(self, head: FusionHead, view: TileView) -> Map:
        rows, columns = view.aligned.shape[2:]
        return head.refine(view.padded().to(self.device))[0, 0, :rows, :columns].to("cpu", torch.float32)

    def _drawn_back(
        self, tile: Tile, values: Map, confidence: Map, agreement: Map, trust: float
    ) -> tuple[Map, Map]:
        """Draw a tile to the coarse map as its head wants it; and how far it is to be believed then."""
        if self._drawn == "never":
            return values, trust * (confidence > 0)
        share = self._shared(tile) if self._drawn == "together" else agreement
        return torch.lerp(self.coarse[tile.slices], values, share), confidence

    @property
    def _drawn(self) -> str:
        return getattr(self.head, "drawn", "alone")

    def _shared(self, tile: Tile) -> Map:
        """How much of their difference from the coarse map all tiles keep where one lies."""
        assert self.surroundings is not None
        return self.surroundings.agreement(tile)

    def _agreed(self, tile: Tile) -> Map:
        """What all tiles say where one lies."""
        return self.coarse[tile.slices] + self._shared(tile) * self._consensus.under(tile)

    def _believed(self, prediction: Prediction, correction: Correction, agreement: Map) -> tuple[Map, Map]:
        """A tile in its place, the coarse map's where it is invalid; and how far the alignment believes it."""
        values, confidence = correction.apply(prediction.values), correction.trust * agreement
        invalid = values.isnan()
        if invalid.any():
            values = torch.where(invalid, self.coarse[prediction.tile.slices], values)
            confidence = confidence.masked_fill(invalid, 0.0)
        return values, confidence

    def _view(self, prediction: Prediction, values: Map, confidence: Map) -> TileView:
        tile, fine, around = prediction.tile, prediction.features, self.surroundings
        assert around is not None
        coarse = self.coarse[tile.slices]
        size = tile.size if fine is None else (fine.shape[2], fine.shape[3])
        return TileView(
            images=self.canvas.crop(tile),
            coarse=coarse[None, None],
            aligned=values[None, None],
            confidence=confidence[None, None],
            disagreement=(values - coarse - self._consensus.under(tile))[None, None],
            context=around.context(tile),
            centre=torch.tensor([around.centre]),
            spread=torch.tensor([around.spread]),
            coarse_features=around.features_under(tile, size),
            fine_features=None if fine is None else fine.float(),
        )


def _agreement(correction: Correction, tile: Tile) -> Map:
    if correction.agreement is None:
        return torch.ones(tile.size)
    return enlarge(torch.from_numpy(correction.agreement).float(), tile.size)
