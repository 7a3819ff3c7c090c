"""Registers the diffusers backend with patchwrap; imports neither torch nor diffusers."""

from patchwrap import Register, hookimpl
from patchwrap_diffusers.published import PUBLISHED


@hookimpl
def patchwrap_register_backends(register: Register) -> None:
    """Register ``diffusers``."""
    register(
        "diffusers",
        "patchwrap_diffusers.backend:load",
        convention=None,
        licence="Apache-2.0",
        summary="Marigold depth pipelines of the diffusers library: short name, hub name or local folder",
        checkpoints=PUBLISHED,
    )
