"""Things on a desk, each standing or lying at the builder's origin."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.scene import Builder

STEEL = palette.hsv(0.6, 0.04, 0.65)
DARK = palette.hsv(0, 0, 0.1)


@family("laptop")
def laptop(b: Builder, rng: np.random.Generator) -> None:
    """An open laptop with keys; its screen looks to -y."""
    shell = STEEL if rng.random() < 0.6 else DARK
    b.boxes([0, 0, 0.009], [0.33, 0.23, 0.015], Material.METAL, shell)
    x, y = (v.ravel() for v in np.meshgrid(np.linspace(-0.14, 0.14, 14), np.linspace(0.0, 0.08, 5)))
    b.boxes(np.stack([x, y, 0 * x + 0.018], -1), [0.017, 0.016, 0.003], Material.PAINT, DARK)
    b.boxes([0, -0.065, 0.0168], [0.1, 0.06, 0.001], Material.METAL, shell * 0.8)
    lid = placement.spanning([[0, 0.115, 0.015]], [[0, 0.115 + rng.uniform(0.02, 0.1), 0.22]], 0.33, 0.008)
    lid[:, :3, 3] += 0.5 * lid[:, :3, 2]
    b.add(shapes.box(), Material.METAL, lid, shell)
    lid[:, :3, 0] *= 0.94
    lid[:, :3, 2] *= 0.9
    lid[:, 1, 3] -= 0.003
    b.add(shapes.box(), Material.PICTURE, lid, palette.any_colour(rng, 1.0))


@family("spectacles")
def spectacles(b: Builder, rng: np.random.Generator) -> None:
    """Folded-out glasses lying on their rims."""
    colour = palette.any_colour(rng) * 0.4
    for s in (-1, 1):
        b.hoop([s * 0.034, 0, 0.022], 0.022, 0.0018, 1, Material.PAINT, colour, 18)
        b.tube([[s * 0.056, 0, 0.027], [s * 0.068, 0.003, 0.028], [s * 0.07, 0.1, 0.028], [s * 0.069, 0.135, 0.006]], 0.0018, Material.PAINT, colour)
    b.rods([-0.013, 0, 0.027], [0.013, 0, 0.027], 0.002, Material.PAINT, colour)


@family("scissors")
def scissors(b: Builder, rng: np.random.Generator) -> None:
    """Scissors lying open."""
    colour = palette.any_colour(rng, 1.1)
    for s in (-1, 1):
        b.beams([-s * 0.012, -0.03, 0.004], [s * 0.018, 0.09, 0.004], 0.01, Material.METAL, STEEL, 0.002)
        b.hoop([-s * 0.022, -0.055, 0.005], 0.02, 0.0045, 2, Material.PAINT, colour, 16)


@family("pen pot")
def pen_pot(b: Builder, rng: np.random.Generator) -> None:
    """A cup with pencils and brushes, some lying beside it."""
    b.turned([[0, 0], [0.036, 0], [0.038, 0.1], [0.035, 0.1], [0.033, 0.01], [0, 0.01]], Material.CERAMIC, palette.any_colour(rng))
    n = int(rng.integers(4, 11))
    foot = np.column_stack([rng.uniform(-0.018, 0.018, (n, 2)), np.full(n, 0.01)])
    tips = np.column_stack([foot[:, :2] * 2.0 + rng.normal(0, 0.008, (n, 2)), rng.uniform(0.13, 0.19, n)])
    colours = np.stack([palette.any_colour(rng, 1.2) for _ in range(n)])
    b.rods(foot, tips, 0.0036, Material.PAINT, colours, sides=6)
    axis = (tips - foot) / np.linalg.norm(tips - foot, axis=1, keepdims=True)
    b.rods(tips, tips + axis * 0.014, 0.0036, Material.WOOD, palette.hsv(0.1, 0.4, 0.8), top=0.15)
    lying = b.at([0.08, -0.05, 0.004], rng.uniform(0, 3))
    lying.rods([0, -0.08, 0], [0, 0.08, 0], 0.004, Material.PAINT, palette.any_colour(rng, 1.2))


@family("headphones")
def headphones(b: Builder, rng: np.random.Generator) -> None:
    """Headphones standing on their cups, with a cable."""
    colour, t = palette.any_colour(rng) * 0.5, np.linspace(0, np.pi, 15)
    b.tube(np.stack([0.085 * np.cos(t), 0 * t, 0.05 + 0.12 * np.sin(t)], -1), 0.006, Material.PAINT, colour)
    for s in (-1, 1):
        cup = placement.spanning([[s * 0.065, 0, 0.04]], [[s * 0.095, 0, 0.04]], 0.038)
        b.add(shapes.cylinder(18), Material.FABRIC, cup, colour)
    u = np.linspace(0, 1, 20)
    b.tube(np.stack([0.08 + 0.25 * u, 0.06 * np.sin(u * 8), 0 * u + 0.002], -1), 0.0014, Material.PAINT, DARK, 4)


@family("desk lamp")
def desk_lamp(b: Builder, rng: np.random.Generator) -> None:
    """A jointed lamp with springs."""
    paint = palette.any_colour(rng)
    b.cylinders([0, 0, 0], 0.08, 0.02, Material.METAL, paint, 22)
    elbow, head = np.array([rng.uniform(-0.14, -0.05), 0, 0.26]), np.array([rng.uniform(0.02, 0.14), 0, 0.42])
    for y in (-0.008, 0.008):
        b.tube([[0, y, 0.02], elbow + [0, y, 0], head + [0, y, 0]], 0.0035, Material.METAL, paint)
    b.rods([0, 0, 0.04], elbow * 0.6, 0.005, Material.METAL, STEEL)
    shade = placement.spanning([head], [head + [0.05, 0, -0.1]], 0.03)
    b.add(shapes.pipe(18, 2.3), Material.PAINT, shade, paint)
    b.balls(head + [0.035, 0, -0.07], 0.025, Material.GLOW, palette.hsv(0.12, 0.2, 1.0))


@family("phone")
def phone(b: Builder, rng: np.random.Generator) -> None:
    """A flat phone with its charging cable."""
    b.boxes([0, 0, 0.005], [0.072, 0.15, 0.008], Material.GLASS, DARK)
    u = np.linspace(0, 1, 26)
    b.tube(np.stack([0.2 * u * np.sin(u * 7), -0.075 - 0.3 * u, 0 * u + 0.003], -1), 0.0017, Material.PAINT, palette.hsv(0, 0, 0.9), 5)


@family("camera")
def photo_camera(b: Builder, rng: np.random.Generator) -> None:
    """A camera with its lens and strap."""
    b.boxes([[0, 0, 0.045], [0, 0, 0.092]], [[0.13, 0.045, 0.085], [0.05, 0.04, 0.02]], Material.FABRIC, DARK)
    b.boxes([0, 0, 0.085], [0.132, 0.046, 0.012], Material.METAL, STEEL)
    lens = placement.spanning([[0, -0.02, 0.043]], [[0, -0.085, 0.043]], 0.033)
    b.add(shapes.cylinder(22), Material.PAINT, lens, DARK)
    b.balls([0, -0.084, 0.043], [0.026, 0.006, 0.026], Material.GLASS, palette.hsv(0.7, 0.3, 0.25))
    u = np.linspace(0, np.pi, 18)
    b.tube(np.stack([0.07 * np.cos(u), 0.03 + 0.13 * np.sin(u), 0.06 * np.abs(np.cos(u)) ** 3 + 0.004], -1), 0.004, Material.FABRIC, palette.any_colour(rng))
