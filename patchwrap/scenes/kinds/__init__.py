"""The kinds of place, and how a seed becomes a scene."""

from collections.abc import Sequence

import numpy as np

from patchwrap.errors import OptionError
from patchwrap.scenes import viewpoint
from patchwrap.scenes.kinds import field, garden, hall, playground, room, still, street, table, workshop
from patchwrap.scenes.scene import Builder, Scene

MODULES = {
    "street": street,
    "garden": garden,
    "room": room,
    "hall": hall,
    "field": field,
    "table": table,
    "playground": playground,
    "workshop": workshop,
    "still": still,
}
KINDS: tuple[str, ...] = tuple(MODULES)
PLACES: tuple[str, ...] = ("street", "garden", "room", "hall", "field", "table")
"""The kinds of the held-out scenes, in turn: whatever changes here changes those scenes."""

TRAINING_KINDS: tuple[str, ...] = (*PLACES, "still")
"""Without playground and workshop, which show how networks do in a kind of place that they never saw."""

SEED_NUMBERS = {
    "street": 0,
    "garden": 1,
    "room": 2,
    "hall": 3,
    "field": 4,
    "table": 5,
    "playground": 6,
    "workshop": 7,
    "still": 8,
}
"""A kind's part of its scenes' random seed. Never change or reuse a number: all scenes of the kind would change, and
with them the training data and the held-out set. A new kind takes the next free number."""

FAMILIES: dict[str, tuple[str, ...]] = {kind: module.FAMILIES for kind, module in MODULES.items()}


def known_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """Return names of kinds of scenes, all of them known.

    Raises:
        OptionError: if there is none, or one that is none of ``KINDS``.
    """
    unknown = ", ".join(repr(kind) for kind in kinds if kind not in MODULES)
    if unknown or not kinds:
        raise OptionError(f"kinds of scenes: given {unknown or 'none'}, needed any of {', '.join(KINDS)}.")
    return tuple(kinds)


def drawn_kind(seed: int) -> str:
    """The one of ``TRAINING_KINDS`` that ``build_scene`` draws from a seed."""
    return TRAINING_KINDS[np.random.default_rng([seed, 1]).integers(len(TRAINING_KINDS))]


def build_scene(seed: int, kind: str | None = None) -> Scene:
    """Build a scene; the same seed and kind always give the same one.

    Args:
        seed: any non-negative integer.
        kind: one of ``KINDS``, or None to draw one of ``TRAINING_KINDS`` from the seed.

    Raises:
        OptionError: if ``kind`` is none of ``KINDS``.
    """
    kind = drawn_kind(seed) if kind is None else kind
    known_kinds([kind])
    rng = np.random.default_rng([seed, 2, SEED_NUMBERS[kind]])
    builder = Builder()
    sample, lighting, atmosphere = MODULES[kind].build(builder, rng)
    parts = builder.parts()
    camera = viewpoint.choose(sample, parts, np.random.default_rng([seed, 3]))
    return Scene(seed, kind, parts, camera, lighting, atmosphere, frozenset(builder.families))
