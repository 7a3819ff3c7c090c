"""Chairs and loungers other than dining chairs, standing at the origin and facing +y."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder


def sheet(b: Builder, line: np.ndarray, width: Number, material: Material, colour: np.ndarray) -> None:
    """Cloth of a width along points in the plane x = 0."""
    points = np.stack([line + [x, 0, 0] for x in np.linspace(-width / 2, width / 2, 5)], axis=1)
    b.add(shapes.surface(points), material, np.eye(4), colour)


@family("deck chair")
def deck_chair(b: Builder, rng: np.random.Generator) -> None:
    """Two crossing frames and a hanging striped cloth."""
    wood, w = palette.pick(rng, palette.WOODS), 0.54
    top, low, foot, back = np.array([0, -0.55, 0.95]), np.array([0, 0.5, 0.32]), np.array([0, 0.45, 0.0]), np.array([0, -0.45, 0.0])
    for x in (-w / 2, w / 2):
        side = np.array([x, 0, 0])
        b.beams([top + side, low + side], [foot + side, back + side], 0.028, Material.WOOD, wood, 0.045)
    cross = np.array([top, low, foot, back])
    b.rods(cross - [w / 2, 0, 0], cross + [w / 2, 0, 0], 0.018, Material.WOOD, wood)
    t = np.linspace(0, 1, 14)[:, None]
    sheet(b, top + t * (low - top) - 0.5 * np.array([0, 0.0, 1.0]) * t * (1 - t) * 1.25, w - 0.06, Material.FABRIC, palette.any_colour(rng, 1.1))


@family("office chair")
def office_chair(b: Builder, rng: np.random.Generator) -> None:
    """Five castors, a gas spring, a padded seat, back and arms."""
    dark, cloth = palette.hsv(0, 0, 0.12), palette.any_colour(rng)
    a = np.arange(5) * 2 * np.pi / 5
    tips = np.stack([0.3 * np.cos(a), 0.3 * np.sin(a), 0 * a + 0.06], -1)
    b.rods(tips, [0, 0, 0.12], 0.02, Material.METAL, dark)
    b.balls(tips - [0, 0, 0.03], np.full(5, 0.03), Material.PAINT, dark)
    b.rods([0, 0, 0.1], [0, 0, 0.45], 0.025, Material.METAL, palette.hsv(0, 0, 0.5))
    b.balls([0, 0.02, 0.48], [0.25, 0.25, 0.05], Material.FABRIC, cloth)
    b.balls([0, -0.22, 0.85], [0.22, 0.045, 0.27], Material.FABRIC, cloth)
    b.tube([[0, -0.1, 0.44], [0, -0.26, 0.5], [0, -0.27, 0.75]], 0.02, Material.METAL, dark)
    for x in (-0.28, 0.28):
        b.tube([[x * 0.7, 0, 0.46], [x, 0, 0.5], [x, 0, 0.66]], 0.014, Material.METAL, dark)
        b.boxes([x, 0.02, 0.67], [0.06, 0.24, 0.03], Material.PAINT, dark)


@family("stool")
def stool(b: Builder, rng: np.random.Generator) -> None:
    """A round seat on three or four splayed legs with a ring."""
    h, n, wood = rng.choice([0.45, 0.62, 0.75]), int(rng.integers(3, 5)), palette.pick(rng, palette.WOODS)
    a = np.arange(n) * 2 * np.pi / n
    feet = np.stack([0.2 * np.cos(a), 0.2 * np.sin(a), 0 * a], -1)
    b.rods(feet, feet * [0.6, 0.6, 0] + [0, 0, h], 0.016, Material.WOOD, wood, sides=8)
    b.cylinders([0, 0, h - 0.02], 0.17, 0.04, Material.WOOD, wood, 22)
    b.hoop([0, 0, h * 0.35], 0.172, 0.009, 2, Material.METAL, palette.hsv(0, 0, 0.4))


@family("hammock")
def hammock(b: Builder, rng: np.random.Generator) -> None:
    """A cloth on cords between two posts along y."""
    half, wood = 1.7, palette.pick(rng, palette.WOODS)
    ends = np.array([[0, -half, 1.35], [0, half, 1.35]])
    b.rods(ends * [1, 1.1, 0], ends * [1, 1, 1.1], 0.05, Material.BARK, wood)
    t, x = np.linspace(-1, 1, 17), np.linspace(-1, 1, 9)
    wide = 0.45 * np.sqrt(np.clip(1.05 - t**2, 0.02, 1))[:, None]
    z = 0.55 + 0.45 * t[:, None] ** 2 + 0.35 * (x * wide) ** 2
    b.add(shapes.surface(np.stack(np.broadcast_arrays(x * wide, t[:, None] * 1.1, z), -1)), Material.FABRIC, np.eye(4), palette.any_colour(rng, 1.1))
    for s, end in ((-1, ends[0]), (1, ends[1])):
        edge = np.stack([x * 0.45 * np.sqrt(0.05), 0 * x + s * 1.1, 0 * x + 1.0], -1)
        b.rods(edge, end, 0.004, Material.FABRIC, palette.hsv(0.1, 0.2, 0.8), sides=3)


@family("garden lounger")
def lounger(b: Builder, rng: np.random.Generator) -> None:
    """A slatted bed with its back raised."""
    wood = palette.pick(rng, palette.WOODS)
    y = np.arange(-0.2, 1.3, 0.085)
    b.boxes(np.stack([0 * y, y, 0 * y + 0.34], -1), [0.62, 0.06, 0.022], Material.WOOD, palette.vary(rng, wood, len(y), 0.1))
    t = np.arange(0.05, 0.75, 0.085)
    for v in t:
        c = placement.spanning([[-0.31, -0.2 - v * 0.75, 0.36 + v * 0.66]], [[0.31, -0.2 - v * 0.75, 0.36 + v * 0.66]], 0.03, 0.02)
        b.add(shapes.pipe(5), Material.WOOD, c, wood)
    rails = np.array([[s * 0.3, -0.25, 0.31] for s in (-1, 1)])
    b.beams(rails, rails + [0, 1.55, 0], 0.03, Material.WOOD, wood, 0.06)
    legs = np.array([[s * 0.3, v, 0] for s in (-1, 1) for v in (-0.15, 1.2)])
    b.beams(legs, legs + [0, 0, 0.33], 0.05, Material.WOOD, wood)
    b.beams(rails, rails + [0, -0.5, 0.5], 0.025, Material.WOOD, wood)
