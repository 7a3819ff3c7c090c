"""The values of ``fuser=``, each with its alignment, its class and its title in reports.

An entry in ``FUSERS`` is all it takes to add a fuser. This module imports no torch, so that the command line can list
the names; a fuser's class is loaded when it is first used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from patchwrap.errors import OptionError

if TYPE_CHECKING:
    from patchwrap.spec import Fuser
    from patchwrap.types import Map

AlignerName = Literal["plane", "range", "none"]
"""Robust plane fit and joint correction; min-max matching; no alignment. See ``patchwrap.aligner``."""

AUTO = "auto"
"""The fuser that the head asks for, ``DEFAULT`` otherwise."""

DEFAULT = "poisson"


@dataclass(frozen=True)
class FuserRecipe:
    """How tiles are aligned and fused under one value of ``fuser=``.

    Args:
        title: names both steps in reports.
        aligner: which alignment precedes the fuser.
        target: ``module:class`` of the fuser.
        detail: default detail strength; None: ``fusion.default_detail`` decides by what the networks were trained on.
    """

    title: str
    aligner: AlignerName
    target: str
    detail: float | None = None

    def load(self) -> "Callable[[Map, int, float], Fuser]":
        """Import the class: called with the coarse map on the canvas, a tile's width in its pixels, and the detail."""
        module, _, name = self.target.partition(":")
        return getattr(import_module(module), name)


FUSERS = {
    "poisson": FuserRecipe("plane fit + screened Poisson", "plane", "patchwrap.fusion:PoissonFuser"),
    "blend": FuserRecipe("plane fit + blend", "plane", "patchwrap.fusion:BlendFuser", 1.0),
    "split": FuserRecipe("plane fit + frequency split", "plane", "patchwrap.fusion:SplitFuser"),
    "average": FuserRecipe("naive tile average", "none", "patchwrap.fusion:BlendFuser", 1.0),
    "minmax": FuserRecipe("min-max match + feather", "range", "patchwrap.fusion:BlendFuser", 1.0),
}
"""By name; ``average`` and ``minmax`` are baselines for comparison."""


def check_fuser(name: str) -> None:
    """Refuse an unknown fuser.

    Raises:
        OptionError: if ``fuser=`` does not take this name.
    """
    if name not in (AUTO, *FUSERS):
        raise OptionError(f"fuser {name!r} is not known. Take one of {', '.join((AUTO, *FUSERS))}.")


def check_detail(detail: float) -> float:
    """Return the detail strength.

    Raises:
        OptionError: if it is not in [0, 1].
    """
    if not 0 <= detail <= 1:
        raise OptionError(f"detail {detail} is not in [0, 1]. 0 is the coarse map, 1 pure tiles.")
    return detail
