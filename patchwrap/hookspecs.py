"""The one hook that a plugin implements. Imports no torch, so that listing backends is fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pluggy

hookspec = pluggy.HookspecMarker("patchwrap")
hookimpl = pluggy.HookimplMarker("patchwrap")


@dataclass(frozen=True)
class Checkpoint:
    """A published checkpoint that a backend loads by a short name.

    Args:
        name: what users type after ``BACKEND=``.
        source: what the name stands for, such as a hub name.
        convention: ``SPACE:AMBIGUITY`` of the maps it predicts, see ``DepthConvention``.
        licence: SPDX identifier of the weights, ``LicenseRef-…`` where there is none.
    """

    name: str
    source: str
    convention: str
    licence: str


@runtime_checkable
class Register(Protocol):
    """The callback that a plugin receives; call it once per backend."""

    def __call__(
        self,
        name: str,
        target: str,
        *,
        convention: str | None,
        licence: str,
        summary: str,
        checkpoints: Sequence[Checkpoint] = (),
    ) -> None:
        """Register a backend without importing it.

        Args:
            name: what users type after ``--backend``.
            target: ``"module:attribute"``, imported when the backend is first used; called as
                ``attribute(checkpoint, **options)`` and must return a Backend.
            convention: ``SPACE:AMBIGUITY`` of the maps it predicts; None if that depends on the checkpoint.
            licence: SPDX identifier of code and weights.
            summary: one line for the listing.
            checkpoints: published ones, for the listing; each ``name`` must work as ``attribute(name)``.
        """
        ...


@hookspec
def patchwrap_register_backends(register: Register) -> None:
    """Register this plugin's backends by calling ``register`` for each."""
