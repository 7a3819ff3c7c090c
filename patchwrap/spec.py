"""The Protocols that a backend, a fusion head and a fuser implement: structure only, no base class to inherit.

``Backend`` is all that is required. The small Protocols after it are optional: patchwrap looks for them with
``isinstance``, so a backend supports one by having its method. ``Traits`` and ``HeadTraits`` list the optional
attributes and their defaults.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from patchwrap.convention import DepthConvention
from patchwrap.errors import BackendContractError
from patchwrap.fusers import DEFAULT as DEFAULT_FUSER
from patchwrap.fusers import FUSERS
from patchwrap.precision import Precision
from patchwrap.tile_view import TileView
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, ConfidenceBatch, DepthBatch, Features, FieldsOfView, Images, Map


@runtime_checkable
class Backend(Protocol):
    """Any monocular depth model: two attributes (``convention``, ``processing``) and one method.

    ``Traits`` lists the optional attributes. One that holds a network should have ``to``, see ``Movable``; the other
    optional methods are those of the Protocols below.
    """

    convention: DepthConvention
    processing: tuple[int, int]
    """Preferred ``(height, width)`` of an input in pixels; with ``free_aspect`` only the area counts."""

    def predict(self, images: Images) -> DepthBatch:
        """Predict one map per image.

        Must not disable gradients: the pipeline does that where none are needed. Torch's generators of the CPU and of
        the images' device are seeded before; those of other devices are not.

        Args:
            images: RGB in [0, 1] as float32, on the device of the prediction, at a size this backend accepts. They are
                not normalised: a model's mean and standard deviation are applied here.

        Returns:
            One map per image, a float tensor of the images' height and width. Non-finite values mean invalid; so does a
            depth of zero or less, unless the ambiguity is affine. The maps are copied, so that the next call may
            overwrite them.
        """
        ...


@dataclass(frozen=True)
class Traits:
    """The optional attributes of a backend, with the defaults that hold where it lacks them."""

    multiple: int = 1
    """Both sides of an input must be divisible by this number of pixels."""

    free_aspect: bool = True
    """Whether inputs may have any aspect ratio; if False, every input has exactly the size ``processing``."""

    mirror: bool = False
    """Whether the coarse pass also predicts the mirrored image by default, see ``patchwrap.mirror``."""

    knows_tiles: bool = False
    """Whether it was trained on tiles; its layout inside a tile is then trusted, which raises the default detail
    strength."""

    open_size: bool = True
    """Whether a graph traced at one input size (``Exportable``) is valid for others; if False, the ONNX file takes one
    size only."""

    @classmethod
    def of(cls, backend: object) -> "Traits":
        """Read a backend's optional attributes."""
        return cls(**_own_attributes(backend, cls))


def _own_attributes(thing: object, traits: type) -> dict[str, Any]:
    """Those of the traits that an object has itself."""
    names = [trait.name for trait in fields(traits)]
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)}


def name_of(part: object) -> str:
    """What messages and results call a backend or a function: its own ``__name__``, or its class's."""
    name: str = getattr(part, "__name__", type(part).__name__)
    return name


def fine_of(backend: object) -> Backend | None:
    """The tile backend that a backend brings as its attribute ``fine``, or None.

    An attribute of that name without ``predict``, such as a layer of a torch module, does not count.
    """
    fine = getattr(backend, "fine", None)
    return fine if callable(getattr(fine, "predict", None)) else None


@runtime_checkable
class Movable(Protocol):
    """A backend whose networks can be moved to another device and number type."""

    def to(self, device: torch.device, dtype: torch.dtype) -> object:
        """Move the networks; images arrive on the same device in float32, ``predict`` casts them to the networks' type.

        Moving back to float32 must restore the exact weights (``patchwrap.Precision`` does that), since one backend
        serves many calls.
        """
        ...


