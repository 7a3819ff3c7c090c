"""The options of ``patchwrap.predict`` besides image and backends: names, types, defaults and checks."""

from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from patchwrap.dtypes import DTYPES
from patchwrap.errors import OptionError
from patchwrap.fusers import AUTO, check_detail, check_fuser
from patchwrap.option_types import NUMBER_OR_NONE, TRUTH, WHOLE, OptionType, check_type
from patchwrap.seed import check_seed
from patchwrap.tiling import TilePlan

if TYPE_CHECKING:
    from patchwrap.spec import FusionHead, Observer, Progress

_ANY_SIZE = (512, 512)
"""Stands for photo and tile where any size will do: whether a plan can be read does not depend on it."""

FOVS = (1, 170)
"""Possible horizontal fields of view in degrees."""

_CALLABLE = ((Callable, NoneType), "a function or None")
_TYPES: dict[str, OptionType] = {
    "overlap": NUMBER_OR_NONE,
    "detail": NUMBER_OR_NONE,
    "tile_batch_size": WHOLE,
    "seed": WHOLE,
    "fov": NUMBER_OR_NONE,
    "tiles": TRUTH,
    "mirror": ((bool, np.bool_, NoneType), "True, False or None"),
    "progress": _CALLABLE,
    "observer": _CALLABLE,
}
"""Possible types of options; those of the others are checked with their values."""


class PredictOptions(TypedDict, total=False):
    """Keyword options of ``patchwrap.predict``, which explains each; those left out have their default."""

    plan: str | TilePlan
    overlap: float | None
    fuser: str
    detail: float | None
    head: "FusionHead | str | Path | None"
    tile_batch_size: int
    seed: int
    fov: float | None
    device: str
    dtype: str
    tiles: bool
    mirror: bool | None
    progress: "Progress | None"
    observer: "Observer | None"


DEFAULTS: PredictOptions = {
    "plan": "auto",
    "overlap": None,
    "fuser": AUTO,
    "detail": None,
    "head": None,
    "tile_batch_size": 4,
    "seed": 0,
    "fov": None,
    "device": "auto",
    "dtype": "float32",
    "tiles": True,
    "mirror": None,
    "progress": None,
    "observer": None,
}


def check_options(options: PredictOptions) -> None:
    """Refuse impossible values before anything is loaded.

    Args:
        options: all of them.

    Raises:
        OptionError: naming the option, what was given and what is possible.
        TilingError: the same for a plan as text and its overlap.
    """
    _check_types(options)
    check_fuser(options["fuser"])
    if options["detail"] is not None:
        check_detail(options["detail"])
    check_seed(options["seed"])
    _check_plan(options["plan"], options["overlap"])
    _check_head(options["head"])
    if options["tile_batch_size"] < 1:
        raise OptionError(f"tile_batch_size {options['tile_batch_size']} is less than 1.")
    least, largest = FOVS
    if options["fov"] is not None and not least <= options["fov"] <= largest:
        raise OptionError(f"fov {options['fov']} is not within {least} to {largest} degrees (horizontal).")
    if options["dtype"] not in DTYPES:
        raise OptionError(f"dtype {options['dtype']!r} is not one of {', '.join(DTYPES)}.")


def _check_types(options: PredictOptions) -> None:
    for name, possible in _TYPES.items():
        check_type(name, options[name], possible)  # type: ignore[literal-required]
    device: Any = options["device"]
    if not isinstance(device, str) and not hasattr(device, "type"):  # torch.device, without importing torch
        raise OptionError(f"device {device!r} is of type {type(device).__name__}; give text such as 'cpu' or 'cuda:1'.")


def _check_plan(plan: Any, overlap: float | None) -> None:
    if isinstance(plan, str):
        TilePlan.choose(plan, _ANY_SIZE, _ANY_SIZE, overlap)
        return
    if not isinstance(plan, TilePlan):
        raise OptionError(f"plan {plan!r} is of type {type(plan).__name__}; give text such as '3x3', or a TilePlan.")
    if overlap is not None:
        raise OptionError(
            f"overlap {overlap} and a TilePlan were given, but a TilePlan has overlaps of its own. Set them "
            "there, as by TilePlan.parse(text, overlap), or give the plan as text."
        )


def _check_head(head: Any) -> None:
    if not (head is None or isinstance(head, str | Path) or callable(getattr(head, "refine", None))):
        raise OptionError(
            f"head {head!r} is of type {type(head).__name__} without refine(view); give a FusionHead, a head's file, "
            "'auto', 'universal' or None."
        )
