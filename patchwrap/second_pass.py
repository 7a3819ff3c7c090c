"""The second of the pipeline's two passes over the tiles: each is aligned and, with a head, refined."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool
from torch import Tensor

from patchwrap import scratch
from patchwrap.canvas import Canvas
from patchwrap.errors import BackendContractError
from patchwrap.observation import Correction
from patchwrap.resampling import interpolate_map
from patchwrap.spec import FusionHead, HeadTraits
from patchwrap.surroundings import Surroundings
from patchwrap.tile_runner import checked_maps
from patchwrap.tile_store import Prediction, TileStore
from patchwrap.tile_view import TileView
from patchwrap.tiling import Tile
from patchwrap.types import Map
from patchwrap.weighted_mean import WeightedMean
from patchwrap.windows import window


@dataclass(frozen=True)
class Aligned:
    """One tile, ready to be fused.

    Args:
        tile: its position on the canvas.
        values: in the fusion space, finite; those of the coarse map where the tile is invalid.
        weights: blending weight of each pixel: window times confidence, see ``SecondPass.known`` for invalid ones.
        confidence: of each pixel, in [0, 1]; 0 where the tile is invalid.
        window: weight of each pixel by its position in the tile, in (0, 1].
        predicted: the tile as the backend predicted it, NaN where it is invalid or the coarse map is not known.
    """

    tile: Tile
    values: Map
    weights: Map
    confidence: Map
    window: Map
    predicted: Map


@dataclass(frozen=True)
class SecondPass:
    """Align, refine and weight the stored predictions, one tile at a time.

    Pixel confidence is the product of the alignment's trust in the tile, the tile's agreement with the coarse map (at
    the coarse map's sampling, so detail does not count as disagreement) and the backend's confidence, if any. The
    blending weight is window times confidence.

    The head's ``drawn`` decides what happens where a tile disagrees: ``alone`` (also without a head): each tile is
    interpolated towards the coarse map by its own agreement; ``together``: all tiles are interpolated by the agreement
    of their consensus, so tiles that the head made consistent stay consistent, and an untrusted tile takes the
    consensus values; ``never``: refined values are kept, and only trust and the backend's confidence remain in the
    pixel confidence. Untrusted tiles have weight 0.

    Args:
        canvas: the photo and its tiles.
        coarse: the coarse map on the canvas, in the fusion space.
        predictions: of the first pass.
        corrections: one for each prediction.
        head: refines aligned tiles, or None.
        surroundings: context of the tiles for a head; None without one.
        device: on which the head computes.
        known: where the coarse map surely has a value of its own, on the canvas. Elsewhere a tile's invalid pixels
            agree with it and keep their weight; without weight they would bend the valid pixels beside them.
    """

    canvas: Canvas
    coarse: Map
    predictions: TileStore
    corrections: list[Correction]
    head: FusionHead | None
    surroundings: Surroundings | None
    device: torch.device
    known: Bool[Tensor, "rows columns"]

    def __iter__(self) -> Iterator[Aligned]:
        for prediction, correction in zip(self.predictions, self.corrections):
            window_weights = self._window(prediction.tile)
            coarse = self.coarse[prediction.tile.slices]
            if correction.trust > 0:
                yield self._aligned(prediction, correction, window_weights)
            else:
                zero = torch.zeros_like(window_weights)
                values = self._consensus_values(prediction.tile) if self._drawn == "together" else coarse
                yield Aligned(prediction.tile, values, zero, zero, window_weights, prediction.values)

    def views(self) -> Iterator[tuple[Tile, Correction, TileView]]:
        """Every trusted tile, its correction and the head's input for it, on the CPU."""
        for prediction, correction in self._trusted():
            agreement = _agreement(correction, prediction.tile)
            view = self._view(prediction, *self._corrected_with_confidence(prediction, correction, agreement))
            yield prediction.tile, correction, view

    def _trusted(self) -> Iterator[tuple[Prediction, Correction]]:
        for prediction, correction in zip(self.predictions, self.corrections):
            if correction.trust > 0:
                yield prediction, correction

    @cached_property
    def _consensus(self) -> WeightedMean:
        """The weighted mean of the trusted tiles' differences from the coarse map."""
        mean = WeightedMean(self.canvas.size)
        for prediction, correction in self._trusted():
            tile = prediction.tile
            values, confidence = self._corrected_with_confidence(prediction, correction, _agreement(correction, tile))
            mean.add(tile.slices, values - self.coarse[tile.slices], self._window(tile) * confidence)
            scratch.release()
        return mean

    def _consensus_under(self, tile: Tile) -> Map:
        """The consensus at a tile's position, from which tiles that overlap there differ by offsets of their own."""
        return torch.from_numpy(self._consensus[tile.slices])

    def _window(self, tile: Tile) -> Map:
        """The tile's window, raised where those of all tiles, trusted or not, sum to less than 1.

        Where tiles hardly overlap, the coarse map would otherwise take part at their borders.
        """
        return window(tile, self.canvas.size) / self._sum_of_windows[tile.slices].clamp(max=1)

    @cached_property
    def _sum_of_windows(self) -> Map:
        total = torch.from_numpy(scratch.array(self.canvas.size))
        for tile in self.canvas.tiles:
            total[tile.slices] += window(tile, self.canvas.size)
            scratch.release()
        return total

    def _aligned(self, prediction: Prediction, correction: Correction, window_weights: Map) -> Aligned:
        agreement = _agreement(correction, prediction.tile)
        values, confidence = self._corrected_with_confidence(prediction, correction, agreement)
        if self.head is not None:
            values = self._refined(self.head, self._view(prediction, values, confidence))
        values, confidence = self._towards_coarse(prediction.tile, values, confidence, agreement, correction.trust)
        if prediction.confidence is not None:
            confidence = confidence * prediction.confidence
        weights, confidence = window_weights * confidence, _where_valid(prediction, confidence)
        return Aligned(prediction.tile, values, weights, confidence, window_weights, prediction.values)

    def _refined(self, head: FusionHead, view: TileView) -> Map:
        rows, columns = view.aligned.shape[2:]
        # Copies, since the view shares the canvas' maps and a head may compute in place.
        given, method = view.padded().copied_to(self.device), f"{type(head).__name__}.refine"
        refined = checked_maps(method, head.refine(given), given.images)[0, 0, :rows, :columns]
        if not refined.isfinite().all():  # a single such pixel would spread over the whole fused map
            raise BackendContractError(
                f"{method} returned values that are not finite for a tile of finite maps. Return view.aligned where it "
                "has nothing better; if float16 overflows (at 65504), take dtype bfloat16 or float32."
            )
        return refined

    def _towards_coarse(
        self, tile: Tile, values: Map, confidence: Map, agreement: Map, trust: float
    ) -> tuple[Map, Map]:
        """Interpolate a tile towards the coarse map as the head's ``drawn`` says; return values and confidence."""
        if self._drawn == "never":
            return values, trust * (confidence > 0)
        share = self._consensus_agreement(tile) if self._drawn == "together" else agreement
        return torch.lerp(self.coarse[tile.slices], values, share), confidence

    @property
    def _drawn(self) -> str:
        return HeadTraits.of(self.head).drawn

    def _consensus_agreement(self, tile: Tile) -> Map:
        """Agreement of the tiles' consensus with the coarse map, in (0, 1], under a tile."""
        assert self.surroundings is not None
        return self.surroundings.agreement(tile)

    def _consensus_values(self, tile: Tile) -> Map:
        """The consensus under a tile, interpolated towards the coarse map by its agreement."""
        return self.coarse[tile.slices] + self._consensus_agreement(tile) * self._consensus_under(tile)

    def _corrected_with_confidence(
        self, prediction: Prediction, correction: Correction, agreement: Map
    ) -> tuple[Map, Map]:
        """The corrected tile, filled from the coarse map where invalid, and its confidence, trust times agreement.

        Invalid pixels lose theirs only where the coarse map is known.
        """
        values, confidence = correction.apply(prediction.values), correction.trust * agreement
        invalid = values.isnan()
        if invalid.any():
            values = torch.where(invalid, self.coarse[prediction.tile.slices], values)
            confidence = confidence.masked_fill(invalid & self.known[prediction.tile.slices], 0.0)
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
            confidence=_where_valid(prediction, confidence)[None, None],
            disagreement=(values - coarse - self._consensus_under(tile))[None, None],
            context=around.context(tile),
            centre=torch.tensor([around.centre], dtype=torch.float32),
            spread=torch.tensor([around.spread], dtype=torch.float32),
            coarse_features=around.features_under(tile, size),
            fine_features=None if fine is None else fine.float(),
        )


def _where_valid(prediction: Prediction, confidence: Map) -> Map:
    return confidence.masked_fill(prediction.values.isnan(), 0.0)


def _agreement(correction: Correction, tile: Tile) -> Map:
    if correction.agreement is None:
        return torch.ones(tile.size, dtype=torch.float32)
    return interpolate_map(torch.from_numpy(correction.agreement).float(), tile.size)
