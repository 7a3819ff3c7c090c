"""What the numbers of a checkpoint mean. Never guesses: an error where nothing tells."""

from typing import Any

from patchwrap.convention import DepthConvention
from patchwrap.errors import ConventionError
from patchwrap_transformers.families import FAMILIES
from patchwrap_transformers.published import CONVENTIONS


def convention_of(config: Any, name: str, stated: str | DepthConvention | None = None) -> DepthConvention:
    """Return what ``predict``'s numbers mean.

    Args:
        config: the network's.
        name: hub name or folder it was loaded from.
        stated: what the user says it is; goes before everything else.

    Raises:
        ConventionError: if neither the user, nor the family, nor the published name tells.
    """
    known = stated or FAMILIES[config.model_type].convention(config) or CONVENTIONS.get(name)
    if known is None:
        raise ConventionError(
            f"{name!r} is a {config.model_type} model, and nothing in it says what its numbers mean. Say it: "
            'convention="inverse_depth:affine" for MiDaS-like models, "depth:metric" for those fine-tuned on metres. '
            "On the command line that is --convention (--coarse-convention, --fine-convention); `patchwrap bench` has "
            "no such flag: in Python, patchwrap.bench(patchwrap.load_backend(..., convention=...), ...)."
        )
    return DepthConvention.parse(known)
