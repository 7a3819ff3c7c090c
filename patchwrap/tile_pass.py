"""The first of the pipeline's two passes over the tiles: every tile through the tile backend."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from patchwrap.canvas import Canvas
from patchwrap.errors import BackendContractError
from patchwrap.resampling import resize
from patchwrap.spaces import FusionSpace, to_space
from patchwrap.spec import Backend, PredictsTiles, PredictsTilesWithConfidence, Progress, TileContext
from patchwrap.tile_runner import Answer, answer_of, ask, backend_size, run_in_batches
from patchwrap.tile_store import Prediction
from patchwrap.tiling import Size, Tile
from patchwrap.types import Images, Map


@dataclass(frozen=True)
class TilePass:
    """Iterating predicts, in batches of the context's size, or in the backend's own way where it has one.

    Args:
        canvas: the photo and its tiles.
        backend: predicts the tiles.
        space: of the predictions.
        device: where the backend wants its images.
        context: for a backend that owns the loop.
        with_features: ask for decoder features, where the backend has them.
        progress: called with (tiles done, tiles in all).
    """

    canvas: Canvas
    backend: Backend
    space: FusionSpace
    device: torch.device
    context: TileContext
    with_features: bool
    progress: Progress

    def __iter__(self) -> Iterator[Prediction]:
        self.progress(0, len(self.canvas.tiles))
        owner = isinstance(self.backend, (PredictsTiles, PredictsTilesWithConfidence))
        return self._jointly() if owner else self._in_batches()

    def _in_batches(self) -> Iterator[Prediction]:
        tiles, done = self.canvas.tiles, 0
        for batch, answer in run_in_batches(tiles, self.context.tile_batch_size, self._predict, self._size):
            for k, tile in enumerate(batch):
                yield self._prediction(tile, answer[k])
            done += len(batch)
            self.progress(done, len(tiles))

    def _jointly(self) -> Iterator[Prediction]:
        tiles, name = self.canvas.tiles, type(self.backend).__name__
        waiting = Counter(tiles)
        for tile, values, confidence in self._owned():
            if not waiting[tile]:
                why = "which it had given already" if tile in tiles else "which is no tile of the plan"
                raise BackendContractError(f"{name}.predict_tiles gave {tile}, {why}. Give each tile once.")
            waiting[tile] -= 1
            yield self._prediction(tile, answer_of(name, values, confidence, self._size(tile)))
            self.progress(len(tiles) - waiting.total(), len(tiles))
        if missing := waiting.total():
            raise BackendContractError(
                f"{name}.predict_tiles left out {missing} of {len(tiles)} tiles, {next(waiting.elements())} for one. "
                "Give each tile once."
            )

    def _owned(self) -> Iterator[tuple[Tile, Map, Map | None]]:
        """What a backend that owns the loop gives: tiles, their maps, and confidence where it has one."""
        arguments = self._image, self.canvas.tiles, self.context
        if isinstance(self.backend, PredictsTilesWithConfidence):
            yield from self.backend.predict_tiles_with_confidence(*arguments)
        elif isinstance(self.backend, PredictsTiles):
            for tile, values in self.backend.predict_tiles(*arguments):
                yield tile, values, None

    def _prediction(self, tile: Tile, answer: Answer) -> Prediction:
        """Bring what the backend says to one tile to its size on the canvas and into the fusion space."""
        values = to_space(answer.maps, self.backend.convention, self.space)
        features, confidence = answer.features, answer.confidence
        return Prediction(
            tile,
            resize(values, tile.size)[0, 0],
            None if features is None else features.to(torch.float16),
            None if confidence is None else resize(confidence, tile.size)[0, 0].to(torch.float16),
        )

    def _predict(self, batch: Sequence[Tile]) -> Answer:
        return ask(self.backend, torch.cat([self._image(tile) for tile in batch]), self.with_features)

    def _image(self, tile: Tile) -> Images:
        return resize(self.canvas.crop(tile), self._size(tile)).to(self.device)

    def _size(self, tile: Tile) -> Size:
        return backend_size(self.backend, tile.size)

