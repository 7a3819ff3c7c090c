"""Combines the settings of a checkpoint and of the user. Never guesses: what nothing states is an error."""

from collections.abc import Mapping
from typing import Any

from patchwrap import ConventionError, DepthConvention, OptionError, Size
from patchwrap.extension import processing_size
from patchwrap_diffusers.published import CONVENTIONS

SPACES = {"depth": "depth", "disparity": "inverse_depth"}
"""Space of a convention by a pipeline's ``prediction_type``."""


def convention_of(
    config: Mapping[str, Any], name: str, stated: str | DepthConvention | None = None
) -> DepthConvention:
    """Return the convention of the predicted maps.

    Args:
        config: the pipeline's: ``prediction_type``, ``scale_invariant``, ``shift_invariant``.
        name: hub name or folder it was loaded from.
        stated: by the user; overrides everything else.

    Raises:
        ConventionError: if neither the user, nor the pipeline, nor the published name determines it.
    """
    if stated is not None:
        return DepthConvention.parse(stated)
    space = SPACES.get(config.get("prediction_type") or "")
    if space is None and name in CONVENTIONS:
        return DepthConvention.parse(CONVENTIONS[name])
    if space is None:
        raise ConventionError(
            f"{name!r} predicts {config.get('prediction_type')!r}, neither 'depth' nor 'disparity'. If you know "
            'better, say what its numbers mean: convention="depth:affine" (--convention on the command line; for '
            "`patchwrap bench` in Python, with patchwrap.load_backend)."
        )
    scale, shift = config.get("scale_invariant", True), config.get("shift_invariant", True)
    return DepthConvention.parse(f"{space}:{'affine' if shift else 'scale' if scale else 'metric'}")


def processing_of(wanted: Any, longest: int | None, factor: int) -> Size:
    """Return the preferred ``(height, width)``.

    Args:
        wanted: ``(height, width)``, ``"WIDTHxHEIGHT"`` or one number for both; None is a 4:3 picture.
        longest: longer side of the pictures that the checkpoint was trained on, or None.
        factor: both sides are a multiple of this.

    Raises:
        OptionError: if it is not a size or not divisible by ``factor``.
    """
    if wanted is None and longest is None:
        raise OptionError("Nothing states the input size of this pipeline. Give processing=, such as 768x576.")
    if wanted is None:
        assert longest is not None
        return max(round(0.75 * longest / factor), 1) * factor, max(longest // factor, 1) * factor
    asked = processing_size(wanted)
    if any(side % factor for side in asked):
        height, width = (max(round(side / factor), 1) * factor for side in asked)
        raise OptionError(f"processing {wanted!r} does not divide by {factor}. The nearest that does: {width}x{height}")
    return asked


def checked(name: str, value: Any, within: Any, rule: str) -> Any:
    """Return an option's value.

    Raises:
        OptionError: stating the rule, if the value is not among those allowed.
    """
    if isinstance(value, bool) or value not in tuple(within):
        raise OptionError(f"{name} {value!r} is not {rule}.")
    return value


def strength_of(value: Any) -> float:
    """Return the share of the steps that still change the coarse map.

    Raises:
        OptionError: if it is not in (0, 1].
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise OptionError(f"strength {value!r} is not in (0, 1]: the share of the steps that change the coarse map.")
    return float(value)


def steps_of(value: Any) -> int:
    """Return a number of steps.

    Raises:
        OptionError: if it is not a whole number from 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"steps {value!r} is not a whole number from 1.")
    return value
