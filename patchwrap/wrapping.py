"""Turn what a user passes into a Backend: a registered name, a callable or an object with ``predict``."""

import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from patchwrap.convention import DepthConvention
from patchwrap.errors import (
    BackendContractError,
    CheckpointError,
    ConventionError,
    ExportError,
    OptionError,
    PatchwrapError,
    PluginError,
    is_out_of_memory,
)
from patchwrap.plugins import find_backend, not_loadable, resolve
from patchwrap.resampling import resize_maps
from patchwrap.spec import Backend, HeadTraits, Movable, Traits, name_of
from patchwrap.types import DepthBatch, Images
from patchwrap.validity import depths_only

_log = logging.getLogger("patchwrap")


def load_backend(name: str, /, checkpoint: Any = None, **options: Any) -> Backend:
    """Load a registered backend.

    Args:
        name: as listed by ``patchwrap backends``, or ``NAME=CHECKPOINT`` as on the command line.
        checkpoint: whatever the backend takes: a file, a folder, a hub name or a loaded model; None for its default.
        options: passed on to the backend.

    Raises:
        BackendNotFoundError: if no installed plugin registers the name.
        PluginError: if the backend's module cannot be imported, or loading exits or raises anything but a
            PatchwrapError, an OSError or an out-of-memory error.
        CheckpointError: if loading raises an OSError, as for a file that does not exist.
        OptionError: if the backend has no such option, or nothing follows the = of ``NAME=CHECKPOINT``.
        BackendContractError: if the plugin does not return a Backend, or one of another convention than registered.
    """
    if checkpoint is None and "=" in name:
        name, checkpoint = name.split("=", 1)
        if not checkpoint.strip():
            how = f"write {name}=CHECKPOINT, or {name} alone for its default, if it has one."
            raise OptionError(f"'{name}=' names no checkpoint; {how}")
    factory = resolve(name)
    if options:
        _check_options(factory, options, name)
    try:
        backend = factory(checkpoint, **options)
    except PatchwrapError:
        raise
    except (Exception, SystemExit) as error:
        if is_out_of_memory(error):
            raise
        kind = CheckpointError if isinstance(error, OSError) else PluginError
        raise kind(not_loadable(name, error)) from error
    check_backend_facts(backend, name)
    if checkpoint is None and not options:
        _check_registered(backend, name)
    return backend


def _check_registered(backend: Backend, name: str) -> None:
    registered = find_backend(name).convention
    if registered is not None and backend.convention != registered:
        raise BackendContractError(
            f"{name}.convention is {backend.convention}, but its plugin registers {registered}. Register what the "
            "backend predicts, or None if that depends on the checkpoint."
        )


