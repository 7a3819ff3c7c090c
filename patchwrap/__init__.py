"""Tile-level detail for any monocular depth model.

Importing this package imports no torch: every public name is loaded on first use (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOME = {
    "DepthConvention": "convention",
    "DepthMap": "depth_map",
    "TilePlan": "tiling",
    "Tile": "tiling",
    "Backend": "spec",
    "FusionHead": "spec",
    "TileView": "tile_view",
    "Head": "heads",
    "load_head": "heads",
    "TileContext": "spec",
    "Images": "types",
    "DepthBatch": "types",
    "Features": "types",
    "load_backend": "wrapping",
    "wrap": "wrapping",
    "wrap_callable": "wrapping",
    "predict": "pipeline",
    "bench": "bench.runner",
    "finetune": "finetune.runner",
    "export": "exporting",
    "read_image": "io",
    "hookimpl": "hookspecs",
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
}

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
    from patchwrap.errors import OptionError as OptionError
    from patchwrap.errors import OutputError as OutputError
    from patchwrap.errors import PatchwrapError as PatchwrapError
    from patchwrap.errors import PluginError as PluginError
    from patchwrap.errors import TilingError as TilingError
    from patchwrap.errors import TrainingError as TrainingError
    from patchwrap.exporting import export as export
    from patchwrap.finetune.runner import finetune as finetune
    from patchwrap.heads import Head as Head
    from patchwrap.heads import load_head as load_head
    from patchwrap.hookspecs import hookimpl as hookimpl
    from patchwrap.io import read_image as read_image
    from patchwrap.pipeline import predict as predict
    from patchwrap.spec import Backend as Backend
    from patchwrap.spec import FusionHead as FusionHead
    from patchwrap.spec import TileContext as TileContext
    from patchwrap.tile_view import TileView as TileView
    from patchwrap.tiling import Tile as Tile
    from patchwrap.tiling import TilePlan as TilePlan
    from patchwrap.types import DepthBatch as DepthBatch
    from patchwrap.types import Features as Features
    from patchwrap.types import Images as Images
    from patchwrap.wrapping import load_backend as load_backend
    from patchwrap.wrapping import wrap as wrap
    from patchwrap.wrapping import wrap_callable as wrap_callable


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'patchwrap' has no attribute {name!r}")
    return getattr(import_module(f"patchwrap.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
