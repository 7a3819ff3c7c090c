"""Registers the native trio with patchwrap; imports no torch."""

from patchwrap import Register, hookimpl


@hookimpl
def patchwrap_register_backends(register: Register) -> None:
    """Register ``native``."""
    register(
        "native",
        "patchwrap_native.backend:load",
        convention="depth:scale",
        licence="Apache-2.0",
        summary="coarse, fine and guided fusion CNNs of our own, trained on generated scenes",
    )