@dataclass(frozen=True)
class BackendRequest:
    """A registered backend with options, not loaded yet; its ``str`` is how cards and reports name it.

    Args:
        name: ``NAME`` or ``NAME=CHECKPOINT``.
        options: passed on to the backend.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])


def wrap(anything: Any) -> Backend:
    """Return a Backend for a name, a BackendRequest, a Backend or any object with a Backend's attributes.

    Raises:
        ConventionError: for a plain callable or module, whose convention is not known.
        BackendContractError: if the object lacks something a Backend needs, or is a class.
        PatchwrapError: if a backend cannot be loaded, see ``load_backend``.
    """
    if isinstance(anything, str):
        return load_backend(anything)
    if isinstance(anything, BackendRequest):
        return load_backend(anything.name, **anything.options)
    _check_no_class(anything)
    if not hasattr(anything, "predict") and callable(anything):
        raise ConventionError(_bare(anything))
    check_backend_facts(anything, name_of(anything))
    return anything


def _check_no_class(thing: Any) -> None:
    if isinstance(thing, type):
        raise BackendContractError(f"{thing.__name__} is a class; pass an instance: {thing.__name__}(…).")


def _bare(function: Any) -> str:
    advice = 'Pass wrap_callable(it, convention="depth:metric", processing=(height, width)) instead.'
    if hasattr(getattr(function, "config", None), "model_type"):
        advice = 'A model of transformers is loaded by load_backend("transformers", it).'
    return f"{name_of(function)} is a bare callable: nothing says what its numbers mean. {advice}"


def wrap_callable(
    function: Callable[[Images], Any],
    convention: str | DepthConvention | None = None,
    processing: tuple[int, int] | list[int] = (384, 512),
    multiple: int = 1,
    free_aspect: bool = True,
) -> "CallableBackend":
    """Make a Backend from a function from images to depth maps.

    A module is put into evaluation mode and moved to the device of each prediction; any other function must move its
    network to ``images.device`` itself. Both run under ``torch.autocast`` if another number type than float32 is
    requested, but a module whose weights are not float32 keeps its own.

    Args:
        function: takes RGB in [0, 1], not normalised, of shape (batch, 3, height, width); returns
            (batch, 1, rows, columns) or (batch, rows, columns), tensor or ndarray, or a list of one map per image, at
            any resolution.
        convention: of the returned maps; None is ``depth:metric``, with a warning.
        processing: preferred ``(height, width)`` of its input in pixels.
        multiple: both sides of an input are a multiple of this.
        free_aspect: whether inputs may have another aspect (of about the same area) than ``processing``.

    Raises:
        BackendContractError: if the function cannot be called or is a class, or for an impossible ``processing`` or
            ``multiple``.
        ConventionError: if the convention is none.

    Example:
        >>> flat = wrap_callable(lambda images: images.mean(1), "inverse_depth:affine", (32, 48))
        >>> flat.predict(torch.zeros(2, 3, 32, 48)).shape
        torch.Size([2, 1, 32, 48])
    """
    if not callable(function):
        raise BackendContractError(f"{function!r} is not a function; expected one from images to depth maps.")
    _check_no_class(function)
    if convention is None:
        convention = "depth:metric"
        _log.warning(
            "warning: nothing says what the numbers of %s mean, so they are taken for metres. State it: "
            'wrap_callable(it, convention="depth:metric"), or "inverse_depth:affine" for relative inverse depth.',
            name_of(function),
        )
    sides: Any = tuple(processing) if isinstance(processing, list) else processing
    backend = CallableBackend(function, DepthConvention.parse(convention), sides, multiple, free_aspect)
    check_backend_facts(backend, name_of(function))
    return backend


class CallableBackend:
    """A function as a Backend; made by ``wrap_callable``."""

    def __init__(
        self,
        function: Callable[[Images], Any],
        convention: DepthConvention,
        processing: tuple[int, int],
        multiple: int,
        free_aspect: bool,
    ) -> None:
        self.function = function.eval() if isinstance(function, nn.Module) else function
        self.__name__ = name_of(function)
        self.convention = convention
        self.processing = processing
        self.multiple = multiple
        self.free_aspect = free_aspect
        self._dtype = torch.float32

    def to(self, device: torch.device, dtype: torch.dtype) -> "CallableBackend":
        """Move the function if it is a module, and set the number type for autocast; the weights keep theirs."""
        if isinstance(self.function, nn.Module):
            self.function.eval().to(device)
        self._dtype = dtype
        return self

    def predict(self, images: Images) -> DepthBatch:
        """Call the function and resize its maps to the images' size.

        Raises:
            BackendContractError: if it does not return one map per image.
        """
        found = _as_tensor(self._called(images), self.__name__).to(images.device, torch.float32)
        maps = found[:, None] if found.ndim == 3 else found
        if maps.ndim != 4 or maps.shape[:2] != (len(images), 1):
            raise BackendContractError(
                f"{self.__name__} returned shape {tuple(found.shape)} for images of shape "
                f"{tuple(images.shape)}; expected ({len(images)}, 1, rows, columns). Return one map per image."
            )
        return resize_maps(depths_only(maps, self.convention), (images.shape[2], images.shape[3]))

    def _called(self, images: Images) -> Any:
        own = _dtype_of(self.function)
        # autocast instead of casting: not every module can be cast, and the weights stay exact.
        shorter = own == torch.float32 != self._dtype
        try:
            with torch.autocast(images.device.type, self._dtype) if shorter else nullcontext():
                return self.function(images.to(own))
        except Exception as error:
            error.add_note(
                f"Its input was {tuple(images.shape)}. A model of a fixed size needs free_aspect=False, one that takes "
                "one picture at a time tile_batch_size=1."
            )
            raise

    def exportable(self, size: tuple[int, int]) -> tuple[nn.Module, dict[str, Tensor]]:
        """Return the function, if it is a module, and random images.

        Raises:
            ExportError: if it is a plain function, or its weights are not float32.
        """
        if not isinstance(self.function, nn.Module):
            raise ExportError(
                f"{self.__name__} is a plain function; only a torch.nn.Module can be written as ONNX. "
                "Pass the module itself to wrap_callable."
            )
        if (own := _dtype_of(self.function)) != torch.float32:
            kind = str(own).removeprefix("torch.")
            raise ExportError(
                f"{self.__name__} has {kind} weights; ONNX is written in float32. Wrap it after .float()."
            )
        return self.function, {"images": torch.rand(2, 3, *size)}


def _dtype_of(function: Any) -> torch.dtype:
    """The number type of a module's weights, which may be half precision; float32 for a plain function."""
    weights = function.parameters() if isinstance(function, nn.Module) else ()
    return next((value.dtype for value in weights if value.is_floating_point()), torch.float32)


