"""Registers the transformers backend with patchwrap; imports neither torch nor transformers."""

from patchwrap import Register, hookimpl
from patchwrap_transformers.published import PUBLISHED


@hookimpl
def patchwrap_register_backends(register: Register) -> None:
    """Register ``transformers``."""
    register(
        "transformers",
        "patchwrap_transformers.backend:load",
        convention=None,
        licence="Apache-2.0",
        summary="any depth model of the transformers library: short name, hub name or local folder",
        checkpoints=PUBLISHED,
    )
