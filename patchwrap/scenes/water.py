"""Standing water; never flows."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement, terrain
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder


def colour(rng: np.random.Generator) -> palette.Colour:
    """Dark and greenish to bluish, since the shine comes from the sky."""
    return palette.between(rng, (0.3, 0.2, 0.12), (0.6, 0.6, 0.35))


@family("pond")
def pond(b: Builder, rng: np.random.Generator, radius: Number) -> None:
    """A pond with a rim of stones and floating leaves."""
    a = np.linspace(0, 2 * np.pi, 41)
    wobble = radius * (1 + 0.12 * np.sin(a * 2 + rng.uniform(0, 6)) + 0.07 * np.sin(a * 3 + rng.uniform(0, 6)))
    rings = np.stack([np.stack([s * wobble * np.cos(a), s * wobble * np.sin(a), 0 * a + 0.03], -1) for s in (0.0, 0.5, 1.0)])
    b.add(shapes.surface(rings), Material.WATER, np.eye(4), colour(rng))
    edge = rings[-1][:-1] * 1.06 * [1, 1, 0] + rng.normal(0, 0.03, (40, 3)) * [1, 1, 0]
    terrain.rocks(b, rng, edge, rng.uniform(0.06, 0.16, 40) * min(radius, 1.5))
    at = rng.normal(0, 0.35 * radius, (12, 3)) * [1, 1, 0] + [0, 0, 0.036]
    b.add(shapes.cylinder(14), Material.LEAF, placement.placed(at, rng.uniform(0.05, 0.12, 12)[:, None] * [1, 1, 0.03]), palette.hsv(0.28, 0.6, 0.4))


@family("lake")
def lake(b: Builder, rng: np.random.Generator, level: Number) -> None:
    """Water up to a level, wherever the land lies lower."""
    b.add(shapes.ground(), Material.WATER, placement.placed([[0, 0, level]]), colour(rng))


@family("puddle")
def puddles(b: Builder, rng: np.random.Generator, at: np.ndarray) -> None:
    """Flat patches on a road, at points on its surface."""
    a = np.linspace(0, 2 * np.pi, 25)
    for point in at:
        long, wide = rng.uniform(0.3, 1.4), rng.uniform(0.2, 0.6)
        edge = 1 + 0.2 * np.sin(a * 2 + rng.uniform(0, 6)) + 0.12 * np.sin(a * 5 + rng.uniform(0, 6))
        rings = np.stack([np.stack([s * wide * edge * np.cos(a), s * long * edge * np.sin(a), 0 * a], -1) for s in (0.0, 1.0)])
        b.at(point).add(shapes.surface(rings), Material.WATER, np.eye(4), colour(rng) * 0.4)
