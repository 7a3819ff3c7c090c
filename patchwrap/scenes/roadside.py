"""What stands along a street: lights, hydrants, shelters, parasols, signs, arches, steps; at the origin."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement, plants, structures
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder

DARK = palette.hsv(0.6, 0.1, 0.15)


@family("traffic light")
def traffic_light(b: Builder, rng: np.random.Generator) -> None:
    """A post with three lamps, sometimes on an arm over the road (-x)."""
    tall = rng.uniform(3.0, 3.6)
    b.cylinders([0, 0, 0], 0.07, tall, Material.METAL, palette.hsv(0, 0, 0.4), 10)
    at = [np.array([0, -0.12, tall - 0.7])]
    if rng.random() < 0.5:
        b.tube([[0, 0, tall], [-1, 0, tall + 1.2], [-3.6, 0, tall + 1.6]], 0.05, Material.METAL, palette.hsv(0, 0, 0.4), 8)
        at.append(np.array([-3.5, -0.1, tall + 1.1]))
    lit, hues = rng.integers(3), (0.33, 0.1, 0.0)
    for spot in at:
        b.boxes(spot + [0, 0, 0.4], [0.3, 0.2, 0.9], Material.PAINT, DARK)
        for k, hue in enumerate(hues):
            lamp = spot + [0, -0.1, 0.13 + 0.27 * k]
            b.balls(lamp, [0.09, 0.03, 0.09], Material.GLOW if k == lit else Material.GLASS, palette.hsv(hue, 0.9, 0.9 if k == lit else 0.3))
            b.hoop(lamp - [0, 0.05, 0], 0.1, 0.012, 1, Material.PAINT, DARK, 12)


@family("hydrant")
def hydrant(b: Builder, rng: np.random.Generator) -> None:
    """A fire hydrant with caps and a bonnet."""
    paint = palette.hsv(rng.choice([0.0, 0.14, 0.6]), 0.85, 0.75)
    b.turned([[0.16, 0], [0.16, 0.05], [0.11, 0.06], [0.1, 0.5], [0.14, 0.52], [0.14, 0.56], [0.11, 0.58], [0.08, 0.7], [0.02, 0.74], [0.02, 0.8], [0, 0.8]],
             Material.PAINT, paint)  # fmt: skip
    b.rods([-0.19, 0, 0.42], [0.19, 0, 0.42], 0.055, Material.PAINT, paint, sides=10)
    b.rods([0, 0, 0.38], [0, -0.18, 0.38], 0.075, Material.PAINT, paint, sides=10)


@family("post box")
def post_box(b: Builder, rng: np.random.Generator) -> None:
    """A round or square box for letters."""
    paint = palette.hsv(rng.choice([0.0, 0.14, 0.6]), 0.85, 0.7)
    if rng.random() < 0.5:
        b.turned([[0.27, 0], [0.27, 0.15], [0.24, 0.16], [0.24, 1.35], [0.29, 1.37], [0.27, 1.45], [0, 1.55]], Material.PAINT, paint, 26)
        b.boxes([0, -0.24, 1.2], [0.25, 0.02, 0.04], Material.PAINT, DARK)
    else:
        b.rods([[0, 0, 0]], [[0, 0, 0.8]], 0.04, Material.METAL, DARK)
        b.boxes([[0, 0, 1.05], [0, -0.16, 1.2]], [[0.42, 0.3, 0.55], [0.3, 0.02, 0.03]], Material.PAINT, [paint, DARK])


@family("bus shelter")
def bus_shelter(b: Builder, rng: np.random.Generator) -> None:
    """A roof on posts with glass at the back (+y), a bench and a poster."""
    w, d, h = rng.uniform(2.6, 4.2), 1.3, 2.35
    metal = palette.pick(rng, palette.METALS)
    x = np.linspace(-w / 2, w / 2, 4)
    b.rods(np.stack([x, 0 * x + d, 0 * x], -1), np.stack([x, 0 * x + d, 0 * x + h], -1), 0.035, Material.METAL, metal)
    b.rods([[s * w / 2, 0.1, 0] for s in (-1, 1)], [[s * w / 2, 0.1, h] for s in (-1, 1)], 0.035, Material.METAL, metal)
    b.boxes([0, d / 2, h + 0.05], [w + 0.3, d + 0.4, 0.1], Material.PAINT, metal)
    b.boxes([0, d, 1.25], [w - 0.1, 0.012, 1.8], Material.GLASS, palette.hsv(0.5, 0.1, 0.5))
    b.boxes([w / 2, d / 2 + 0.1, 1.25], [0.08, 0.9, 1.7], Material.PICTURE, palette.any_colour(rng, 1.1))
    b.boxes([[0, d - 0.25, 0.46 + 0 * v] for v in range(1)], [w * 0.7, 0.35, 0.05], Material.WOOD, palette.pick(rng, palette.WOODS))
    b.beams([[s * w * 0.28, d - 0.25, 0] for s in (-1, 1)], [[s * w * 0.28, d - 0.25, 0.44] for s in (-1, 1)], 0.05, Material.METAL, metal)


@family("parasol")
def parasol(b: Builder, rng: np.random.Generator) -> None:
    """A sunshade of eight panels with ribs on a pole."""
    r, h, cloth = rng.uniform(1.1, 1.7), rng.uniform(2.1, 2.5), palette.any_colour(rng, 1.1)
    b.cylinders([0, 0, 0], 0.25, 0.08, Material.CONCRETE, palette.hsv(0, 0, 0.5), 18)
    b.rods([0, 0, 0], [0, 0, h + 0.1], 0.02, Material.WOOD, palette.pick(rng, palette.WOODS), sides=8)
    b.add(shapes.pipe(8, 0.02), Material.FABRIC, placement.placed([[0, 0, h - 0.45]], [r, r, 0.5]), cloth)
    b.add(shapes.pipe(8), Material.FABRIC, placement.placed([[0, 0, h - 0.6]], [r, r, 0.15]), cloth * 0.8)
    a = np.arange(8) * np.pi / 4
    b.rods(np.stack([0.5 * r * np.cos(a), 0.5 * r * np.sin(a), 0 * a + h - 0.22], -1), [0, 0, h - 0.6], 0.008, Material.WOOD, palette.hsv(0.1, 0.4, 0.6), sides=4)


@family("traffic sign")
def traffic_sign(b: Builder, rng: np.random.Generator) -> None:
    """A disc, a triangle or a plate on a post, facing -y."""
    tall, kind = rng.uniform(2.2, 2.8), rng.integers(3)
    b.rods([0, 0.03, 0], [0, 0.03, tall + 0.3], 0.03, Material.METAL, palette.hsv(0, 0, 0.5), sides=8)
    red, white = palette.hsv(0.0, 0.9, 0.75), palette.hsv(0, 0, 0.92)
    for depth, size, colour in ((0.0, 0.33, red), (-0.006, 0.25, white)):
        disc = placement.spanning([[0, depth, tall]], [[0, depth - 0.01, tall]], size * 1.15 if kind == 1 else size)
        if kind < 2:
            b.add(shapes.cylinder(24 if kind == 0 else 3), Material.PAINT, disc, colour)
    if kind == 2:
        b.boxes([0, 0, tall], [0.7, 0.02, 0.5], Material.PICTURE, palette.hsv(rng.choice([0.6, 0.35, 0.14]), 0.8, 0.6))


@family("litter bin")
def litter_bin(b: Builder, rng: np.random.Generator) -> None:
    """A slatted bin on a foot, or a wheeled one with its lid."""
    if rng.random() < 0.5:
        a = np.arange(18) * 2 * np.pi / 18
        foot = np.stack([0.22 * np.cos(a), 0.22 * np.sin(a), 0 * a + 0.08], -1)
        b.beams(foot, foot + [0, 0, 0.7], 0.05, Material.WOOD, palette.pick(rng, palette.WOODS), 0.015)
        b.cylinders([0, 0, 0.0], 0.19, 0.7, Material.METAL, DARK, 16)
        b.hoop([0, 0, 0.78], 0.23, 0.016, 2, Material.METAL, DARK)
    else:
        colour = palette.hsv(rng.choice([0.35, 0.6, 0.14, 0.08]), 0.6, 0.35)
        b.add(shapes.prism(((-0.27, -0.3), (0.27, -0.3), (0.27, 0.3), (-0.27, 0.3)), 0.06, 0.98, 1.1), Material.PAINT, np.eye(4), colour)
        b.boxes([0, 0.02, 1.01], [0.62, 0.72, 0.06], Material.PAINT, colour * 0.8)
        b.rods([-0.25, 0.4, 0.95], [0.25, 0.4, 0.95], 0.018, Material.PAINT, DARK)
        b.rods([[s * 0.25, 0.27, 0.1] for s in (-1, 1)], [[s * 0.3, 0.27, 0.1] for s in (-1, 1)], 0.1, Material.PAINT, DARK, sides=14)


@family("bollard")
def bollards(b: Builder, rng: np.random.Generator, count: int = 8) -> None:
    """Posts along y with chains between them, or without."""
    metal = palette.pick(rng, palette.METALS)
    at = np.arange(count)[:, None] * [0, 1.9, 0]
    b.cylinders(at, 0.06, 0.85, Material.METAL, metal, 10)
    b.balls(at + [0, 0, 0.9], np.full(count, 0.075), Material.METAL, metal)
    if rng.random() < 0.5:
        for one, two in zip(at[:-1], at[1:], strict=True):
            structures.wire(b, one + [0, 0, 0.8], two + [0, 0, 0.8], 0.2, 0.014, 8)


@family("planter")
def planter(b: Builder, rng: np.random.Generator, foliage: plants.Foliage) -> None:
    """A concrete or wooden trough with a bush or flowers."""
    w = rng.uniform(0.7, 1.5)
    b.boxes([0, 0, 0.25], [w, 0.6, 0.5], Material.WOOD if rng.random() < 0.5 else Material.CONCRETE, palette.pick(rng, palette.WOODS))
    top = b.at([0, 0, 0.46])
    plants.flower_bed(top, rng, (w - 0.08, 0.52), foliage, 18)


@family("archway")
def archway(b: Builder, rng: np.random.Generator, width: Number = 3.0, height: Number = 3.6, thick: Number = 0.7) -> None:
    """A masonry arch over the y axis, its feet at x = +-width/2."""
    material, colour = (Material.STONE, palette.pick(rng, palette.STONES)) if rng.random() < 0.6 else (Material.BRICK, palette.pick(rng, palette.BRICKS))
    r, t = width / 2, 0.45
    spring = max(height - r, 0.8)
    b.boxes([[s * (r + t / 2), 0, spring / 2] for s in (-1, 1)], [t, thick, spring], material, colour)
    a = np.linspace(0, np.pi, 17)
    inner = np.stack([r * np.cos(a), 0 * a, spring + r * np.sin(a)], -1)
    middle = inner + t / 2 * np.stack([np.cos(a), 0 * a, np.sin(a)], -1)
    matrices = placement.spanning(middle[:-1], middle[1:], thick, t)
    matrices[:, :3, 3] += 0.5 * matrices[:, :3, 2]
    matrices[:, :3, 2] *= 1.16
    b.add(shapes.box(), material, matrices, palette.vary(rng, colour, 16, 0.1))


@family("stone steps")
def steps(b: Builder, rng: np.random.Generator, count: int, width: Number = 1.6) -> None:
    """Solid steps that climb along +y."""
    n = np.arange(count)
    material = (Material.STONE, Material.CONCRETE, Material.BRICK)[rng.integers(3)]
    at = np.column_stack([0 * n, n * 0.3 + (count - n) * 0.15, (n + 0.5) * 0.165])
    b.boxes(at, np.column_stack([0 * n + width, (count - n) * 0.3, 0 * n + 0.164]), material, palette.pick(rng, palette.STONES))
    if rng.random() < 0.6:
        metal = palette.pick(rng, palette.METALS)
        for x in (-width / 2 + 0.05, width / 2 - 0.05):
            feet = np.column_stack([0 * n[::2] + x, n[::2] * 0.3 + 0.15, (n[::2] + 1) * 0.165])
            b.rods(feet, feet + [0, 0, 0.9], 0.014, Material.METAL, metal)
            b.tube(feet + [0, 0, 0.9], 0.022, Material.METAL, metal)


@family("market stall")
def stall(b: Builder, rng: np.random.Generator) -> None:
    """A table of crates with fruit under a striped roof."""
    w, wood = rng.uniform(1.8, 3), palette.pick(rng, palette.WOODS)
    posts = np.array([[s * w / 2, y, 0] for s in (-1, 1) for y in (0, 1.3)])
    b.rods(posts, posts + [0, 0, 2.3], 0.025, Material.METAL, palette.hsv(0, 0, 0.5))
    b.add(shapes.gable(), Material.FABRIC, placement.placed([[0, 0.65, 2.25]], [w + 0.4, 2.0, 0.5]), palette.any_colour(rng, 1.1))
    b.boxes([0, 0.5, 0.75], [w, 0.9, 0.05], Material.PLANKS, wood)
    b.beams(posts * [0.9, 0.6, 1] + [0, 0.1, 0], posts * [0.9, 0.6, 1] + [0, 0.1, 0.74], 0.05, Material.WOOD, wood)
    for x in np.arange(-w / 2 + 0.3, w / 2 - 0.2, 0.5):
        colour = palette.hsv(rng.choice([0.0, 0.07, 0.13, 0.28, 0.8]), 0.8, 0.8)
        b.boxes([x, 0.45, 0.83], [0.44, 0.6, 0.1], Material.WOOD, wood * 0.8)
        heap = np.column_stack([rng.uniform(x - 0.18, x + 0.18, 26), rng.uniform(0.2, 0.7, 26), rng.uniform(0.89, 0.96, 26)])
        b.balls(heap, np.full(26, 0.042), Material.FRUIT, palette.vary(rng, colour, 26, 0.1))


@family("street café")
def cafe(b: Builder, rng: np.random.Generator) -> None:
    """A round table with bistro chairs, often under a parasol."""
    metal = palette.any_colour(rng)
    b.cylinders([0, 0, 0.72], 0.34, 0.02, Material.METAL, metal, 26)
    b.rods([0, 0, 0.1], [0, 0, 0.72], 0.02, Material.METAL, metal)
    a = np.arange(3) * 2.09
    b.rods(np.stack([0.28 * np.cos(a), 0.28 * np.sin(a), 0 * a], -1), [0, 0, 0.14], 0.014, Material.METAL, metal)
    for yaw in np.arange(rng.integers(2, 4)) * 2.1 + rng.uniform(0, 2):
        bistro_chair(b.at([0.62 * np.sin(yaw), -0.62 * np.cos(yaw), 0], float(yaw) + rng.normal(0, 0.3)), metal)
    if rng.random() < 0.5:
        parasol(b.at([0, 0, 0]), rng)


def bistro_chair(b: Builder, metal: np.ndarray) -> None:
    """Thin bent tubes around a round seat; faces +y."""
    b.cylinders([0, 0, 0.44], 0.19, 0.02, Material.WOOD, palette.hsv(0.08, 0.5, 0.5), 20)
    feet = np.array([[s * 0.2, y, 0] for s in (-1, 1) for y in (0.18, -0.2)])
    b.rods(feet, feet * [0.7, 0.7, 0] + [0, 0, 0.44], 0.01, Material.METAL, metal)
    a = np.linspace(0, np.pi, 11)
    b.tube(np.stack([0.19 * np.cos(a), 0 * a - 0.17 - 0.05 * np.sin(a), 0.45 + 0.42 * np.sin(a)], -1), 0.011, Material.METAL, metal)
    b.tube(np.stack([0.1 * np.cos(a), 0 * a - 0.17 - 0.04 * np.sin(a), 0.45 + 0.33 * np.sin(a)], -1), 0.008, Material.METAL, metal)
