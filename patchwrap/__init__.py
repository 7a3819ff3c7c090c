"""Tile-level detail for any monocular depth model.

Importing this package imports no torch: every public name is loaded on first use (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOME = {
    # what users call and get
    "predict": "pipeline",
    "read_image": "io",
    "DepthMap": "depth_map",
    "load_backend": "wrapping",
    "wrap": "wrapping",
    "wrap_callable": "wrapping",
    "CallableBackend": "wrapping",
    "export": "exporting",
    "bench": "bench.runner",
    "finetune": "finetune.runner",
    "load_head": "heads",
    "Head": "heads",
    "TilePlan": "tiling",
    "Layer": "tiling",
    "Tile": "tiling",
    "Progress": "spec",
    "Observer": "spec",
    # for authors of backends
    "hookimpl": "hookspecs",
    "Register": "hookspecs",
    "Checkpoint": "hookspecs",
    "Backend": "spec",
    "Traits": "spec",
    "FusionHead": "spec",
    "HeadTraits": "spec",
    "TileView": "tile_view",
    "TileSource": "spec",
    "TileContext": "spec",
    "DepthConvention": "convention",
    "Images": "types",
    "DepthBatch": "types",
    "ConfidenceBatch": "types",
    "Features": "types",
    "Map": "types",
    "CoarseMap": "types",
    "Size": "tiling",
    "Precision": "precision",
    "resize_maps": "resampling",
    # errors
    "PatchwrapError": "errors",
    "ImageError": "errors",
    "ConventionError": "errors",
    "TilingError": "errors",
    "OptionError": "errors",
    "BackendNotFoundError": "errors",
    "BackendContractError": "errors",
    "PluginError": "errors",
    "CheckpointError": "errors",
    "OutputError": "errors",
    "ExportError": "errors",
    "TrainingError": "errors",
    "MissingExtraError": "errors",
    "ScenesUnavailableError": "errors",
}

_PACKAGES = ("datasets", "extension", "losses", "metrics", "scenes", "testing")
"""Public modules; loaded on first use, too."""

__all__ = sorted([*_HOME, "__version__"])

if TYPE_CHECKING:
    from patchwrap.bench.runner import bench as bench
    from patchwrap.convention import DepthConvention as DepthConvention
    from patchwrap.depth_map import DepthMap as DepthMap
    from patchwrap.errors import BackendContractError as BackendContractError
    from patchwrap.errors import BackendNotFoundError as BackendNotFoundError
    from patchwrap.errors import CheckpointError as CheckpointError
    from patchwrap.errors import ConventionError as ConventionError
    from patchwrap.errors import ExportError as ExportError
    from patchwrap.errors import ImageError as ImageError
    from patchwrap.errors import MissingExtraError as MissingExtraError
    from patchwrap.errors import OptionError as OptionError
    from patchwrap.errors import OutputError as OutputError
    from patchwrap.errors import PatchwrapError as PatchwrapError
    from patchwrap.errors import PluginError as PluginError
    from patchwrap.errors import ScenesUnavailableError as ScenesUnavailableError
    from patchwrap.errors import TilingError as TilingError
    from patchwrap.errors import TrainingError as TrainingError
    from patchwrap.exporting import export as export
    from patchwrap.finetune.runner import finetune as finetune
    from patchwrap.heads import Head as Head
    from patchwrap.heads import load_head as load_head
    from patchwrap.hookspecs import Checkpoint as Checkpoint
    from patchwrap.hookspecs import Register as Register
    from patchwrap.hookspecs import hookimpl as hookimpl
    from patchwrap.io import read_image as read_image
    from patchwrap.pipeline import predict as predict
    from patchwrap.precision import Precision as Precision
    from patchwrap.resampling import resize_maps as resize_maps
    from patchwrap.spec import Backend as Backend
    from patchwrap.spec import FusionHead as FusionHead
    from patchwrap.spec import HeadTraits as HeadTraits
    from patchwrap.spec import Observer as Observer
    from patchwrap.spec import Progress as Progress
    from patchwrap.spec import TileContext as TileContext
    from patchwrap.spec import TileSource as TileSource
    from patchwrap.spec import Traits as Traits
    from patchwrap.tile_view import TileView as TileView
    from patchwrap.tiling import Layer as Layer
    from patchwrap.tiling import Size as Size
    from patchwrap.tiling import Tile as Tile
    from patchwrap.tiling import TilePlan as TilePlan
    from patchwrap.types import CoarseMap as CoarseMap
    from patchwrap.types import ConfidenceBatch as ConfidenceBatch
    from patchwrap.types import DepthBatch as DepthBatch
    from patchwrap.types import Features as Features
    from patchwrap.types import Images as Images
    from patchwrap.types import Map as Map
    from patchwrap.wrapping import CallableBackend as CallableBackend
    from patchwrap.wrapping import load_backend as load_backend
    from patchwrap.wrapping import wrap as wrap
    from patchwrap.wrapping import wrap_callable as wrap_callable


def __getattr__(name: str) -> object:
    if name in _PACKAGES:
        return import_module(f"patchwrap.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'patchwrap' has no attribute {name!r}")
    found = getattr(import_module(f"patchwrap.{_HOME[name]}"), name)
    return globals().get(name, found)  # a callable package of this name, which the import has put here


def __dir__() -> list[str]:
    return __all__
