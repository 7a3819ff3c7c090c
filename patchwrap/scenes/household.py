"""Household things on floors, walls and ceilings; at the origin, their backs to -y."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder

STEEL = palette.hsv(0.6, 0.04, 0.65)


@family("radiator")
def radiator(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """Ribs between two pipes, on feet."""
    white = palette.hsv(0.12, rng.uniform(0, 0.1), 0.92)
    x = np.arange(-width / 2 + 0.05, width / 2, 0.06)
    low = np.stack([x, 0 * x + 0.07, 0 * x + 0.12], -1)
    b.beams(low, low + [0, 0, 0.5], 0.035, Material.PAINT, white, 0.09)
    for z in (0.13, 0.61):
        b.rods([-width / 2, 0.07, z], [width / 2, 0.07, z], 0.022, Material.PAINT, white, sides=8)
    b.rods([-width / 2, 0.07, 0], [-width / 2, 0.07, 0.14], 0.012, Material.METAL, STEEL)
    b.balls([width / 2 + 0.05, 0.07, 0.6], [0.05, 0.03, 0.03], Material.PAINT, white)


@family("guitar")
def guitar(b: Builder, rng: np.random.Generator) -> None:
    """A guitar on a stand."""
    wood, c = palette.pick(rng, palette.WOODS), b.tilted(np.array([[1, 0, 0, 0], [0, 0.97, -0.24, 0.25], [0, 0.24, 0.97, 0.1], [0, 0, 0, 1.0]]))
    c.add(_body(), Material.WOOD, np.eye(4), wood)
    c.boxes([0, 0.055, 0.68], [0.05, 0.025, 0.5], Material.WOOD, wood * 0.4)
    c.boxes([0, 0.05, 0.99], [0.07, 0.02, 0.14], Material.WOOD, wood * 0.5)
    x = np.linspace(-0.018, 0.018, 6)[:, None] * [1, 0, 0]
    c.rods(x + [0, 0.07, 0.14], x + [0, 0.072, 0.95], 0.0009, Material.METAL, STEEL, sides=3)
    c.cylinders([0, 0, 0], 0.001, 0.001, Material.PAINT, wood)
    for s in (-1, 1):
        b.tube([[s * 0.2, 0.3, 0], [s * 0.12, 0.2, 0.12], [0, 0.12, 0.45]], 0.01, Material.METAL, palette.hsv(0, 0, 0.15))


def _body() -> shapes.Mesh:
    """The figure of eight of a guitar, upright."""
    angle = np.linspace(0, 2 * np.pi, 41)[:-1]
    lower = np.stack([0.19 * np.cos(angle), 0.19 + 0.19 * np.sin(angle)], -1)
    upper = np.stack([0.14 * np.cos(angle), 0.4 + 0.13 * np.sin(angle)], -1)
    upright = np.array([[1, 0, 0, 0], [0, 0, -1, 0.045], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    return shapes.merge([shapes.moved(shapes.prism(tuple(map(tuple, ring)), 0.0, 0.09), upright) for ring in (lower, upper)])


@family("ceiling fan")
def ceiling_fan(b: Builder, rng: np.random.Generator, ceiling: Number) -> None:
    """Blades around a hub below the ceiling."""
    wood, z = palette.pick(rng, palette.WOODS), ceiling - 0.32
    b.rods([0, 0, z], [0, 0, ceiling], 0.014, Material.METAL, STEEL)
    b.turned([[0, z - 0.1], [0.08, z - 0.06], [0.1, z], [0.06, z + 0.06], [0, z + 0.07]], Material.METAL, STEEL)
    for a in np.arange(4) * np.pi / 2 + rng.uniform(0, 1.5):
        c = b.at([0, 0, z], float(a))
        c.beams([0.1, 0, 0.02], [0.62, 0, 0.03], 0.13, Material.WOOD, wood, 0.012)


@family("drying rack")
def drying_rack(b: Builder, rng: np.random.Generator) -> None:
    """A folding rack with laundry."""
    w, d, h = 0.55, 0.9, 0.95
    for x in (-w, w):
        b.rods([[x, -0.35, 0], [x, 0.35, 0]], [[x, 0.35, h], [x, -0.35, h]], 0.011, Material.METAL, STEEL)
    for y in np.linspace(-d, d, 12):
        b.rods([-w, y, h], [w, y, h], 0.004, Material.METAL, STEEL, sides=4)
    for x in (-w, w):
        b.rods([x, -d, h], [x, d, h], 0.009, Material.METAL, STEEL)
    for y in rng.choice(np.linspace(-d, d, 12), 5, replace=False):
        x0, wide, drop = rng.uniform(-0.45, 0.1), rng.uniform(0.2, 0.5), rng.uniform(0.25, 0.6)
        t = np.linspace(0, 1, 9)
        hang = np.stack([0.02 * np.sin(t * 9), h + 0.006 - drop * np.abs(2 * t - 1)], -1)
        cloth = np.stack([np.stack([np.full(9, x0 + u * wide), y + hang[:, 0] + 0.03 * (2 * t - 1), hang[:, 1]], -1) for u in np.linspace(0, 1, 6)], 1)
        b.add(shapes.surface(cloth), Material.FABRIC, np.eye(4), palette.any_colour(rng))


@family("coat stand")
def coat_stand(b: Builder, rng: np.random.Generator) -> None:
    """A bentwood stand with coats and hats."""
    wood = palette.pick(rng, palette.WOODS)
    b.rods([0, 0, 0.1], [0, 0, 1.8], 0.02, Material.WOOD, wood, sides=8)
    for a in np.arange(4) * np.pi / 2 + 0.4:
        out = np.array([np.cos(a), np.sin(a), 0])
        b.tube([out * 0.3, out * 0.2 + [0, 0, 0.12], [0, 0, 0.3]], 0.014, Material.WOOD, wood)
        b.tube([[0, 0, 1.6], out * 0.1 + [0, 0, 1.58], out * 0.17 + [0, 0, 1.66], out * 0.15 + [0, 0, 1.74]], 0.01, Material.WOOD, wood)
        if rng.random() < 0.6:
            coat = placement.spanning([out * 0.15 + [0, 0, 1.64]], [out * 0.16 + [0, 0, rng.uniform(0.6, 1.0)]], 0.09, 0.09)
            b.add(shapes.cylinder(10, 1.5), Material.FABRIC, coat, palette.any_colour(rng))


@family("wall clock")
def clock(b: Builder, rng: np.random.Generator) -> None:
    """A round clock on a wall at y = 0, its middle at the origin."""
    r, dark = rng.uniform(0.13, 0.24), palette.hsv(0, 0, 0.08)
    b.add(shapes.cylinder(30), Material.PAINT, placement.spanning([[0, 0, 0]], [[0, 0.035, 0]], r), palette.any_colour(rng))
    b.add(shapes.cylinder(30), Material.PAINT, placement.spanning([[0, 0, 0]], [[0, 0.038, 0]], r * 0.9), palette.hsv(0.12, 0.05, 0.93))
    a = np.arange(12) * np.pi / 6
    tick = np.stack([np.sin(a), 0 * a, np.cos(a)], -1)
    b.rods(tick * r * 0.75 + [0, 0.04, 0], tick * r * 0.85 + [0, 0.04, 0], 0.004, Material.PAINT, dark, sides=4)
    for length, angle in ((0.45, rng.uniform(0, 6)), (0.7, rng.uniform(0, 6))):
        b.rods([0, 0.045, 0], [np.sin(angle) * length * r, 0.045, np.cos(angle) * length * r], 0.005, Material.PAINT, dark, sides=4)


@family("kitchen counter")
def kitchen(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """Units with a worktop, a sink with its tap, a hob, and utensils on a rail."""
    from patchwrap.scenes import furniture

    furniture.cabinet(b.at([0, 0.3, 0]), rng, width, 0.88, 0.58)
    b.boxes([0, 0.31, 0.9], [width + 0.02, 0.62, 0.04], Material.STONE if rng.random() < 0.5 else Material.WOOD, palette.pick(rng, palette.STONES + palette.WOODS))
    x = -width * 0.25
    b.boxes([x, 0.32, 0.922], [0.45, 0.36, 0.006], Material.METAL, STEEL * 0.5)
    b.tube([[x, 0.1, 0.92], [x, 0.1, 1.18], [x, 0.14, 1.24], [x, 0.24, 1.24], [x, 0.27, 1.18]], 0.012, Material.METAL, STEEL, 8)
    b.hoop([width * 0.25, 0.3, 0.925], 0.09, 0.006, 2, Material.METAL, palette.hsv(0, 0, 0.1))
    pot = b.at([width * 0.25, 0.3, 0.93])
    pot.turned([[0, 0], [0.1, 0], [0.105, 0.13], [0.11, 0.13], [0.11, 0.135], [0.02, 0.15], [0.015, 0.17], [0, 0.17]], Material.METAL, palette.any_colour(rng))
    pot.tube([[-0.1, 0, 0.1], [-0.15, 0, 0.1], [-0.28, 0, 0.11]], 0.01, Material.PAINT, palette.hsv(0, 0, 0.1))
    b.rods([-width / 2 + 0.1, 0.04, 1.55], [width / 2 - 0.1, 0.04, 1.55], 0.008, Material.METAL, STEEL)
    for u in np.arange(-width / 2 + 0.2, width / 2 - 0.1, 0.16):
        utensil(b.at([u, 0.05, 1.54]), rng)


def utensil(b: Builder, rng: np.random.Generator) -> None:
    """A ladle, a sieve, a slice or a whisk hanging from its handle."""
    low, kind = rng.uniform(0.22, 0.32), rng.integers(4)
    b.rods([0, 0, -low], [0, 0, 0], 0.005, Material.METAL, STEEL)
    if kind == 0:
        b.balls([0, 0.02, -low - 0.03], [0.04, 0.035, 0.03], Material.METAL, STEEL)
    elif kind == 1:
        b.hoop([0, 0, -low - 0.055], 0.055, 0.004, 1, Material.METAL, STEEL)
    elif kind == 2:
        b.boxes([0, 0, -low - 0.05], [0.07, 0.004, 0.1], Material.METAL, STEEL)
    else:
        whisk_wires(b.at([0, 0, -low - 0.12]), STEEL)


def whisk_wires(b: Builder, colour: np.ndarray) -> None:
    """The balloon of a whisk, 12 cm tall."""
    t = np.linspace(0, np.pi, 11)
    for a in np.arange(4) * np.pi / 4:
        loop = np.stack([0.03 * np.sin(t) * np.cos(a), 0.03 * np.sin(t) * np.sin(a), 0.06 * (1 - np.cos(t))], -1)
        mirrored = loop * [-1, -1, 1]
        b.tube(loop, 0.0011, Material.METAL, colour, 4)
        b.tube(mirrored, 0.0011, Material.METAL, colour, 4)


@family("banister stairs")
def staircase(b: Builder, rng: np.random.Generator, ceiling: Number) -> None:
    """Wooden stairs along +x with balusters, up to the ceiling."""
    wood, n = palette.pick(rng, palette.WOODS), int(ceiling / 0.18)
    k = np.arange(n)
    at = np.column_stack([k * 0.24, 0 * k + 0.45, (k + 1) * 0.18])
    b.boxes(at, [0.27, 0.9, 0.035], Material.WOOD, wood)
    b.boxes(at - [-0.12, 0, 0.09], [0.02, 0.86, 0.17], Material.PAINT, palette.hsv(0.12, 0.05, 0.9))
    rail = at + [0, 0.4, 0.9]
    keep = rail[:, 2] < ceiling - 0.1
    b.rods((rail - [0, 0, 0.88])[keep], rail[keep], 0.012, Material.WOOD, wood)
    if keep.sum() > 1:
        b.tube(rail[keep], 0.026, Material.WOOD, wood, 8)
    b.beams([-0.1, 0.88, 0.0], [n * 0.24, 0.88, n * 0.18 + 0.05], 0.04, Material.WOOD, wood, 0.24)


@family("basket")
def basket(b: Builder, rng: np.random.Generator) -> None:
    """A woven basket with laundry or wood."""
    r, h, straw = rng.uniform(0.16, 0.26), rng.uniform(0.25, 0.5), palette.hsv(0.1, 0.45, 0.6)
    for z in np.linspace(0.02, h, 9):
        b.hoop([0, 0, z], r * (0.85 + 0.15 * z / h), 0.016, 2, Material.WOOD, straw, 20)
    b.cylinders([0, 0, 0], r * 0.85, h * 0.6, Material.FABRIC, palette.any_colour(rng), 16)
    b.balls(rng.uniform(-0.4, 0.4, (4, 3)) * [r, r, 0] + [0, 0, h * 0.75], rng.uniform(0.3, 0.55, (4, 1)) * r, Material.FABRIC, palette.vary(rng, palette.any_colour(rng), 4, 0.5))


@family("mirror")
def mirror(b: Builder, rng: np.random.Generator) -> None:
    """A leaning framed glass."""
    h, w, wood = rng.uniform(1.2, 1.8), rng.uniform(0.4, 0.7), palette.pick(rng, palette.WOODS + palette.METALS)
    c = b.tilted(np.array([[1, 0, 0, 0], [0, 0.99, -0.13, 0.26], [0, 0.13, 0.99, 0], [0, 0, 0, 1.0]]))
    c.boxes([0, 0, h / 2], [w, 0.03, h], Material.GLASS, palette.hsv(0.55, 0.08, 0.6))
    c.boxes([[s * w / 2, 0.01, h / 2] for s in (-1, 1)], [0.05, 0.05, h], Material.WOOD, wood)
    c.boxes([[0, 0.01, z] for z in (0.025, h - 0.025)], [w, 0.05, 0.05], Material.WOOD, wood)


@family("clothes line")
def clothes_line(b: Builder, rng: np.random.Generator, length: Number = 4.0) -> None:
    """Posts with lines along x and washing on pegs."""
    posts = np.array([[s * length / 2, 0, 0] for s in (-1, 1)])
    b.rods(posts, posts + [0, 0, 2.0], 0.04, Material.WOOD, palette.pick(rng, palette.WOODS))
    b.beams(posts + [0, -0.5, 2], posts + [0, 0.5, 2], 0.05, Material.WOOD, palette.hsv(0.08, 0.3, 0.5))
    for y in (-0.4, 0.0, 0.4):
        t = np.linspace(0, 1, 13)[:, None]
        line = posts[0] + t * (posts[1] - posts[0]) + np.concatenate([0 * t, 0 * t + y, 2.0 - 0.5 * t * (1 - t)], 1)
        b.tube(line, 0.003, Material.FABRIC, palette.hsv(0.13, 0.1, 0.8), 4)
        for x in rng.uniform(0.08, 0.85, 3):
            w, drop = rng.uniform(0.25, 0.7), rng.uniform(0.35, 0.9)
            u, v = np.meshgrid(np.linspace(0, 1, 7), np.linspace(0, 1, 6))
            top = 2.0 - 0.5 * (x + u * w / length) * (1 - x - u * w / length)
            cloth = np.stack([(x - 0.5) * length + u * w, y + 0.05 * v * np.sin(u * 9 + v), top - v * drop], -1)
            b.add(shapes.surface(cloth), Material.FABRIC, np.eye(4), palette.any_colour(rng))


@family("greenhouse")
def greenhouse(b: Builder, rng: np.random.Generator) -> None:
    """An open frame of thin bars with a gable and plants on shelves."""
    w, d, h, frame = 1.9, 2.4, 1.7, palette.hsv(0.3, rng.choice([0.0, 0.4]), rng.choice([0.3, 0.85]))
    for y in np.linspace(0, d, 6):
        b.tube([[-w / 2, y, 0], [-w / 2, y, h], [0, y, h + 0.6], [w / 2, y, h], [w / 2, y, 0]], 0.016, Material.METAL, frame, 4)
    for x, z in ((-w / 2, 0.02), (-w / 2, h), (0, h + 0.6), (w / 2, h), (w / 2, 0.02), (-w / 2, 0.8), (w / 2, 0.8)):
        b.rods([x, 0, z], [x, d, z], 0.014, Material.METAL, frame, sides=4)
    b.boxes([[s * w * 0.33, d / 2, 0.7] for s in (-1, 1)], [0.5, d - 0.1, 0.03], Material.PLANKS, palette.pick(rng, palette.WOODS))
    b.beams([[s * w * 0.33, y, 0] for s in (-1, 1) for y in (0.2, d - 0.2)], [[s * w * 0.33, y, 0.7] for s in (-1, 1) for y in (0.2, d - 0.2)], 0.04, Material.WOOD, palette.hsv(0.08, 0.3, 0.5))
    from patchwrap.scenes import plants

    for y in np.arange(0.3, d, 0.42):
        plants.pot_plant(b.at([rng.choice([-1, 1]) * w * 0.33, y, 0.715]), rng, rng.uniform(0.25, 0.6))


@family("barbecue")
def barbecue(b: Builder, rng: np.random.Generator) -> None:
    """A kettle grill on three legs, open or shut."""
    paint = palette.hsv(rng.choice([0, 0, 0.35]), rng.choice([0, 0.6]), 0.12)
    bowl = [[0, 0.5], [0.2, 0.55], [0.28, 0.7], [0.29, 0.78], [0.27, 0.78], [0.2, 0.6], [0, 0.56]]
    b.turned(bowl, Material.PAINT, paint, 24)
    a = np.arange(3) * 2.09
    out = np.stack([np.cos(a), np.sin(a), 0 * a], -1)
    b.rods(out * 0.3, out * 0.18 + [0, 0, 0.58], 0.012, Material.METAL, STEEL)
    y = np.linspace(-0.25, 0.25, 15)
    half = np.sqrt(0.27**2 - y**2)
    b.rods(np.stack([-half, y, 0 * y + 0.775], -1), np.stack([half, y, 0 * y + 0.775], -1), 0.003, Material.METAL, STEEL, sides=4)
    if rng.random() < 0.5:
        b.turned([[0.29, 0.8], [0.27, 0.92], [0.16, 1.02], [0, 1.05]], Material.PAINT, paint, 24)
    else:
        b.balls(rng.uniform(-0.15, 0.15, (6, 3)) * [1, 1, 0] + [0, 0, 0.79], np.tile([0.05, 0.025, 0.018], (6, 1)), Material.STONE, palette.hsv(0.04, 0.7, 0.4))


@family("bird bath")
def bird_bath(b: Builder, rng: np.random.Generator) -> None:
    """A stone bowl on a turned foot, with water."""
    stone = palette.pick(rng, palette.STONES)
    b.turned([[0.2, 0], [0.2, 0.06], [0.1, 0.1], [0.07, 0.4], [0.1, 0.6], [0.28, 0.68], [0.32, 0.76], [0.28, 0.77], [0.1, 0.7], [0, 0.69]], Material.STONE, stone, 24)
    b.cylinders([0, 0, 0.7], 0.25, 0.035, Material.WATER, palette.hsv(0.55, 0.3, 0.25), 24)


@family("pergola")
def pergola(b: Builder, rng: np.random.Generator) -> None:
    """A rose arch or a pergola of posts and beams over the y axis."""
    from patchwrap.scenes import plants

    w, n, h, wood = rng.uniform(1.6, 2.4), int(rng.integers(2, 5)), 2.3, palette.pick(rng, palette.WOODS)
    y = np.arange(n) * 1.1
    posts = np.array([[s * w / 2, v, 0] for v in y for s in (-1, 1)])
    b.beams(posts, posts + [0, 0, h], 0.09, Material.WOOD, wood)
    b.boxes([[s * w / 2, y.mean(), h + 0.05] for s in (-1, 1)], [0.08, y[-1] + 0.6, 0.12], Material.WOOD, wood)
    across = np.arange(-0.2, y[-1] + 0.25, 0.35)
    b.boxes(np.stack([0 * across, across, 0 * across + h + 0.14], -1), [w + 0.6, 0.05, 0.1], Material.WOOD, wood)
    foliage = plants.Foliage(rng)
    at = posts[rng.integers(len(posts), size=22)] + np.column_stack([rng.normal(0, 0.12, (22, 2)), rng.uniform(0.1, h, 22)])
    b.add(foliage.middle, Material.LEAF, placement.placed(at, np.full(22, 0.24), at[:, 2] * 9), palette.vary(rng, plants.leaf_colour(rng), 22))
    plants.blossom(b, rng, at[::2] + rng.normal(0, 0.15, (11, 3)), 0.045)
