"""Garden and workshop hand tools, each lying or leaning at the builder's origin."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement, vehicles
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder

ASH = palette.hsv(0.09, 0.45, 0.65)
STEEL = palette.hsv(0.6, 0.05, 0.45)


@family("spade")
def spade(b: Builder, rng: np.random.Generator) -> None:
    """A spade or a fork stuck in the earth, with a D handle."""
    lean = b.tilted(leaning(rng.normal(0, 0.12), rng.normal(0, 0.12)))
    lean.rods([0, 0, 0.2], [0, 0, 0.98], 0.016, Material.WOOD, ASH)
    lean.tube([[0, 0, 0.96], [-0.06, 0, 1.02], [-0.06, 0, 1.08], [0.06, 0, 1.08], [0.06, 0, 1.02], [0, 0, 0.96]], 0.012, Material.WOOD, ASH)
    if rng.random() < 0.5:
        lean.boxes([0, 0.012, 0.1], [0.19, 0.006, 0.27], Material.METAL, STEEL)
        lean.rods([0, 0.01, 0.15], [0, 0, 0.4], 0.021, Material.METAL, STEEL)
    else:
        x = np.array([[v, 0, 0.0] for v in (-0.09, -0.03, 0.03, 0.09)])
        lean.rods(x - [0, 0, 0.06], x + [0, 0, 0.24], 0.006, Material.METAL, STEEL, sides=5)
        lean.boxes([0, 0, 0.24], [0.2, 0.014, 0.02], Material.METAL, STEEL)


def leaning(about_x: Number, about_y: Number) -> np.ndarray:
    """A small turn about x, then about y."""
    one, two = np.eye(4), np.eye(4)
    one[1:3, 1:3] = [[np.cos(about_x), -np.sin(about_x)], [np.sin(about_x), np.cos(about_x)]]
    two[[0, 0, 2, 2], [0, 2, 0, 2]] = [np.cos(about_y), np.sin(about_y), -np.sin(about_y), np.cos(about_y)]
    return two @ one


@family("rake")
def rake(b: Builder, rng: np.random.Generator) -> None:
    """A leaf rake, upright against something behind it."""
    c = b.tilted(leaning(rng.uniform(0.15, 0.3), rng.normal(0, 0.1)))
    c.rods([0, 0, 0.35], [0, 0, 1.6], 0.013, Material.WOOD, ASH)
    paint = palette.any_colour(rng, 1.1)
    fan = np.linspace(-0.55, 0.55, 15)
    ends = np.stack([0.42 * np.sin(fan), 0 * fan, 0.42 - 0.42 * np.cos(fan)], axis=-1)
    c.rods([[0, 0, 0.42]] * 15, ends, 0.003, Material.METAL, paint, sides=4)
    c.rods(ends, ends + [0, -0.05, -0.01], 0.003, Material.METAL, paint, sides=4)
    c.tube(ends * 0.5 + [0, 0, 0.21], 0.004, Material.METAL, paint, 4)


@family("watering can")
def watering_can(b: Builder, rng: np.random.Generator) -> None:
    """A body with spout, rose and two handles."""
    paint, s = palette.any_colour(rng, 1.1) if rng.random() < 0.6 else STEEL, rng.uniform(0.8, 1.2)
    c = b.at([0, 0, 0], 0.0, s)
    c.turned([[0, 0], [0.11, 0.002], [0.115, 0.02], [0.1, 0.22], [0.09, 0.25], [0.085, 0.25], [0.09, 0.2], [0, 0.18]], Material.METAL, paint, 22)
    c.rods([0.09, 0, 0.06], [0.34, 0, 0.29], 0.022, Material.METAL, paint, sides=10, top=0.6)
    rose = placement.spanning([[0.33, 0, 0.28]], [[0.38, 0, 0.33]], 0.015)
    c.add(shapes.cylinder(14, 3.0), Material.METAL, rose, paint)
    angle = np.linspace(-0.2, 2.7, 10)
    c.tube(np.stack([-0.06 - 0.12 * np.sin(angle), 0 * angle, 0.14 + 0.13 * np.cos(angle)], -1), 0.008, Material.METAL, paint)
    c.tube([[-0.09, 0, 0.24], [-0.05, 0, 0.34], [0.05, 0, 0.34], [0.09, 0, 0.24]], 0.008, Material.METAL, paint)


@family("bucket")
def bucket(b: Builder, rng: np.random.Generator) -> None:
    """A pail with its handle up or down."""
    paint = palette.any_colour(rng, 1.1) if rng.random() < 0.6 else STEEL
    b.turned([[0, 0], [0.1, 0], [0.14, 0.26], [0.148, 0.265], [0.134, 0.26], [0.098, 0.02], [0, 0.02]], Material.METAL, paint, 24)
    angle, up = np.linspace(0, np.pi, 13), rng.choice([0.3, 1.2])
    bow = np.stack([0.142 * np.cos(angle), 0.15 * np.sin(angle) * np.cos(up), 0.25 + 0.15 * np.sin(angle) * np.sin(up)], -1)
    b.tube(bow, 0.003, Material.METAL, STEEL)


@family("hose")
def hose(b: Builder, rng: np.random.Generator) -> None:
    """A coiled garden hose that trails away."""
    turns = np.linspace(0, rng.uniform(4, 7) * 2 * np.pi, 110)
    radius = 0.28 + 0.06 * np.sin(turns * 0.37) + 0.012 * turns / 6
    z = 0.012 + 0.012 * (turns // (2 * np.pi) % 3)
    coil = np.stack([radius * np.cos(turns), radius * np.sin(turns), z], axis=-1)
    t = np.linspace(0, 1, 30)[1:, None]
    tail = coil[-1] * [1, 1, 0] + np.concatenate([t * rng.normal(0, 1.2, 2) + 0.15 * np.sin(t * 9), 0 * t], 1) + [0, 0, 0.012]
    b.tube(np.concatenate([coil, tail]), 0.011, Material.PAINT, palette.hsv(rng.choice([0.3, 0.15, 0.6]), 0.7, 0.5), 7)


@family("ladder")
def ladder(b: Builder, rng: np.random.Generator, height: Number = 2.4) -> None:
    """A step ladder, both sides open."""
    alloy, half = palette.hsv(0.6, 0.03, 0.75) if rng.random() < 0.6 else ASH, 0.22
    feet = np.array([[s * half, 0, 0] for s in (-1, 1)])
    slope = np.array([0, 0.3 * height, height])
    b.beams(feet, feet * [0.7, 1, 1] + slope, 0.025, Material.METAL, alloy, 0.06)
    share = np.arange(0.1, 0.97, 0.26 / height)[:, None]
    steps = share * slope
    b.boxes(steps, np.concatenate([2 * half * (1 - 0.3 * share), 0 * share + 0.08, 0 * share + 0.025], 1), Material.METAL, alloy)
    rear = feet + [0, 0.62 * height, 0]
    b.beams(rear, feet * [0.7, 1, 1] + slope, 0.022, Material.METAL, alloy)
    b.rods(rear[0] * [0.9, 1, 1] + [0, -0.06, 0.3], rear[1] * [0.9, 1, 1] + [0, -0.06, 0.3], 0.012, Material.METAL, alloy)


@family("broom")
def broom(b: Builder, rng: np.random.Generator) -> None:
    """A besom: bristles on a stick, leaning back."""
    c = b.tilted(leaning(rng.uniform(0.1, 0.25), rng.normal(0, 0.1)))
    c.rods([0, 0, 0.1], [0, 0, 1.4], 0.013, Material.WOOD, ASH)
    c.boxes([0, 0, 0.12], [0.3, 0.05, 0.035], Material.WOOD, palette.any_colour(rng))
    x = np.stack([rng.uniform(-0.14, 0.14, 70), rng.uniform(-0.02, 0.02, 70), np.full(70, 0.11)], axis=-1)
    c.rods(x, x * [1.15, 1.4, 0], 0.002, Material.FABRIC, palette.any_colour(rng), sides=3)


@family("wheelbarrow")
def wheelbarrow(b: Builder, rng: np.random.Generator) -> None:
    """A tray on a wheel and two handles."""
    tray = vehicles.loft([(-0.4, 0.28, 0.35, 0.4), (-0.35, 0.33, 0.3, 0.62), (0.45, 0.3, 0.4, 0.66)])
    b.add(tray, Material.METAL, np.eye(4), palette.any_colour(rng, 1.0))
    handles, legs = np.array([[s * 0.22, -1.0, 0.6] for s in (-1, 1)]), np.array([[s * 0.2, -0.4, 0.45] for s in (-1, 1)])
    b.rods(handles, [[s * 0.08, 0.75, 0.2] for s in (-1, 1)], 0.02, Material.WOOD, palette.hsv(0.08, 0.5, 0.5))
    b.rods(legs, legs * [1.1, 1.1, 0], 0.018, Material.METAL, palette.hsv(0, 0, 0.3))
    vehicles.wheel(b, np.array([[0, 0.75, 0.19]]), 0.19, 0.08)


@family("axe in a block")
def chopping_block(b: Builder, rng: np.random.Generator) -> None:
    """A stump with an axe in it and split logs around."""
    b.cylinders([0, 0, 0], 0.2, 0.42, Material.BARK, palette.hsv(0.07, 0.4, 0.4), 14)
    b.cylinders([0, 0, 0.42], 0.19, 0.006, Material.WOOD, ASH, 14)
    axe = b.at([0, 0, 0.42], rng.uniform(0, 6)).tilted(leaning(0.0, -0.6))
    axe.boxes([0, 0, 0.03], [0.16, 0.025, 0.09], Material.METAL, STEEL)
    axe.rods([-0.05, 0, 0.03], [-0.09, 0, 0.62], 0.015, Material.WOOD, ASH)
    angle = rng.uniform(0, 6.3, 6)
    at = np.stack([0.5 * np.cos(angle), 0.5 * np.sin(angle), 0 * angle + 0.05], axis=-1)
    ends = at + np.stack([0.3 * np.cos(angle * 3), 0.3 * np.sin(angle * 3), 0 * angle], axis=-1)
    matrices = placement.spanning(at, ends, 0.055)
    b.add(shapes.cylinder(5), Material.WOOD, matrices, palette.vary(rng, ASH, 6))


@family("hand saw")
def saw(b: Builder, rng: np.random.Generator) -> None:
    """A saw lying flat."""
    blade = shapes.prism(((-0.05, -0.05), (0.42, -0.02), (0.42, 0.02), (-0.05, 0.06)), 0.003, 0.006)
    b.add(blade, Material.METAL, np.eye(4), STEEL * 1.5)
    b.tube(np.array([[-0.05, -0.05], [-0.15, -0.06], [-0.16, 0.05], [-0.05, 0.055]]) @ np.eye(2, 3) + [0, 0, 0.012], 0.012, Material.WOOD, ASH)


@family("hammer")
def hammer(b: Builder, rng: np.random.Generator) -> None:
    """A claw hammer lying flat."""
    b.rods([0, -0.2, 0.014], [0, 0.1, 0.014], 0.013, Material.WOOD, ASH, sides=8)
    b.rods([-0.06, 0.1, 0.015], [0.03, 0.1, 0.015], 0.014, Material.METAL, STEEL, sides=8)
    b.tube([[0.03, 0.1, 0.016], [0.06, 0.09, 0.014], [0.08, 0.06, 0.008]], 0.009, Material.METAL, STEEL)


@family("screwdrivers")
def screwdrivers(b: Builder, rng: np.random.Generator) -> None:
    """Some screwdrivers and chisels lying side by side."""
    for x in np.arange(rng.integers(2, 6)) * 0.035:
        length, c = rng.uniform(0.06, 0.13), b.at([x, rng.normal(0, 0.01), 0.013], rng.normal(0, 0.08))
        c.rods([0, -0.1, 0], [0, 0, 0], 0.013, Material.PAINT, palette.any_colour(rng, 1.2), sides=8, top=0.8)
        c.rods([0, 0, 0], [0, length, -0.006], 0.003, Material.METAL, STEEL)


@family("pliers")
def pliers(b: Builder, rng: np.random.Generator) -> None:
    """Pliers lying open."""
    for s in (-1, 1):
        b.tube(np.array([[s * 0.045, -0.14, 0.01], [s * 0.04, -0.06, 0.01], [0, 0, 0.01]]), 0.008, Material.PAINT, palette.hsv(0.0, 0.85, 0.7))
        b.tube(np.array([[0, 0, 0.01], [-s * 0.014, 0.03, 0.01], [-s * 0.004, 0.07, 0.01]]), 0.007, Material.METAL, STEEL)
