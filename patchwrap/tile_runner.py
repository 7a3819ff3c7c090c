"""Run a backend on batches: check its contract, and halve the batch when memory runs out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import torch

from patchwrap.convention import DepthConvention
from patchwrap.errors import BackendContractError, is_out_of_memory
from patchwrap.resampling import input_size
from patchwrap.spec import Backend, PredictsConfidence, PredictsFeatures, PredictsFieldOfView, Traits, name_of
from patchwrap.tiling import Size
from patchwrap.types import ConfidenceBatch, DepthBatch, Features, FieldsOfView, Images
from patchwrap.validity import depths_only

Item = TypeVar("Item")
Result = TypeVar("Result")

ROUNDING = 0.01
"""How far a confidence may lie outside [0, 1] by rounding in half precision; it is then clamped."""


@dataclass(frozen=True)
class Output:
    """What a backend predicts for a batch.

    Args:
        maps: float32, on the CPU.
        features: decoder features on the CPU, or None.
        confidence: in [0, 1], on the CPU, or None.
        fov: horizontal field of view in degrees for which the maps are in metres, on the CPU, or None.
    """

    maps: DepthBatch
    features: Features | None = None
    confidence: ConfidenceBatch | None = None
    fov: FieldsOfView | None = None

    def __getitem__(self, index: int) -> "Output":
        """The part for one image, as a batch of one."""
        parts = self.features, self.confidence, self.fov
        one = slice(index, index + 1)
        return Output(self.maps[one], *(None if part is None else part[one] for part in parts))


def run_backend(backend: Backend, images: Images, with_features: bool = False, with_fov: bool = False) -> Output:
    """Call a backend, with confidence where it predicts one, and check what it returns.

    Depths that are not positive become NaN, see ``checked_maps``.

    Args:
        backend: what predicts.
        images: RGB in [0, 1] at a size that the backend accepts, on its device.
        with_features: request decoder features instead of confidence, if the backend offers them.
        with_fov: request the field of view instead of confidence, if the backend estimates it.

    Raises:
        BackendContractError: if what it returns breaks the contract.
    """
    name, convention = name_of(backend), backend.convention
    if with_features and isinstance(backend, PredictsFeatures):
        method = f"{name}.predict_with_features"
        maps, features = _pair(method, backend.predict_with_features(images), "features")
        return Output(checked_maps(method, maps, images, convention), _checked_features(method, features, images))
    if with_fov and isinstance(backend, PredictsFieldOfView):
        method = f"{name}.predict_with_fov"
        maps, fov = _pair(method, backend.predict_with_fov(images), "fov")
        return Output(checked_maps(method, maps, images, convention), fov=_checked_fov(method, fov, images))
    if isinstance(backend, PredictsConfidence):
        method = f"{name}.predict_with_confidence"
        maps, confidence = _pair(method, backend.predict_with_confidence(images), "confidence")
        maps = checked_maps(method, maps, images, convention)
        return Output(maps, confidence=_in_range(method, checked_maps(method, confidence, images)))
    return Output(checked_maps(f"{name}.predict", backend.predict(images), images, convention))


def backend_size(backend: Backend, image: Size) -> Size:
    """``(height, width)`` to which an image or tile of a given size is resized for a backend."""
    traits = Traits.of(backend)
    return input_size(image, backend.processing, traits.multiple, traits.free_aspect)


def run_in_batches(
    items: Sequence[Item],
    batch_size: int,
    run: Callable[[Sequence[Item]], Result],
    key: Callable[[Item], object] = lambda item: None,
) -> Iterator[tuple[Sequence[Item], Result]]:
    """Run over batches; if one does not fit in memory, halve the batch size and retry.

    Args:
        items: processed in order.
        batch_size: largest batch to try, at least 1.
        run: called with one batch.
        key: all items of a batch have the same key, such as the size of a tile.

    Yields:
        Each batch and its result.

    Raises:
        MemoryError: if a batch of one does not fit either (or torch's own out-of-memory error).
    """
    start = 0
    while start < len(items):
        batch = list(next(groupby(items[start : start + batch_size], key))[1])
        try:
            result = run(batch)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or len(batch) == 1:
                raise
            batch_size = len(batch) // 2
        else:
            start += len(batch)
            yield batch, result
            continue
        if torch.cuda.is_available():  # only here: in the handler the error still holds the batch's tensors
            torch.cuda.empty_cache()


def checked_maps(
    method: str, maps: object, images: Images, convention: DepthConvention | None = None
) -> DepthBatch:
    """Return a copy of a backend's maps as float32 on the CPU: the backend may reuse its tensor for the next call.

    Args:
        method: what returned them, ``Class.method``, for the message.
        maps: what it returned.
        images: what it was given.
        convention: of the maps. Zero or less is no depth unless the ambiguity is affine: it becomes NaN, invalid. None
            for maps that are not depth.

    Raises:
        BackendContractError: if they are not one map of the images' size per image.
    """
    wanted = (len(images), 1, *images.shape[2:])
    if not isinstance(maps, torch.Tensor) or tuple(maps.shape) != wanted or not maps.is_floating_point():
        raise BackendContractError(
            f"{method} returned {_shape(maps)} for images of shape {tuple(images.shape)}; expected a float tensor of "
            f"shape {wanted}. {_cure(method, maps)}"
        )
    copy = maps.to("cpu", torch.float32, copy=True)
    return copy if convention is None else depths_only(copy, convention)


def tile_output(
    method: str, values: object, confidence: object, size: Size, convention: DepthConvention
) -> Output:
    """Check what a backend's own loop over the tiles yields for one tile, and return it as a batch of one.

    Args:
        method: the loop, ``Class.method``, for the message.
        values: the tile's map.
        confidence: of the same shape, or None.
        size: ``(height, width)`` at which the backend sees the tile.
        convention: of the map, see ``checked_maps``.

    Raises:
        BackendContractError: if one of them is not of that size, or the confidence not in [0, 1].
    """
    maps = depths_only(_checked_map(method, values, size), convention)
    if confidence is None:
        return Output(maps)
    return Output(maps, confidence=_in_range(method, _checked_map(method, confidence, size, "as confidence ")))


def _checked_map(method: str, values: object, size: Size, role: str = "") -> DepthBatch:
    if not isinstance(values, torch.Tensor) or tuple(values.shape) != tuple(size) or not values.is_floating_point():
        raise BackendContractError(
            f"{method} yielded {_shape(values)} {role}for a tile; expected a float tensor of shape {tuple(size)}, the "
            f"size of source(tile). {_cure(method, values)}"
        )
    return values[None, None].to("cpu", torch.float32, copy=True)


def _pair(method: str, returned: object, second: str) -> tuple[object, object]:
    # A tensor of two images could be unpacked as well.
    if isinstance(returned, (tuple, list)) and len(returned) == 2:
        return returned[0], returned[1]
    raise BackendContractError(f"{method} returned {described(returned)}; expected a tuple (maps, {second}).")


def _checked_features(method: str, features: object, images: Images) -> Features:
    if not isinstance(features, torch.Tensor) or features.ndim != 4 or len(features) != len(images):
        raise BackendContractError(
            f"{method} returned {_shape(features)} as features of {len(images)} images; expected a tensor of shape "
            "(images, channels, rows, columns)."
        )
    return features.to("cpu", copy=True)


def _checked_fov(method: str, fov: object, images: Images) -> FieldsOfView:
    if not isinstance(fov, torch.Tensor) or fov.shape != (len(images),) or not fov.is_floating_point():
        raise BackendContractError(
            f"{method} returned {_shape(fov)} as the field of view of {len(images)} images; expected a float tensor of "
            f"shape ({len(images)},), in degrees."
        )
    return fov.to("cpu", torch.float32, copy=True)


def _in_range(method: str, confidence: ConfidenceBatch) -> ConfidenceBatch:
    values = confidence.nan_to_num(nan=0.0)
    low, high = values.min().item(), values.max().item()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise BackendContractError(
            f"{method} gave a confidence from {low:g} to {high:g}; expected [0, 1], larger is surer. Turn a variance v "
            "into, for instance, 1 / (1 + v)."
        )
    return values.clamp(0, 1)


def described(thing: object) -> str:
    """What an object is, for messages: ``None``, its type, or the types in a tuple."""
    if isinstance(thing, (tuple, list)):
        return f"a {type(thing).__name__} of {len(thing)} ({', '.join(type(part).__name__ for part in thing)})"
    return "None" if thing is None else f"a {type(thing).__name__}"


def _cure(method: str, values: object) -> str:
    if isinstance(values, torch.Tensor) and not values.is_floating_point():
        return f"It is {values.dtype}: return it as float()."
    return f"Resize inside {method.rpartition('.')[2]}()."


def _shape(values: object) -> str:
    return str(tuple(values.shape)) if isinstance(values, torch.Tensor) else type(values).__name__
