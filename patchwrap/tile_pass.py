"""The first of the pipeline's two passes over the tiles: the tile backend predicts every tile."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from patchwrap.canvas import Canvas
from patchwrap.errors import BackendContractError
from patchwrap.resampling import resize_maps
from patchwrap.spaces import FusionSpace, to_space
from patchwrap.spec import Backend, PredictsTiles, PredictsTilesWithConfidence, Progress, TileContext, name_of
from patchwrap.tile_runner import Output, backend_size, described, run_backend, run_in_batches, tile_output
from patchwrap.tile_store import Prediction
from patchwrap.tiling import Size, Tile
from patchwrap.types import Images


@dataclass(frozen=True)
class TilePass:
    """Iterate over the predictions of all tiles, made in batches or by the backend's own loop if it has one.

    Args:
        canvas: the photo and its tiles.
        backend: predicts the tiles.
        space: the fusion space, to which predictions are converted.
        device: the backend's, to which images are moved.
        context: passed to a backend's own loop; its ``tile_batch_size`` is also that of plain batches.
        with_features: request decoder features, if the backend offers them.
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
        has_loop = isinstance(self.backend, (PredictsTiles, PredictsTilesWithConfidence))
        return self._by_own_loop() if has_loop else self._in_batches()

    def _in_batches(self) -> Iterator[Prediction]:
        tiles, done = self.canvas.tiles, 0
        for batch, output in run_in_batches(tiles, self.context.tile_batch_size, self._predict, self._size):
            for k, tile in enumerate(batch):
                yield self._prediction(tile, output[k])
            done += len(batch)
            self.progress(done, len(tiles))

    def _by_own_loop(self) -> Iterator[Prediction]:
        tiles, method = self.canvas.tiles, self._own_loop
        waiting = Counter(tiles)
        for tile, values, confidence in self._yielded():
            if not waiting[tile]:
                why = "which it had given already" if tile in tiles else "which is no tile of the plan"
                raise BackendContractError(f"{method} gave {tile}, {why}. Give each tile once.")
            waiting[tile] -= 1
            output = tile_output(method, values, confidence, self._size(tile), self.backend.convention)
            yield self._prediction(tile, output)
            self.progress(len(tiles) - waiting.total(), len(tiles))
        if missing := waiting.total():
            raise BackendContractError(
                f"{method} left out {missing} of {len(tiles)} tiles, {next(waiting.elements())} for one. "
                "Give each tile once."
            )

    @property
    def _own_loop(self) -> str:
        """The backend's own loop over the tiles, as ``Class.method``."""
        sure = isinstance(self.backend, PredictsTilesWithConfidence)
        return f"{name_of(self.backend)}.predict_tiles{'_with_confidence' if sure else ''}"

    def _yielded(self) -> Iterator[tuple[Tile, object, object]]:
        """What the backend's own loop yields: tiles, their maps, and a confidence or None."""
        arguments = self._image, self.canvas.tiles, self.context
        if isinstance(self.backend, PredictsTilesWithConfidence):
            yield from self._tuples(self.backend.predict_tiles_with_confidence(*arguments), "tile", "map", "confidence")
        elif isinstance(self.backend, PredictsTiles):
            for tile, values in self._tuples(self.backend.predict_tiles(*arguments), "tile", "map"):
                yield tile, values, None

    def _tuples(self, items: object, *parts: str) -> Iterator[tuple]:
        """Pass on what the loop yields, as long as it is made of these parts."""
        wanted = f"tuples ({', '.join(parts)})"
        if not isinstance(items, Iterable):
            given = described(items)
            raise BackendContractError(f"{self._own_loop} returned {given}; expected an iterator of {wanted}.")
        for item in items:
            if not isinstance(item, (tuple, list)) or len(item) != len(parts) or not isinstance(item[0], Tile):
                raise BackendContractError(f"{self._own_loop} yielded {described(item)}; expected {wanted}.")
            yield item

    def _prediction(self, tile: Tile, output: Output) -> Prediction:
        """Resize one tile's output to the tile's size on the canvas and convert it to the fusion space."""
        values = to_space(output.maps, self.backend.convention, self.space)
        features, confidence = output.features, output.confidence
        return Prediction(
            tile,
            resize_maps(values, tile.size)[0, 0],
            None if features is None else features.to(torch.float16),
            None if confidence is None else resize_maps(confidence, tile.size)[0, 0].to(torch.float16),
        )

    def _predict(self, batch: Sequence[Tile]) -> Output:
        return run_backend(self.backend, torch.cat([self._image(tile) for tile in batch]), self.with_features)

    def _image(self, tile: Tile) -> Images:
        return resize_maps(self.canvas.crop(tile), self._size(tile)).to(self.device)

    def _size(self, tile: Tile) -> Size:
        return backend_size(self.backend, tile.size)

