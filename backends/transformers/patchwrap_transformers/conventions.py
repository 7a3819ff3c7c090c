"""The convention of a checkpoint. Never guesses: it is an error if nothing determines it."""

from typing import Any

from patchwrap import ConventionError, DepthConvention
from patchwrap_transformers.families import FAMILIES
from patchwrap_transformers.published import CONVENTIONS


def convention_of(config: Any, name: str, stated: str | DepthConvention | None = None) -> DepthConvention:
    """Return the convention of the predicted maps.

    Args:
        config: the network's.
        name: hub name or folder it was loaded from.
        stated: by the user; overrides everything else.

    Raises:
        ConventionError: if neither the user, nor the family, nor the published name determines it.
    """
    known = stated or FAMILIES[config.model_type].convention(config) or CONVENTIONS.get(name)
    if known is None:
        raise ConventionError(
            f"{name!r} is a {config.model_type} model, and nothing in it says what its numbers mean. State it: "
            'convention="inverse_depth:affine" for MiDaS-like models, "depth:metric" for those fine-tuned on metres. '
            "On the command line that is --convention (--coarse-convention, --fine-convention); `patchwrap bench` has "
            "no such flag: in Python, patchwrap.bench(patchwrap.load_backend(..., convention=...), ...)."
        )
    return DepthConvention.parse(known)