def networks_of(owner: object) -> list[nn.Module]:
    """The modules that an object is or has as attributes, also as those of a ``Precision``."""
    held = owner, *getattr(owner, "__dict__", {}).values()
    parts = (part.network if isinstance(part, Precision) else part for part in held)
    return [part for part in parts if isinstance(part, nn.Module)]


def release(*parts: object) -> None:
    """Move the networks of parts that are ``Movable`` to the CPU in float32, which frees their device's memory."""
    for part in parts:
        if isinstance(part, Movable):
            part.to(torch.device("cpu"), torch.float32)


@runtime_checkable
class MetricWithFocal(Protocol):
    """A scale-ambiguous backend whose scale is known once the focal length is."""

    def metres_per_unit(self, focal: float) -> float:
        """Metres per predicted unit of the whole-image pass.

        Args:
            focal: focal length as a fraction of the image's longer side.
        """
        ...


@runtime_checkable
class PredictsFieldOfView(Protocol):
    """A backend that estimates the camera's field of view; metres that it predicts hold for this estimate.

    For a photo of known focal length they are corrected in proportion to it; else the estimate is taken for the
    camera's. ``predict_with_fov`` is called for the whole image only, in place of ``predict_with_confidence``; if a
    fusion head wants features, ``predict_with_features`` is called instead.
    """

    def predict_with_fov(self, images: Images) -> tuple[DepthBatch, FieldsOfView]:
        """Predict as ``predict`` does and return each image's horizontal field of view in degrees as well."""
        ...


@runtime_checkable
class PredictsFeatures(Protocol):
    """A backend that returns decoder features as guidance for a fusion head."""

    def predict_with_features(self, images: Images) -> tuple[DepthBatch, Features]:
        """Predict as ``predict`` does and return decoder features as well, at any resolution."""
        ...


@runtime_checkable
class Exportable(Protocol):
    """A backend or fusion head whose whole computation is one torch module, so that it can be written as ONNX.

    Optional attribute: ``Traits.open_size``.
    """

    def exportable(self, size: tuple[int, int]) -> tuple[nn.Module, dict[str, Tensor]]:
        """Return the module and random inputs to it.

        Args:
            size: ``(height, width)`` of the inputs that are pictures or maps.

        Returns:
            A module in evaluation mode that takes RGB in [0, 1] and returns one tensor, as ``predict`` or
            ``refine`` does; and its inputs in order, by name, two images in a batch.
        """
        ...


@runtime_checkable
class Trainable(Protocol):
    """A backend whose decoder can be fine-tuned with a fusion head; its encoder stays as it is."""

    def trainable_parameters(self) -> Iterator[nn.Parameter]:
        """The decoder's parameters, always in the same order; ``predict`` must be differentiable in them."""
        ...


@runtime_checkable
class PredictsConfidence(Protocol):
    """A backend that predicts a confidence; tiles count less where it is low.

    If a fusion head wants features, ``predict_with_features`` is called instead.
    """

    def predict_with_confidence(self, images: Images) -> tuple[DepthBatch, ConfidenceBatch]:
        """Predict as ``predict`` does and return a confidence in [0, 1] of the same shape as well."""
        ...


TileSource = Callable[[Tile], Images]
"""Called with a tile; returns its RGB, resized to the backend's input size, as a batch of one on its device."""


@dataclass(frozen=True)
class TileContext:
    """What a backend with its own loop over the tiles is told beside the tiles.

    Args:
        seed: for everything random.
        coarse: the coarse map of the whole image at the coarse backend's resolution, NaN where invalid.
        convention: of the coarse map; not necessarily the tile backend's own.
        canvas: ``(height, width)`` of the pixel grid on which the tiles lie; it covers the whole image.
        tile_batch_size: largest number of tiles to predict at once.
    """

    seed: int
    coarse: CoarseMap
    convention: DepthConvention
    canvas: Size
    tile_batch_size: int


