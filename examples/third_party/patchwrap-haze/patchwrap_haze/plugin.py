"""The module that the entry point names. Imports no torch, so that listing backends is fast."""

from patchwrap import hookimpl


@hookimpl
def patchwrap_register_backends(register):
    """Register ``haze``."""
    register(
        "haze",
        "patchwrap_haze.backend:load",
        convention="depth:scale",
        licence="MIT",
        summary="dark channel prior: the thicker the haze, the farther",
    )
