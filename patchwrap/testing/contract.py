"""Check that a backend, and what it brings, keeps its contract. Every fault is a BackendContractError with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from patchwrap.canvas import Canvas
from patchwrap.errors import BackendContractError, ExportError
from patchwrap.focal import metres_per_unit
from patchwrap.gap import relative_gap
from patchwrap.predict_options import FOVS
from patchwrap.spaces import fusion_space, to_space
from patchwrap.spec import (
    Backend,
    Exportable,
    FusionHead,
    HeadTraits,
    MetricWithFocal,
    Movable,
    PredictsConfidence,
    PredictsFeatures,
    PredictsFieldOfView,
    PredictsTiles,
    PredictsTilesWithConfidence,
    TileContext,
    Trainable,
    fine_of,
    head_of,
    name_of,
    networks_of,
)
from patchwrap.testing.painted import bare_view, painted_photo
from patchwrap.tile_pass import TilePass
from patchwrap.tile_runner import Output, backend_size, checked_maps, described, run_backend
from patchwrap.tile_view import TileView
from patchwrap.tiling import Size, TilePlan
from patchwrap.types import DepthBatch, Features, Images
from patchwrap.wrapping import check_backend_facts, check_head_facts

_CPU = torch.device("cpu")

_TOLERANCE = 1e-3
"""Largest difference between maps that should be the same, as a fraction of the largest value."""


def check_backend(backend: Backend, sizes: tuple[tuple[int, int], ...] = ((1080, 1920), (640, 480))) -> None:
    """Check that a backend keeps its contract; call it from the backend's own test.

    Whatever optional methods it has are checked, too, and so are the ``fine`` backend and the ``head`` it brings. All
    of it runs on the CPU and leaves the backend there in float32. Random numbers are allowed if they are drawn from
    torch's generator, which is seeded before each call.

    Args:
        backend: what to check.
        sizes: ``(height, width)`` of photos; each is resized to the backend's input size for that photo.

    Raises:
        BackendContractError: if a declaration or a returned value breaks the contract, if a network is in training
            mode, or if predictions are all invalid, constant, differ from call to call, depend on their batch
            neighbours or differ after a while in half precision.
    """
    name = name_of(backend)
    check_backend_facts(backend, name)
    fine = fine_of(backend)
    for part in (backend, fine):
        # As in the pipeline, before any prediction: a constructor may leave its network on a GPU or in half precision.
        if isinstance(part, Movable):
            part.to(_CPU, torch.float32)
    _check_evaluation(backend, name)
    with torch.random.fork_rng(devices=[]):
        for size in sizes:
            images = _pictures(backend, size)
            _check_variants(backend, name, images, _checked_predictions(backend, name, images))
        _check_options(backend, name, sizes[0])
        if (head := head_of(backend)) is not None:
            _check_head(head, backend, sizes[0])
    if fine is not None and fine is not backend:
        check_backend(fine, sizes)


def _check_options(backend: Backend, name: str, size: Size) -> None:
    """Check the optional methods that a backend has."""
    images = _pictures(backend, size)
    if isinstance(backend, MetricWithFocal) and backend.convention.ambiguity == "scale":
        for focal in (0.5, 1.0):
            metres_per_unit(backend, focal)
    if isinstance(backend, Movable):
        _check_return(backend, name, images)
    if isinstance(backend, PredictsTiles | PredictsTilesWithConfidence):
        _check_tiles(backend)
    if isinstance(backend, Trainable):
        _check_trainable(backend, name, images[:1])
    if isinstance(backend, Exportable):
        _check_exportable(backend, name, (images.shape[2], images.shape[3]))


def _require(condition: Any, message: str) -> None:
    if not condition:
        raise BackendContractError(message)


def _pictures(backend: Backend, size: Size) -> Images:
    """Two pictures at the input size for a photo of a size."""
    height, width = backend_size(backend, size)
    photos = np.stack([painted_photo(height, width), painted_photo(height, width)[:, ::-1]])
    return torch.from_numpy(photos).permute(0, 3, 1, 2).contiguous()


def _check_evaluation(part: object, name: str) -> None:
    """Find dropout and batch statistics in a backend or head, or in a network that it holds, that are in training mode.

    The head that a backend brings does not count as its own.
    """
    others = set(_layers(head_of(part)))
    for layer in (layer for network in networks_of(part) for layer in _layers(network)):
        active = layer.training and layer not in others and isinstance(layer, (_BatchNorm, _DropoutNd))
        _require(not active, f"{name} has a {type(layer).__name__} in training mode. Call its network's eval().")


def _layers(network: object) -> Iterator[nn.Module]:
    return network.modules() if isinstance(network, nn.Module) else iter(())


@torch.no_grad()
def _checked_predictions(backend: Backend, name: str, images: Images) -> DepthBatch:
    """Predict the pictures together, alone and again, and return their maps."""
    before = images.clone()
    both = _predicted(backend, name, images)
    _require(torch.equal(before, images), f"{name}.predict changes its input. Work on a copy.")
    valid = both.isfinite()
    _require(valid[0].any(), f"{name}.predict returned no finite value for a picture of a plane with a box.")
    varies = both[0][valid[0]].std() > 0
    _require(varies, f"{name}.predict returned a constant map for a picture of a plane with a box.")
    first, second, again = (_predicted(backend, name, images[k : k + 1]) for k in (0, 1, 0))
    _require(
        relative_gap(first, again) == 0,
        f"{name}.predict returns other maps when called again. Keep no state between calls, and draw random numbers "
        "from torch's generator of the CPU or of the images' device, which patchwrap seeds.",
    )
    gap = relative_gap(both, torch.cat([first, second]))
    _require(
        gap <= _TOLERANCE,
        f"{name}.predict: a map depends on its batch neighbours ({_difference(gap)}). Normalise every image by itself.",
    )
    return both


def _predicted(backend: Backend, name: str, images: Images) -> DepthBatch:
    """A copy of the maps of ``predict``; every call has the same random numbers, as in the pipeline."""
    torch.manual_seed(0)
    return checked_maps(f"{name}.predict", backend.predict(images), images, backend.convention)


def _difference(gap: float) -> str:
    """A gap in words, of two maps."""
    return "other pixels are finite" if gap == float("inf") else f"they differ by {gap:.2g} of the largest value"


def _check_variants(backend: Backend, name: str, images: Images, plain: DepthBatch) -> None:
    """Predict with confidence, with features, and with the field of view, if the backend offers them."""
    if isinstance(backend, PredictsConfidence):
        _check_variant(backend, f"{name}.predict_with_confidence", images, plain)
    if isinstance(backend, PredictsFeatures):
        _check_variant(backend, f"{name}.predict_with_features", images, plain, with_features=True)
    if isinstance(backend, PredictsFieldOfView):
        fov = _check_variant(backend, f"{name}.predict_with_fov", images, plain, with_fov=True).fov
        possible = fov is not None and bool(((fov >= FOVS[0]) & (fov <= FOVS[1])).all())
        _require(possible, f"{name}.predict_with_fov returned {fov}; expected degrees from {FOVS[0]} to {FOVS[1]}.")


@torch.no_grad()
def _check_variant(backend: Backend, method: str, images: Images, plain: DepthBatch, **how: bool) -> Output:
    torch.manual_seed(0)
    output = run_backend(backend, images, **how)
    gap = relative_gap(plain, output.maps)
    _require(
        gap <= _TOLERANCE,
        f"{method} returns other maps than predict ({_difference(gap)}). Return the same maps from both.",
    )
    return output


@torch.no_grad()
def _check_return(backend: Any, name: str, images: Images) -> None:
    """One backend serves many calls: half precision in one of them must not cost later ones their precision."""
    maps = []
    try:
        for dtypes in ((torch.float32,), (torch.bfloat16, torch.float32)):
            for dtype in dtypes:
                backend.to(_CPU, dtype)
                predicted = _predicted_in(dtype, backend, name, images[:1])
            maps.append(predicted.nan_to_num())
    finally:
        backend.to(_CPU, torch.float32)
    _require(
        torch.equal(*maps),
        f"{name}.to() comes back from bfloat16 rounded. Keep the float32 weights: patchwrap.Precision does.",
    )


def _predicted_in(dtype: torch.dtype, backend: Any, name: str, images: Images) -> DepthBatch:
    try:
        return _predicted(backend, name, images)
    except RuntimeError as error:
        raise BackendContractError(
            f"{name}.predict fails after to(cpu, {dtype}): {error}. Images stay float32: convert them to the number "
            "type of the weights inside predict."
        ) from error


@torch.no_grad()
def _check_tiles(backend: Backend) -> None:
    """Run the backend's own loop over four tiles."""
    canvas = Canvas.cut(painted_photo(), TilePlan.parse("2x2"), backend)
    images = Canvas.picture(canvas.pixels, backend_size(backend, canvas.size))
    coarse = run_backend(backend, images).maps[0, 0]
    context = TileContext(0, coarse, backend.convention, canvas.size, 2)
    space = fusion_space(backend.convention, backend.convention)
    for _ in TilePass(canvas, backend, space, _CPU, context, False, lambda done, total: None):
        pass


