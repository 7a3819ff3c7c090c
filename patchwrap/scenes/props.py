"""What painters and studios put on a table: casts, solids, drapery, boards and plants larger than tableware."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement, plants, tools
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number, Row
from patchwrap.scenes.scene import Builder

COVERED = (Material.PRINT, Material.PRINT, Material.PICTURE, Material.PAINT, Material.WOOD, Material.FABRIC, Material.PLANKS)


def surface_of(rng: np.random.Generator) -> tuple[Material, palette.Colour]:
    """Any flat covering with a colour of its own."""
    material = one_of(rng, *COVERED)
    wooden = material in (Material.WOOD, Material.PLANKS)
    return material, palette.pick(rng, palette.WOODS) if wooden else palette.any_colour(rng, 1.0)


@family("plaster bust")
def bust(b: Builder, rng: np.random.Generator) -> None:
    """A head on a plinth that looks any way."""
    r = rng.uniform(0.08, 0.14)
    material = one_of(rng, Material.PLASTER, Material.STONE, Material.CERAMIC, Material.WOOD)
    colour = palette.pick(rng, palette.WOODS) if material == Material.WOOD else palette.hsv(0.1, rng.uniform(0, 0.2), rng.uniform(0.3, 0.97))
    b.turned([[0.9 * r, 0], [0.9 * r, 0.3 * r], [0.5 * r, 0.5 * r], [0.55 * r, 1.3 * r], [0.4 * r, 1.9 * r]], material, colour, 22)
    b.balls([0, 0, 2.7 * r], [0.78 * r, r, 1.2 * r], material, colour)
    b.balls([0, 0.78 * r, 2.15 * r], [0.4 * r, 0.3 * r, 0.35 * r], material, colour)
    b.rods([0, 0.9 * r, 2.95 * r], [0, 1.18 * r, 2.5 * r], 0.14 * r, material, colour, sides=8)
    b.balls([[s * 0.8 * r, -0.05 * r, 2.6 * r] for s in (-1, 1)], [[0.08 * r, 0.2 * r, 0.3 * r]] * 2, material, colour)
    b.balls([0, -0.25 * r, 3.0 * r], [0.84 * r, 0.9 * r, 1.05 * r], material, colour * rng.choice([1.0, 0.7]))


@family("cone")
def cone(b: Builder, rng: np.random.Generator) -> None:
    """A drawing master's cone."""
    tall = rng.uniform(0.15, 0.45)
    b.cylinders([0, 0, 0], tall * rng.uniform(0.2, 0.4), tall, surface_of(rng)[0], palette.any_colour(rng, 1.2), 28, 0.04)


@family("ring on a stand")
def ring(b: Builder, rng: np.random.Generator) -> None:
    """Hoops on rods, one behind another."""
    colour = palette.any_colour(rng, 1.2)
    for k in range(rng.integers(1, 4)):
        r, c = rng.uniform(0.06, 0.16), b.at([rng.normal(0, 0.05), 0.09 * k, 0], rng.normal(0, 0.3))
        middle = r + rng.uniform(0.05, 0.35)
        c.hoop([0, 0, middle], r, r * rng.uniform(0.1, 0.25), 1, Material.PAINT, colour, 30)
        c.rods([0, 0, 0], [0, 0, middle - r], 0.006, Material.WOOD, palette.pick(rng, palette.WOODS), sides=8)
        c.cylinders([0, 0, 0], 0.04, 0.015, Material.WOOD, colour, 16)


@family("leaning board")
def board(b: Builder, rng: np.random.Generator) -> None:
    """A sheet that leans backwards on its lower edge."""
    w, h = rng.uniform(0.15, 0.55), rng.uniform(0.2, 0.7)
    material, colour = surface_of(rng)
    b.tilted(tools.leaning(-rng.uniform(0.03, 0.35), 0)).boxes([0, 0, h / 2], [w, 0.012, h], material, colour)


@family("roll")
def roll(b: Builder, rng: np.random.Generator) -> None:
    """A thick crayon, tube or bolster that lies on the table, with bands near its ends."""
    r, long = rng.uniform(0.03, 0.1), rng.uniform(0.25, 0.7)
    material, colour = surface_of(rng)
    lie = placement.spanning([[-long / 2, 0, r]], [[long / 2, 0, r]], r)
    b.add(shapes.cylinder(24), material, lie, colour)
    bands = np.linspace(-0.45, 0.45, int(rng.integers(2, 5))) * long
    rings = placement.spanning(np.stack([bands, 0 * bands, 0 * bands + r], -1), np.stack([bands + 0.02, 0 * bands, 0 * bands + r], -1), r * 1.01)
    b.add(shapes.cylinder(24), Material.PAINT, rings, palette.any_colour(rng, 1.2))
    if rng.random() < 0.5:
        tip = placement.spanning([[long / 2, 0, r]], [[long / 2 + 1.2 * r, 0, r]], 0.8 * r)
        b.add(shapes.cylinder(24, 0.4), Material.PAINT, tip, colour)


