"""The first of the pipeline's two passes over the tiles: every tile through the tile backend, in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from patchwrap.canvas import Canvas
from patchwrap.resampling import resize
from patchwrap.spaces import FusionSpace, to_space
from patchwrap.spec import Backend, Progress
from patchwrap.tile_runner import Answer, ask, backend_size, run_in_batches
from patchwrap.tile_store import Prediction
from patchwrap.tiling import Size, Tile
from patchwrap.types import Images


@dataclass(frozen=True)
class TilePass:
    """Iterating predicts; what a tile needs is freed before the next batch.

    Args:
        canvas: the photo and its tiles.
        backend: predicts the tiles.
        space: of the predictions.
        device: where the backend wants its images.
        batch_size: tiles predicted at once; halved when memory runs out.
        with_features: ask for decoder features, where the backend has them.
        progress: called with (tiles done, tiles in all).
    """

    canvas: Canvas
    backend: Backend
    space: FusionSpace
    device: torch.device
    batch_size: int
    with_features: bool
    progress: Progress

    def __iter__(self) -> Iterator[Prediction]:
        tiles, done = self.canvas.tiles, 0
        self.progress(done, len(tiles))
        for batch, answer in run_in_batches(tiles, self.batch_size, self._predict, self._size):
            for k, tile in enumerate(batch):
                yield self._prediction(tile, answer[k])
            done += len(batch)
            self.progress(done, len(tiles))

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
