"""The one hook a plugin implements. Torch-free, so that listing backends costs nothing."""

from typing import Protocol, runtime_checkable

import pluggy

hookspec = pluggy.HookspecMarker("patchwrap")
hookimpl = pluggy.HookimplMarker("patchwrap")


@runtime_checkable
class Register(Protocol):
    """The callback a plugin receives; call it once per backend."""

    def __call__(self, name: str, target: str, *, convention: str, licence: str, summary: str) -> None:
        """Announce a backend without importing it.

        Args:
            name: what users type after ``--backend``.
            target: ``"module:attribute"``, imported when the backend is first used; called as
                ``attribute(checkpoint, **options)`` and must return a Backend.
            convention: ``SPACE:AMBIGUITY``, what its numbers mean.
            licence: SPDX identifier of code and weights.
            summary: one line for the listing.
        """
        ...


@hookspec
def patchwrap_register_backends(register: Register) -> None:
    """Announce this plugin's backends by calling ``register`` for each."""
