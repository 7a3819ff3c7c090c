"""What loaders, tile loops and trainers of backends may use beside the names in ``patchwrap``.

A backend may import the names in ``patchwrap`` and ``patchwrap.extension``, and those in ``patchwrap.datasets``,
``patchwrap.losses``, ``patchwrap.metrics``, ``patchwrap.scenes`` and ``patchwrap.testing``; all other modules may
change without notice. Every name is loaded on first use (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING

_HOME = {
    "Alignment": "alignment",
    "AsModule": "as_module",
    "backend_size": "tile_runner",
    "check_seed": "seed",
    "checkpoint_name": "checkpoint_name",
    "depths_only": "validity",
    "digest": "digest",
    "from_extra": "extras",
    "fusion_space": "spaces",
    "invertible": "spaces",
    "is_out_of_memory": "errors",
    "loading": "checkpoint_name",
    "nearest_pixels": "resampling",
    "one_line": "errors",
    "processing_size": "size",
    "read_described": "described_tensors",
    "read_state": "training_state",
    "replacing": "io",
    "run_in_batches": "tile_runner",
    "sample_windows": "resampling",
    "save_state": "training_state",
    "to_space": "spaces",
    "usable_device": "device",
    "window": "windows",
    "windows_of": "resampling",
    "workers": "workers",
    "write_json": "io",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from patchwrap.alignment import Alignment as Alignment
    from patchwrap.as_module import AsModule as AsModule
    from patchwrap.checkpoint_name import checkpoint_name as checkpoint_name
    from patchwrap.checkpoint_name import loading as loading
    from patchwrap.described_tensors import read_described as read_described
    from patchwrap.device import usable_device as usable_device
    from patchwrap.digest import digest as digest
    from patchwrap.errors import is_out_of_memory as is_out_of_memory
    from patchwrap.errors import one_line as one_line
    from patchwrap.extras import from_extra as from_extra
    from patchwrap.io import replacing as replacing
    from patchwrap.io import write_json as write_json
    from patchwrap.resampling import nearest_pixels as nearest_pixels
    from patchwrap.resampling import sample_windows as sample_windows
    from patchwrap.resampling import windows_of as windows_of
    from patchwrap.seed import check_seed as check_seed
    from patchwrap.size import processing_size as processing_size
    from patchwrap.spaces import fusion_space as fusion_space
    from patchwrap.spaces import invertible as invertible
    from patchwrap.spaces import to_space as to_space
    from patchwrap.tile_runner import backend_size as backend_size
    from patchwrap.tile_runner import run_in_batches as run_in_batches
    from patchwrap.training_state import read_state as read_state
    from patchwrap.training_state import save_state as save_state
    from patchwrap.validity import depths_only as depths_only
    from patchwrap.windows import window as window
    from patchwrap.workers import workers as workers


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'patchwrap.extension' has no attribute {name!r}")
    return getattr(import_module(f"patchwrap.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