def _as_tensor(raw: Any, name: str) -> Tensor:
    if isinstance(raw, Tensor):
        return raw
    try:
        if isinstance(raw, list):
            return torch.stack([_as_tensor(one, name) for one in raw])
        if isinstance(raw, np.ma.MaskedArray):
            raw = np.ma.filled(raw.astype(np.float32), np.nan)
        if isinstance(raw, ndarray):
            return torch.from_numpy(np.ascontiguousarray(raw, raw.dtype.newbyteorder("=")))
    except BackendContractError:  # of a map in a list
        raise
    except (RuntimeError, TypeError, ValueError) as error:  # maps of several sizes, or not numeric
        raise BackendContractError(f"{name} returned no maps: {error}") from error
    raise BackendContractError(
        f"{name} returned a {type(raw).__name__}; expected a tensor or array of maps. Return those alone, such as "
        "outputs.predicted_depth or outputs['depth']; for a network wrap a module whose forward does so, since a plain "
        "function is neither moved to the device nor put into eval()."
    )


def check_backend_facts(backend: Any, name: str) -> None:
    """Check what a backend declares.

    Raises:
        BackendContractError: naming what is missing or invalid.
    """
    for attribute in ("convention", "processing", "predict"):
        if not hasattr(backend, attribute):
            raise BackendContractError(
                f"{name} has no {attribute!r}. A backend has convention, processing and predict(images)."
            )
    if not isinstance(backend.convention, DepthConvention):
        raise BackendContractError(
            f"{name}.convention is {backend.convention!r}; expected a DepthConvention. "
            'Write DepthConvention.parse("depth:metric").'
        )
    sides = backend.processing
    if not (isinstance(sides, tuple) and len(sides) == 2 and all(isinstance(n, int) and n > 0 for n in sides)):
        raise BackendContractError(f"{name}.processing is {sides!r}; expected a tuple of two int, (height, width).")
    multiple = getattr(backend, "multiple", Traits.multiple)
    if not isinstance(multiple, int) or multiple < 1:
        raise BackendContractError(f"{name}.multiple is {multiple!r}; expected a whole number from 1.")
    if not Traits.of(backend).free_aspect and any(side % multiple for side in sides):
        raise BackendContractError(
            f"{name} sees all pictures at {sides} (height, width), since its aspect is not free, but both sides must "
            f"be multiples of {multiple}. Give a processing that is."
        )
    if isinstance(backend, Movable):
        _check_to(backend, name)


def check_head_facts(head: object) -> None:
    """Check what a fusion head declares; None passes.

    Raises:
        BackendContractError: if it is a class, cannot be moved as ``Movable`` says, or an attribute has an impossible
            value, see ``HeadTraits``.
    """
    _check_no_class(head)
    HeadTraits.of(head)
    if isinstance(head, Movable):
        _check_to(head, type(head).__name__)


def _check_to(part: Movable, name: str) -> None:
    try:
        inspect.signature(part.to).bind("cpu", torch.float32)
    except TypeError as error:
        raise BackendContractError(f"{name}.to cannot be called as to(device, dtype): {error}.") from error
    except ValueError:  # compiled code tells no signature
        return


def _check_options(factory: Callable[..., Any], options: dict[str, Any], name: str) -> None:
    signature = inspect.signature(factory)
    try:
        signature.bind(None, **options)
    except TypeError as error:
        known = ", ".join(list(signature.parameters)[1:]) or "no options"
        fixed = "convention" in options and "convention" not in signature.parameters
        own = " It states its own convention." if fixed else ""
        raise OptionError(f"Backend {name!r} takes no such option: {error}. It has: {known}.{own}") from None
