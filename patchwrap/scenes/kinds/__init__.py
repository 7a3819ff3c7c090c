"""The kinds of place, and how a seed becomes a scene."""

import numpy as np

from patchwrap.scenes import viewpoint
from patchwrap.scenes.kinds import field, garden, hall, room, street, table
from patchwrap.scenes.scene import Builder, Scene

BUILDERS = {
    "street": street.build,
    "garden": garden.build,
    "room": room.build,
    "hall": hall.build,
    "field": field.build,
    "table": table.build,
}
KINDS: tuple[str, ...] = tuple(BUILDERS)


def build_scene(seed: int, kind: str | None = None) -> Scene:
    """Build a scene; the same seed and kind always give the same one.

    Args:
        seed: any non-negative integer.
        kind: one of ``KINDS``, or None to draw it from the seed.

    Raises:
        ValueError: if ``kind`` is none of ``KINDS``.
    """
    if kind is None:
        kind = KINDS[np.random.default_rng([seed, 1]).integers(len(KINDS))]
    if kind not in BUILDERS:
        raise ValueError(f"Unknown kind of scene {kind!r}. Choose one of {', '.join(KINDS)}.")
    rng = np.random.default_rng([seed, 2, KINDS.index(kind)])
    builder = Builder()
    sample, lighting, atmosphere = BUILDERS[kind](builder, rng)
    parts = builder.parts()
    camera = viewpoint.choose(sample, parts, np.random.default_rng([seed, 3]))
    return Scene(seed, kind, parts, camera, lighting, atmosphere, frozenset(builder.families))