def _check_trainable(backend: Any, name: str, images: Images) -> None:
    parameters = list(backend.trainable_parameters())
    method = f"{name}.trainable_parameters"
    _require(parameters, f"{method}() is empty; expected the decoder's parameters. Leave the method out without any.")
    again = list(backend.trainable_parameters())
    same = len(again) == len(parameters) and all(a is b for a, b in zip(parameters, again))
    _require(same, f"{method}() differs from call to call; expected the same parameters in the same order.")
    with torch.enable_grad(), _trained(parameters):
        maps = backend.predict(images)
        advice = "Remove no_grad, inference_mode and detach: the pipeline disables gradients where none are needed."
        _require(maps.requires_grad, f"{name}.predict has no gradient in {method}(). {advice}")
        gradients = torch.autograd.grad(maps[maps.isfinite()].mean(), parameters, allow_unused=True)
    found = any(gradient is not None for gradient in gradients)
    _require(found, f"{name}.predict uses none of {method}(). Return parameters that decide its maps.")


@contextmanager
def _trained(parameters: list[nn.Parameter]) -> Iterator[None]:
    before = [value.requires_grad for value in parameters]
    try:
        for value in parameters:
            value.requires_grad_(True)
        yield
    finally:
        for value, required in zip(parameters, before):
            value.requires_grad_(required)