@runtime_checkable
class PredictsTiles(Protocol):
    """A backend with its own loop over the tiles, such as joint diffusion of all tiles from one noise field."""

    def predict_tiles(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Tile, Map]]:
        """Predict every tile once, in any order.

        Args:
            source: returns a tile's RGB.
            tiles: where they lie on the canvas.
            context: seed, coarse map and batch size.

        Yields:
            A tile and its map, ``(height, width)`` of what ``source`` returns for it, in the backend's convention.
        """
        ...


@runtime_checkable
class PredictsTilesWithConfidence(Protocol):
    """A backend with its own loop over the tiles that yields confidence, too; preferred to ``predict_tiles``."""

    def predict_tiles_with_confidence(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Tile, Map, Map]]:
        """Predict every tile as ``predict_tiles`` does.

        Yields:
            A tile, its map, and a confidence in [0, 1] of the same shape.
        """
        ...


@runtime_checkable
class FusionHead(Protocol):
    """A light network that corrects one aligned tile before fusion. Optional attributes: see ``HeadTraits``.

    All maps are in the fusion space (log depth for metric and scale-invariant depth). The residual a head adds starts
    at zero: an untrained head returns the aligned tiles, or the weighted mean of all tiles there.
    """

    def refine(self, view: TileView) -> DepthBatch:
        """Return the aligned tiles plus a residual, finite, in the same shape; no side has less than 16 pixels.

        The view's maps are copies, so that a head may change them.
        """
        ...


DRAWN = ("alone", "together", "never")
"""How refined tiles fall back to the coarse map where they differ from it, see ``second_pass.SecondPass``.

``alone``: each tile by its own difference, as without a head. ``together``: all tiles by the same share, where their
mean is far from the coarse map; for a head that reads the view's confidence and decides itself how far to trust a tile.
``never``: not at all; for a head that was trained to be right where its backbone is wrong.
"""


@dataclass(frozen=True)
class HeadTraits:
    """The optional attributes of a fusion head, with the defaults that hold where it lacks them."""

    wants_features: bool = True
    """Whether it uses decoder features; if False, backends are not asked for them."""

    drawn: str = "alone"
    """How refined tiles fall back to the coarse map, one of ``DRAWN``."""

    fuser: str = DEFAULT_FUSER
    """The fuser used with ``fuser="auto"``."""

    knows_tiles: bool = False
    """As on a backend (``Traits``); one of the two suffices."""

    @classmethod
    def of(cls, head: object) -> "HeadTraits":
        """Read a head's optional attributes; all are defaults for None.

        Raises:
            BackendContractError: if ``drawn`` or ``fuser`` has a value that does not exist.
        """
        traits = cls(**_own_attributes(head, cls))
        for name, known in (("drawn", DRAWN), ("fuser", tuple(FUSERS))):
            value = getattr(traits, name)
            if value not in known:
                expected = ", ".join(known)
                raise BackendContractError(f"{type(head).__name__}.{name} is {value!r}; expected one of {expected}.")
        return traits


def head_of(backend: object) -> FusionHead | None:
    """The fusion head that a backend brings as its attribute ``head``, or None.

    An attribute of that name without ``refine``, such as a layer of a torch module, does not count.
    """
    head = getattr(backend, "head", None)
    return head if callable(getattr(head, "refine", None)) else None


@runtime_checkable
class Fuser(Protocol):
    """An accumulator over a canvas: tiles in any order, then one result."""

    def add(self, tile: Tile, values: Map, weights: Map) -> None:
        """Take in one aligned tile of the canvas; values and weights have its size."""
        ...

    def result(self) -> Map:
        """Return the fused canvas."""
        ...


Progress = Callable[[int, int], None]
"""Called with ``(tiles done, number of tiles)``, or likewise with scenes or shards."""

StepProgress = Callable[[int, int, str], None]
"""Called with ``(steps done, steps in total, what comes next)`` by comparisons and trainings."""

Observer = Callable[[Tile, Map, Map], None]
"""Called with a tile on the canvas, its raw prediction and the aligned, refined map that is fused; both in the coarse
backend's own unit, before a known focal length scales the result."""
