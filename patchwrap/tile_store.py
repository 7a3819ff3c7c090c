"""Stores predictions in a temporary file between the two passes, so that memory does not grow with their number."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from patchwrap import scratch
from patchwrap.tiling import Tile
from patchwrap.types import Features, Map

_Place = tuple[int, torch.Size, torch.dtype]
"""Offset of a tensor in the file, its shape and its number type."""


@dataclass(frozen=True)
class Prediction:
    """One tile's prediction, on the CPU.

    Args:
        tile: its place on the canvas.
        values: in the fusion space, NaN where invalid.
        features: decoder features as guidance for a head, or None.
        confidence: predicted by the backend, in [0, 1], or None.
    """

    tile: Tile
    values: Map
    features: Features | None = None
    confidence: Map | None = None

    def where(self, mask: Bool[Tensor, "rows columns"]) -> "Prediction":
        """The prediction, invalid outside a mask on the canvas."""
        return replace(self, values=self.values.where(mask[self.tile.slices], torch.nan))


class TileStore:
    """An append-only list on disk; uses plain file reads and writes, since mapped pages would count as memory."""

    def __init__(self) -> None:
        with scratch.explained("tiles"):
            self._file = scratch.temporary_file()
        self._entries: list[tuple[Tile, list[_Place | None]]] = []

    def __enter__(self) -> "TileStore":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, prediction: Prediction) -> None:
        """Write one prediction, every part in its own number type.

        Raises:
            OutputError: if the temporary folder is full.
        """
        with scratch.explained("tiles"):
            parts = prediction.values, prediction.features, prediction.confidence
            self._entries.append((prediction.tile, [self._write(part) for part in parts]))

    def __iter__(self) -> Iterator[Prediction]:
        for tile, places in self._entries:
            yield Prediction(tile, *map(self._read, places))

    def __len__(self) -> int:
        return len(self._entries)

    def _write(self, values: Float[Tensor, "..."] | None) -> _Place | None:
        if values is None:
            return None
        offset = self._file.seek(0, 2)
        self._file.write(values.contiguous().numpy().data)
        return offset, values.shape, values.dtype

    def _read(self, place: _Place | None) -> Any:
        if place is None:
            return None
        offset, shape, dtype = place
        empty = torch.empty(shape, dtype=dtype)
        self._file.seek(offset)
        self._file.readinto(empty.numpy().data)
        return empty