@torch.no_grad()
def _check_exportable(thing: Any, name: str, size: Size) -> None:
    try:
        returned = thing.exportable(size)
    except ExportError:  # some networks of a class may be exportable, and this one not
        return
    pair = isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[0], nn.Module)
    _require(pair, f"{name}.exportable returned {described(returned)}; expected (module, inputs by name).")
    module, inputs = returned
    training = any(part.training for part in module.modules())
    _require(not training, f"{name}.exportable returned a module in training mode. Call its eval().")
    values = list(inputs.values()) if isinstance(inputs, dict) else []
    tensors = all(isinstance(value, Tensor) and len(value) == 2 for value in values)
    _require(values and tensors, f"{name}.exportable: inputs must be a dict of tensors, each a batch of two.")
    output = module(*values)
    one = isinstance(output, Tensor) and len(output) == 2
    _require(one, f"{name}.exportable: the module returned {described(output)}; expected one tensor for two images.")


@torch.no_grad()
def _check_head(head: FusionHead, backend: Backend, size: Size) -> None:
    check_head_facts(head)
    name = type(head).__name__
    if isinstance(head, Movable):
        head.to(_CPU, torch.float32)
    _check_evaluation(head, name)
    view = _view(backend, HeadTraits.of(head).wants_features, size)
    refined = checked_maps(f"{name}.refine", head.refine(view), view.images)
    finite = bool(refined.isfinite().all())
    _require(finite, f"{name}.refine returned values that are not finite for finite maps.")
    if isinstance(head, Exportable):
        _check_exportable(head, name, (view.images.shape[2], view.images.shape[3]))


def _view(backend: Backend, with_features: bool, size: Size) -> TileView:
    """A picture as if it were a tile: what the backend and its tile backend predict for it."""
    tiles = fine_of(backend) or backend
    space = fusion_space(backend.convention, tiles.convention)
    images = _pictures(tiles, size)[:1]
    coarse = run_backend(backend, _pictures(backend, size)[:1], with_features)
    fine = run_backend(tiles, images, with_features)
    maps = nn.functional.interpolate(coarse.maps, fine.maps.shape[2:], mode="nearest")
    return bare_view(
        images,
        to_space(maps, backend.convention, space).nan_to_num(0.0),
        to_space(fine.maps, tiles.convention, space).nan_to_num(0.0),
        coarse_features=_sized(coarse.features, fine.features),
        fine_features=fine.features,
    )


def _sized(features: Features | None, other: Features | None) -> Features | None:
    """Features at the resolution of others, as the pipeline gives them to a head."""
    if features is None or other is None:
        return features
    return nn.functional.interpolate(features.float(), other.shape[2:], mode="nearest")
