"""The Protocols a backend, a fusion head and a fuser fulfil: structure only, no base class to inherit.

``Backend`` is all a stranger must write. The small Protocols after it are found by ``isinstance``;
a backend offers any of them by simply having the method.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from patchwrap.convention import DepthConvention
from patchwrap.tile_view import TileView
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, ConfidenceBatch, DepthBatch, Features, Images, Map


@runtime_checkable
class Backend(Protocol):
    """Any monocular depth model: three lines of facts and one method.

    Optional attributes: ``multiple`` (int, both sides of an input must divide by it, default 1),
    ``free_aspect`` (bool, default True; False means inputs always have exactly ``processing``),
    ``mirror`` (bool, default False; True asks for the mirror image of the whole, too, see ``patchwrap.mirror``) and
    ``knows_tiles`` (bool, default False; True says that it learned from tiles, so that what it says of a tile's layout
    is believed, and not of its details alone, see ``fusion.DETAIL_DEFAULT``).
    """

    convention: DepthConvention
    processing: tuple[int, int]
    """Preferred ``(height, width)`` in the model's own pixels; with a free aspect only the area counts."""

    def predict(self, images: Images) -> DepthBatch:
        """Predict one map per image.

        Never disables gradients: the pipeline does that.

        Args:
            images: RGB in [0, 1] at a size this backend accepts.

        Returns:
            One map per image, same height and width; non-finite values mean invalid.
        """
        ...


class HasFine(Protocol):
    """A backend that brings another backend for the tiles; see ``fine_of``."""

    fine: Backend


def fine_of(backend: object) -> Backend | None:
    """The backend that one brings for the tiles, or None: what cannot predict is something else of that name."""
    fine = getattr(backend, "fine", None)
    return fine if callable(getattr(fine, "predict", None)) else None


@runtime_checkable
class Movable(Protocol):
    """A backend whose networks can be moved."""

    def to(self, device: torch.device, dtype: torch.dtype) -> object:
        """Move the networks; images arrive on the same device in float32.

        Back in float32 they are what they were, see ``patchwrap.precision``: one backend serves many calls.
        """
        ...


@runtime_checkable
class MetricWithFocal(Protocol):
    """A scale-ambiguous backend whose scale becomes known with the focal length."""

    def metres_per_unit(self, focal: float) -> float:
        """Metres per predicted unit of the whole-image pass.

        Args:
            focal: focal length as a fraction of the image's longer side.
        """
        ...


@runtime_checkable
class PredictsFeatures(Protocol):
    """A backend that hands out decoder features as guidance for a fusion head."""

    def predict_with_features(self, images: Images) -> tuple[DepthBatch, Features]:
        """Predict as ``predict`` does and return decoder features beside it."""
        ...


@runtime_checkable
class Exportable(Protocol):
    """A backend or fusion head whose whole computation is one torch module, so that it can be written as ONNX.

    Optional attribute: ``open_size`` (bool, default True; False means that what was traced at one size holds for no
    other, so that the ONNX file takes one size alone).
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
    """A backend that knows how sure it is; unsure tiles count less.

    Where a fusion head wants features, ``predict_with_features`` is called instead.
    """

    def predict_with_confidence(self, images: Images) -> tuple[DepthBatch, ConfidenceBatch]:
        """Predict as ``predict`` does and return a confidence in [0, 1] of the same shape beside it."""
        ...


TileSource = Callable[[Tile], Images]
"""A tile's RGB at the size at which the backend sees it, as a batch of one on the backend's device."""


@dataclass(frozen=True)
class TileContext:
    """What a backend that owns the loop over the tiles may want to know.

    Args:
        seed: of everything random.
        coarse: the whole image's map at its own sampling, NaN where invalid.
        convention: what its values mean; not necessarily the tile backend's own.
        canvas: ``(height, width)`` of the grid on which the tiles lie: the whole image.
        tile_batch_size: tiles to predict at once, at most.
    """

    seed: int
    coarse: CoarseMap
    convention: DepthConvention
    canvas: Size
    tile_batch_size: int


@runtime_checkable
class PredictsTiles(Protocol):
    """A backend that owns the loop over the tiles, since it predicts them jointly (diffusion from one noise field)."""

    def predict_tiles(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Tile, Map]]:
        """Predict every tile once, in any order.

        Args:
            source: reads a tile.
            tiles: where they lie on the canvas.
            context: what else is known.

        Yields:
            A tile and its map at the size that ``source`` gives it, as ``predict`` would return it.
        """
        ...


@runtime_checkable
class PredictsTilesWithConfidence(Protocol):
    """A backend that owns the loop over the tiles and knows how sure it is of each; called before ``predict_tiles``."""

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
    """A light network that corrects one aligned tile before fusion.

    All maps are in the fusion space (log depth for metric and scale-invariant depth). The residual
    a head adds starts at zero: an untrained head returns the aligned tiles, or what all tiles together say there.

    Optional attributes: ``wants_features`` (bool, default True); False spares backends the decoder features.
    ``drawn`` says how its tiles are drawn to the coarse map where they differ from it: ``alone`` (the default) each by
    itself, as without a head; ``together`` where all together differ, farther away and all by the same share, for a
    head that reads the view's confidence and decides itself how far to believe a tile; ``never`` for one that was
    trained to be right where its backbone is not. ``fuser`` (str) is the one it asks for. ``knows_tiles`` (bool,
    default False) is as a backend's: one of the two is enough.
    """

    def refine(self, view: TileView) -> DepthBatch:
        """Return the aligned tiles plus a residual; no side has less than 16 pixels."""
        ...


class HasHead(Protocol):
    """A backend that brings a fusion head of its own; see ``head_of``."""

    head: FusionHead


def head_of(backend: object) -> FusionHead | None:
    """The fusion head that a backend brings, or None: what cannot refine is something else of that name."""
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
"""Called with ``(tiles done, tiles in all)``."""

Observer = Callable[[Tile, Map, Map], None]
"""Called with a tile of the canvas, what was predicted there and what of it goes into the fusion."""