@family("jug")
def jug(b: Builder, rng: np.random.Generator) -> None:
    """An earthen jug with a handle."""
    h, t = rng.uniform(0.15, 0.42), np.linspace(0, 1, 20)
    belly = rng.uniform(0.25, 0.42) * h
    radius = belly * (0.55 + 0.45 * np.sin(np.pi * np.clip(t * rng.uniform(1.0, 1.4), 0, 1))) * (1 - 0.25 * t)
    profile = np.column_stack([np.concatenate([[0], radius, radius[::-6] * 0.9]), np.concatenate([[0], t * h, t[::-6] * h])])
    material = one_of(rng, Material.CERAMIC, Material.STONE, Material.METAL, Material.PAINT)
    colour = palette.pick(rng, palette.BRICKS + palette.STONES) if rng.random() < 0.6 else palette.any_colour(rng)
    b.turned(profile, material, colour, 28)
    a = np.linspace(-1.4, 1.4, 12)
    side = radius[10] * 0.9
    b.tube(np.stack([side + 0.2 * h * np.cos(a), 0 * a, h * (0.62 + 0.24 * np.sin(a))], -1), 0.035 * h, material, colour, 8)


@family("sticks in a pot")
def sticks(b: Builder, rng: np.random.Generator) -> None:
    """Brushes, pencils or rods that lean every way out of a pot."""
    h, count = rng.uniform(0.08, 0.16), int(rng.integers(4, 16))
    r = h * rng.uniform(0.3, 0.5)
    b.turned([[0, 0], [0.8 * r, 0], [r, h], [0.9 * r, h], [0.72 * r, 0.01]], one_of(rng, Material.CERAMIC, Material.PRINT, Material.METAL), palette.any_colour(rng, 1.0), 24)
    around, lean = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.3, 1.0, count)
    out = np.stack([np.cos(around), np.sin(around), 0 * around], -1)
    feet = -0.3 * r * out + [0, 0, 0.01]
    rise = np.column_stack([out[:, :2] * (r * lean * 0.9)[:, None], np.full(count, h)])
    tips = feet + rise * rng.uniform(1.6, 3.5, (count, 1))
    b.rods(feet, tips, rng.uniform(0.002, 0.005), Material.WOOD, palette.vary(rng, palette.any_colour(rng, 1.0), count, 0.5), sides=6)


@family("fleshy plant")
def succulent(b: Builder, rng: np.random.Generator) -> None:
    """Long thick leaves that taper and bend out of a pot, like an aloe's."""
    pot, reach, count = rng.uniform(0.08, 0.2), rng.uniform(0.2, 0.6), int(rng.integers(8, 22))
    earthen = palette.pick(rng, palette.BRICKS) if rng.random() < 0.6 else palette.any_colour(rng)
    b.cylinders([0, 0, 0], pot * 0.5, pot, Material.CERAMIC, earthen, 24, 1.35)
    b.hoop([0, 0, pot], pot * 0.68, pot * 0.06, 2, Material.CERAMIC, earthen, 28)
    b.cylinders([0, 0, pot - 0.03], pot * 0.62, 0.02, Material.STONE, palette.hsv(0.07, 0.5, 0.2), 18)
    colour, thick = plants.leaf_colour(rng, 0.0), reach * rng.uniform(0.05, 0.09)
    for heading in np.arange(count) * 2.4 + rng.normal(0, 0.2, count):
        rib = bent(rng, reach * rng.uniform(0.5, 1.0), heading) + [0, 0, pot - 0.02]
        width = thick * np.linspace(1, 0.12, len(rib)) ** 0.8
        matrices = placement.spanning(rib[:-1], rib[1:], width[:-1], width[:-1] * 0.45)
        b.add(shapes.pipe(8, 0.86), Material.LEAF, matrices, colour * rng.uniform(0.8, 1.2))


def bent(rng: np.random.Generator, long: Number, heading: Number) -> np.ndarray:
    """Points of a rib that rises and falls outwards."""
    t = np.linspace(0, 1, 11)
    lift, droop = rng.uniform(0.3, 1.45), rng.uniform(-0.4, 1.2)
    angle = lift - droop * t
    out, up = (np.concatenate([[0], np.cumsum(f(angle))[:-1]]) * long / 10 for f in (np.cos, np.sin))
    return np.stack([out * np.cos(heading), out * np.sin(heading), up], -1)


