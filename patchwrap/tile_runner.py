"""Run a backend on batches: check its contract, and halve the batch when memory runs out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import torch

from patchwrap.errors import BackendContractError, is_out_of_memory
from patchwrap.resampling import input_size
from patchwrap.spec import Backend, PredictsConfidence, PredictsFeatures
from patchwrap.tiling import Size
from patchwrap.types import ConfidenceBatch, DepthBatch, Features, Images

Item = TypeVar("Item")
Result = TypeVar("Result")

ROUNDING = 0.01
"""How far beyond [0, 1] half precision may carry a confidence."""


@dataclass(frozen=True)
class Answer:
    """What a backend says to a batch.

    Args:
        maps: float32, on the CPU.
        features: decoder features on the CPU, or None.
        confidence: in [0, 1], on the CPU, or None.
    """

    maps: DepthBatch
    features: Features | None = None
    confidence: ConfidenceBatch | None = None

    def __getitem__(self, index: int) -> "Answer":
        """What it says to one image, as a batch of one."""
        parts = self.maps, self.features, self.confidence
        maps, features, confidence = (None if part is None else part[index : index + 1] for part in parts)
        assert maps is not None
        return Answer(maps, features, confidence)


def ask(backend: Backend, images: Images, with_features: bool = False) -> Answer:
    """Let a backend predict, with its confidence where it has one.

    Args:
        backend: whom to ask.
        images: at a size it accepts, on its device.
        with_features: ask for features instead of confidence, where the backend has them.

    Raises:
        BackendContractError: if what it returns breaks the contract.
    """
    name = type(backend).__name__
    if with_features and isinstance(backend, PredictsFeatures):
        maps, features = backend.predict_with_features(images)
        return Answer(checked(name, maps, images), _checked_features(name, features, images))
    if isinstance(backend, PredictsConfidence):
        maps, confidence = backend.predict_with_confidence(images)
        return Answer(checked(name, maps, images), confidence=_checked_confidence(name, confidence, images))
    return Answer(checked(name, backend.predict(images), images))


def backend_size(backend: Backend, image: Size) -> Size:
    """``(height, width)`` at which a backend sees an image or tile of a size."""
    multiple, free = getattr(backend, "multiple", 1), getattr(backend, "free_aspect", True)
    return input_size(image, backend.processing, multiple, free)


def run_in_batches(
    items: Sequence[Item],
    batch_size: int,
    run: Callable[[Sequence[Item]], Result],
    kind: Callable[[Item], object] = lambda item: None,
) -> Iterator[tuple[Sequence[Item], Result]]:
    """Run over batches; where one does not fit in memory, halve the batch size and go on.

    Args:
        items: what to run over, in order.
        batch_size: largest batch to try, at least 1.
        run: called with one batch.
        kind: a batch holds items of one kind only, such as tiles of one size.

    Yields:
        Each batch and its result.

    Raises:
        MemoryError: if a batch of one does not fit either (or torch's own out-of-memory error).
    """
    start = 0
    while start < len(items):
        batch = list(next(groupby(items[start : start + batch_size], kind))[1])
        try:
            result = run(batch)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or len(batch) == 1:
                raise
            batch_size = len(batch) // 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            continue
        start += len(batch)
        yield batch, result


def checked(name: str, maps: object, images: Images, method: str = "predict") -> DepthBatch:
    """Return a backend's maps as float32 on the CPU.

    Raises:
        BackendContractError: if they are not one map of the images' size per image.
    """
    wanted = (len(images), 1, *images.shape[2:])
    if not isinstance(maps, torch.Tensor) or tuple(maps.shape) != wanted or not maps.is_floating_point():
        raise BackendContractError(
            f"{name}.{method} returned {_shape(maps)} for images of shape {tuple(images.shape)}; expected a float "
            f"tensor of shape {wanted}. Resize inside {method}()."
        )
    return maps.to("cpu", torch.float32)


def answer_of(name: str, values: object, confidence: object, size: Size) -> Answer:
    """What ``predict_tiles`` gives for one tile, as an answer to a batch of one.

    Args:
        name: of the backend, for errors.
        values: the tile's map.
        confidence: of the same shape, or None.
        size: ``(height, width)`` at which the backend sees the tile.

    Raises:
        BackendContractError: if one of them is not of that size, or the confidence not in [0, 1].
    """
    maps = _checked_map(name, values, size)
    if confidence is None:
        return Answer(maps)
    return Answer(maps, confidence=_in_range(name, _checked_map(name, confidence, size)))


def _checked_map(name: str, values: object, size: Size) -> DepthBatch:
    if not isinstance(values, torch.Tensor) or tuple(values.shape) != tuple(size) or not values.is_floating_point():
        raise BackendContractError(
            f"{name}.predict_tiles gave {_shape(values)} for a tile; expected a float tensor of shape {tuple(size)}, "
            "the size of source(tile). Resize inside predict_tiles()."
        )
    return values[None, None].to("cpu", torch.float32)


def _checked_features(name: str, features: object, images: Images) -> Features:
    if not isinstance(features, torch.Tensor) or features.ndim != 4 or len(features) != len(images):
        raise BackendContractError(
            f"{name}.predict_with_features returned {_shape(features)} as features of {len(images)} images; expected a "
            "tensor of shape (images, channels, rows, columns)."
        )
    return features.to("cpu")


def _checked_confidence(name: str, confidence: object, images: Images) -> ConfidenceBatch:
    return _in_range(name, checked(name, confidence, images, "predict_with_confidence"))


def _in_range(name: str, confidence: ConfidenceBatch) -> ConfidenceBatch:
    values = confidence.nan_to_num(nan=0.0)
    low, high = values.min().item(), values.max().item()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise BackendContractError(
            f"{name}.predict_with_confidence returned a confidence from {low:g} to {high:g}; expected [0, 1], larger "
            "is surer. Turn a variance v into, for instance, 1 / (1 + v)."
        )
    return values.clamp(0, 1)


def _shape(values: object) -> str:
    return str(tuple(values.shape)) if isinstance(values, torch.Tensor) else type(values).__name__
