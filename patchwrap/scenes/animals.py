"""Four-legged animals and birds, standing at the builder's origin and facing +y."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder


def quadruped(
    b: Builder,
    rng: np.random.Generator,
    size: tuple[Number, Number, Number],
    coat: np.ndarray,
    grazing: bool = False,
    material: Material = Material.FUR,
) -> np.ndarray:
    """Body, legs, neck and tail; ``size`` is (length, height at the back, girth); returns the head's middle."""
    length, height, girth = size
    middle = np.array([0, 0, height - girth])
    b.balls(middle, [girth * 0.85, length * 0.52, girth], material, coat)
    b.balls(middle + [[0, length * 0.3, 0.02], [0, -length * 0.3, 0.02]], np.tile([girth * 0.88, girth, girth * 0.98], (2, 1)),
            material, coat)  # fmt: skip
    hips = np.array([[s * girth * 0.5, y * length, height - girth * 1.3] for s in (-1, 1) for y in (-0.36, 0.36)])
    knees = hips * [1, 1, 0.5] + rng.normal(0, 0.03, (4, 3)) * [0, length, 0]
    feet = knees * [1, 1, 0]
    b.rods(hips, knees, girth * 0.3, material, coat, sides=8, top=0.55)
    b.rods(knees, feet, girth * 0.16, material, coat * 0.7, sides=7, top=0.9)
    nape = middle + [0, length * 0.45, girth * 0.4]
    skull = nape + ([0, length * 0.28, -height * 0.55] if grazing else [0, length * 0.2, height * 0.26])
    b.rods(nape, skull, girth * 0.5, material, coat, sides=9, top=0.6)
    b.tube(middle + np.array([[0, -0.5, 0.3], [0, -0.58, 0.1], [0, -0.6, -0.4]]) * [1, length, girth * 1.6], girth * 0.09,
           material, coat * 0.7)  # fmt: skip
    return skull


def face(b: Builder, at: np.ndarray, size: Number, coat: np.ndarray, ears: Number, material: Material) -> None:
    """Skull, muzzle and ears."""
    b.balls(at, [size * 0.75, size, size * 0.85], material, coat)
    b.balls(at + [0, size * 0.85, -size * 0.25], [size * 0.45, size * 0.7, size * 0.45], material, coat * 0.8)
    root = at + np.array([[s * size * 0.5, -0.2 * size, size * 0.6] for s in (-1, 1)])
    tips = root + np.array([[s * size * ears * 0.6, 0, size * ears] for s in (-1, 1)])
    b.rods(root, tips, size * 0.3, material, coat * 0.8, sides=6, top=0.2)


@family("cow")
def cow(b: Builder, rng: np.random.Generator) -> None:
    """A cow, standing or grazing."""
    coat = palette.pick(rng, [((0.03, 0.4, 0.2), (0.08, 0.7, 0.5)), ((0.1, 0.0, 0.7), (0.12, 0.1, 0.95))])
    skull = quadruped(b, rng, (1.7, 1.4, 0.36), coat, rng.random() < 0.6)
    face(b, skull, 0.18, coat, 0.5, Material.FUR)


@family("sheep")
def sheep(b: Builder, rng: np.random.Generator) -> None:
    """A woolly sheep with a dark face."""
    wool = palette.hsv(0.12, rng.uniform(0.05, 0.2), rng.uniform(0.6, 0.9))
    skull = quadruped(b, rng, (1.0, 0.78, 0.27), wool, rng.random() < 0.6, Material.STONE)
    face(b, skull, 0.1, palette.hsv(0.08, 0.3, rng.choice([0.15, 0.7])), 0.5, Material.FUR)


@family("dog")
def dog(b: Builder, rng: np.random.Generator) -> None:
    """A dog of any size."""
    coat, h = palette.between(rng, (0.05, 0.1, 0.1), (0.11, 0.6, 0.85)), rng.uniform(0.3, 0.7)
    skull = quadruped(b, rng, (h * 1.15, h, h * 0.2), coat)
    face(b, skull, h * 0.16, coat, rng.choice([-0.6, 0.8]), Material.FUR)


@family("cat")
def cat(b: Builder, rng: np.random.Generator) -> None:
    """A cat on its feet."""
    coat = palette.between(rng, (0.05, 0.05, 0.1), (0.1, 0.6, 0.8))
    skull = quadruped(b, rng, (0.4, 0.27, 0.075), coat)
    face(b, skull, 0.05, coat, 0.7, Material.FUR)


@family("bird")
def bird(b: Builder, rng: np.random.Generator) -> None:
    """A pigeon, a thrush or a gull on its legs."""
    s, coat = rng.uniform(0.5, 1.2), palette.between(rng, (0.0, 0.0, 0.15), (0.65, 0.2, 0.9))
    c = b.at([0, 0, 0], 0.0, s)
    c.rods([[v, 0, 0] for v in (-0.02, 0.02)], [[v, 0, 0.09] for v in (-0.02, 0.02)], 0.004, Material.PAINT, palette.hsv(0.05, 0.7, 0.6))
    c.add(shapes.sphere(), Material.FUR, placement.spanning([[0, 0.0, 0.13]], [[0, 0.06, 0.16]], 0.055) @ np.diag([1, 1, 1.6, 1]), coat)
    c.balls([0, 0.1, 0.23], 0.035, Material.FUR, coat * 0.8)
    c.rods([0, 0.13, 0.23], [0, 0.17, 0.222], 0.009, Material.PAINT, palette.hsv(0.1, 0.8, 0.7), top=0.1)
    c.boxes([0, -0.14, 0.1], [0.05, 0.13, 0.012], Material.FUR, coat * 0.6)
