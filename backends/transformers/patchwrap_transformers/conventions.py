"""The convention of a checkpoint. It is an error if nothing determines it."""

import logging
from typing import Any

from patchwrap import ConventionError, DepthConvention
from patchwrap_transformers.families import FAMILIES
from patchwrap_transformers.published import CONVENTIONS

_log = logging.getLogger("patchwrap")


def convention_of(
    config: Any, name: str, stated: str | DepthConvention | None = None, loaded: bool = False
) -> DepthConvention:
    """Return the convention of the predicted maps.

    Warns if only the published name determines that of a loaded model, which may have been fine-tuned since, and if
    what is stated is not what config or name say.

    Args:
        config: the network's.
        name: hub name or folder it was loaded from.
        stated: by the user; overrides everything else.
        loaded: whether it is a model in memory, whose name only tells where its training began.

    Raises:
        ConventionError: if neither the user, nor the family, nor the published name determines it.
    """
    own, published = FAMILIES[config.model_type].convention(config), CONVENTIONS.get(name)
    known = stated or own or published
    if known is None:
        raise ConventionError(
            f"{name!r} is a {config.model_type} model, and nothing in it says what its numbers mean. State it: "
            'convention="inverse_depth:affine" for MiDaS-like models, "depth:metric" for those fine-tuned on metres. '
            "On the command line that is --convention (--coarse-convention, --fine-convention); `patchwrap bench` has "
            "no such flag: in Python, patchwrap.bench(patchwrap.load_backend(..., convention=...), ...)."
        )
    if stated:
        _warn_if_other(DepthConvention.parse(stated), own or (None if loaded else published), name)
    elif loaded and not own:
        _log.warning(
            "warning: this model's convention is taken to be %s, that of the published %r it was loaded from. If it "
            "was fine-tuned to predict something else, state it by convention=; stating it also hides this warning.",
            known,
            name,
        )
    return DepthConvention.parse(known)


def _warn_if_other(stated: DepthConvention, known: str | None, name: str) -> None:
    if known is not None and stated != DepthConvention.parse(known):
        text = "warning: the convention of %r is stated to be %s, but the checkpoint says %s; what is stated is used"
        _log.warning(text, name, stated, known)
