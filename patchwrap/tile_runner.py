"""Run a backend on batches: check its contract, and halve the batch when memory runs out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import torch

from patchwrap.errors import BackendContractError
from patchwrap.resampling import input_size
from patchwrap.spec import Backend, PredictsFeatures
from patchwrap.tiling import Size
from patchwrap.types import DepthBatch, Features, Images

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer:
    """What a backend says to a batch.

    Args:
        maps: float32, on the CPU.
        features: decoder features on the CPU, or None.
    """

    maps: DepthBatch
    features: Features | None = None


def ask(backend: Backend, images: Images, with_features: bool = False) -> Answer:
    """Let a backend predict.

    Args:
        backend: whom to ask.
        images: at a size it accepts, on its device.
        with_features: ask for features too, where the backend has them.

    Raises:
        BackendContractError: if what it returns breaks the contract.
    """
    name = type(backend).__name__
    if with_features and isinstance(backend, PredictsFeatures):
        maps, features = backend.predict_with_features(images)
        return Answer(checked(name, maps, images), features.to("cpu"))
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text


def checked(name: str, maps: object, images: Images) -> DepthBatch:
    """Return a backend's maps as float32 on the CPU.

    Raises:
        BackendContractError: if they are not one map of the images' size per image.
    """
    wanted = (len(images), 1, *images.shape[2:])
    if not isinstance(maps, torch.Tensor) or tuple(maps.shape) != wanted or not maps.is_floating_point():
        got = tuple(maps.shape) if isinstance(maps, torch.Tensor) else type(maps).__name__
        raise BackendContractError(
            f"{name}.predict returned {got} for images of shape {tuple(images.shape)}; expected a float tensor of "
            f"shape {wanted}. Resize inside predict()."
        )
    return maps.to("cpu", torch.float32)