@family("crumpled cloth")
def crumpled(b: Builder, rng: np.random.Generator) -> None:
    """A cloth dropped in a heap."""
    half = rng.uniform(0.1, 0.3)
    x, y = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, 40))
    folds = ripples(rng, x, y, 6, (2.0, 7.0))
    edge = np.clip(1 - np.maximum(np.abs(x), np.abs(y)), 0, 1) ** 0.5
    points = np.stack([x * half, y * half, half * 0.3 * edge * (1.1 + folds) + 0.003], -1)
    b.add(shapes.surface(points), one_of(rng, Material.FABRIC, Material.PRINT), np.eye(4), palette.any_colour(rng, 1.0))


def ripples(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, count: int, frequency: Row) -> np.ndarray:
    """A sum of waves of any heading, about 1 in size."""
    total = np.zeros_like(x)
    for _ in range(count):
        k, heading, phase = rng.uniform(*frequency), rng.uniform(0, np.pi), rng.uniform(0, 6.3)
        total += np.sin(k * (x * np.cos(heading) + y * np.sin(heading)) + phase)
    return total / count**0.5


@family("backdrop cloth")
def backdrop(b: Builder, rng: np.random.Generator, size: Row, depth: Number) -> None:
    """A cloth that hangs behind a table and runs forward over it in a bend.

    Args:
        size: (width, height) of the hanging part in metres.
        depth: how far it runs forward over the table.
    """
    width, height = size
    bend = rng.uniform(0.02, 0.15)
    along = np.linspace(-height, depth, 90)
    z = np.where(along < 0, -along, 0.0)
    y = np.where(along < 0, 0.0, -along)
    near = np.exp(-np.abs(along) / bend)
    x = np.linspace(-width / 2, width / 2, 80)
    u, v = np.meshgrid(x, along)
    hanging = np.clip(-v / height, 0, 1) ** 0.5
    fold = rng.uniform(0.0, 0.05) * hanging * np.sin(u * rng.uniform(8, 25) + ripples(rng, u, v, 3, (1.0, 3.0)))
    fold += rng.uniform(0.0, 0.02) * ripples(rng, u, v, 5, (4.0, 14.0))
    rise = np.broadcast_to((z + bend * 0.4 * near)[:, None], u.shape) + 0.3 * np.abs(fold) * (v >= 0) + 0.004
    points = np.stack([u, np.broadcast_to((y - bend * 0.4 * near)[:, None], u.shape) - fold * (v < 0), rise], -1)
    material = one_of(rng, Material.PRINT, Material.PRINT, Material.FABRIC)
    b.add(shapes.surface(points), material, np.eye(4), palette.any_colour(rng, 1.0))


@family("poster wall")
def posters(b: Builder, rng: np.random.Generator, size: Row) -> None:
    """A wall at y = 0 hung with sheets and panels one over another, a few of them set forward."""
    width, height = size
    count = int(rng.integers(6, 26))
    x, z = rng.uniform(-width / 2, width / 2, count), rng.uniform(0, height, count)
    forward = np.where(rng.random(count) < 0.25, rng.uniform(0.02, 0.15, count), 0.003 * np.arange(1, count + 1))
    for at, sheet in zip(np.stack([x, -forward, z], -1), rng.uniform(0.1, 0.6, (count, 2))):
        material, colour = surface_of(rng)
        b.boxes(at, [sheet[0], 0.002, sheet[1]], material, colour)


@family("solids")
def solids(b: Builder, rng: np.random.Generator) -> None:
    """Blocks, drums and a ball built upon each other."""
    z, side = 0.0, rng.uniform(0.06, 0.16)
    for _ in range(rng.integers(1, 4)):
        material, colour = surface_of(rng)
        h = side * rng.uniform(0.4, 1.6)
        if rng.random() < 0.6:
            b.at([0, 0, z], rng.uniform(0, 3)).boxes([0, 0, h / 2], [side * rng.uniform(0.8, 1.6), side, h], material, colour)
        else:
            b.cylinders([0, 0, z], side * 0.5, h, material, colour, 26)
        z, side = z + h, side * rng.uniform(0.7, 1.0)
    if rng.random() < 0.4:
        b.balls([0, 0, z + side * 0.4], side * 0.4, Material.PAINT, palette.any_colour(rng, 1.2))
