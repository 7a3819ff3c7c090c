"""Flowers and other small plants with the detail of a close look, each growing from the builder's origin."""

from functools import lru_cache

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder

STEM = palette.hsv(0.27, 0.6, 0.42)


def rosette(
    b: Builder, rng: np.random.Generator, count: int, length: Number, lift: Number, mesh: shapes.Mesh, colour: np.ndarray,
    base: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Leaves or petals around a point; ``lift`` in radians above the ground."""
    around = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.normal(0, 0.15, count)
    up = lift + rng.normal(0, 0.08, count)
    along = np.stack([np.cos(around) * np.cos(up), np.sin(around) * np.cos(up), np.sin(up)], axis=-1)
    side = np.stack([-np.sin(around), np.cos(around), 0 * around], axis=-1)
    size = length * rng.uniform(0.8, 1.15, count)
    columns = np.stack([along, side, np.cross(along, side)], axis=-1) * size[:, None, None]
    at = np.zeros((count, 3)) + (0 if base is None else base)
    b.add(mesh, Material.LEAF, placement.stack(columns, at), palette.vary(rng, colour, count, 0.1))


def stem(b: Builder, rng: np.random.Generator, height: Number, radius: Number, lean: Number = 0.12) -> np.ndarray:
    """A bent stem; returns its top."""
    t, out = np.linspace(0, 1, 6)[:, None], rng.normal(0, lean * height, 2)
    points = np.concatenate([out * t**2, height * t], axis=1)
    b.tube(points, radius, Material.LEAF, STEM * rng.uniform(0.7, 1.2), 6)
    return points[-1]


@lru_cache
def rays(count: int, thick: float = 0.012) -> shapes.Mesh:
    """Fine hairs from the middle of a ball of radius 1, evenly spread (a Fibonacci lattice)."""
    k = np.arange(count) + 0.5
    z, around = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    r = np.sqrt(1 - z**2)
    tips = np.stack([r * np.cos(around), r * np.sin(around), z], axis=-1)
    hairs = [shapes.moved(shapes.pipe(3), m) for m in placement.spanning(0.25 * tips, tips, thick)]
    crowns = [shapes.moved(shapes.cylinder(5), m) for m in placement.spanning(0.97 * tips, tips * 1.02, thick * 6)]
    return shapes.merge(hairs + crowns)


@lru_cache
def florets(count: int, cup: float) -> shapes.Mesh:
    """Thin petals in two turns, radius about 1; ``cup`` lifts them."""
    petal, out = shapes.leaf(0.16, 0.15, 0.1), []
    for turn, (size, lift) in enumerate([(1.0, cup), (0.75, cup + 0.45), (0.5, cup + 0.9)]):
        around = np.linspace(0, 2 * np.pi, count, endpoint=False) + turn * 0.2
        along = np.stack([np.cos(around) * np.cos(lift), np.sin(around) * np.cos(lift), 0 * around + np.sin(lift)], -1)
        side = np.stack([-np.sin(around), np.cos(around), 0 * around], axis=-1)
        columns = np.stack([along, side, np.cross(along, side)], axis=-1) * size
        out += [shapes.moved(petal, m) for m in placement.stack(columns, np.zeros((count, 3)))]
    return shapes.merge(out)


@family("dandelion")
def dandelion(b: Builder, rng: np.random.Generator) -> None:
    """A toothed rosette with yellow heads, seed clocks and buds on hollow stems."""
    rosette(b, rng, int(rng.integers(7, 13)), rng.uniform(0.1, 0.2), 0.25, shapes.leaf(0.28, 0.3, 0.3), palette.hsv(0.26, 0.65, 0.5))
    for _ in range(rng.integers(1, 6)):
        spot = b.at([*rng.normal(0, 0.03, 2), 0])
        top = stem(spot, rng, rng.uniform(0.06, 0.28), 0.0022)
        if rng.random() < 0.4:
            size = rng.uniform(0.018, 0.028)
            spot.add(rays(90), Material.LEAF, placement.placed([top], size), palette.hsv(0.13, 0.05, 0.95))
            spot.balls(top, size * 0.25, Material.FRUIT, palette.hsv(0.09, 0.4, 0.45))
        else:
            turn = placement.placed([top], rng.uniform(0.014, 0.022), rng.uniform(0, 6))
            spot.add(florets(22, 0.15), Material.LEAF, turn, palette.hsv(rng.uniform(0.125, 0.15), 0.95, 0.98))
            spot.balls(top - [0, 0, 0.004], 0.006, Material.LEAF, STEM)


@family("daisy")
def daisy(b: Builder, rng: np.random.Generator) -> None:
    """White rays about a yellow disc, low or tall."""
    tall, white = rng.choice([0.09, 0.45]), palette.hsv(rng.choice([0.15, 0.92, 0.75]), rng.choice([0.03, 0.35]), 0.96)
    rosette(b, rng, 8, tall * 0.5, 0.4, shapes.leaf(0.3), palette.hsv(0.28, 0.6, 0.4))
    for _ in range(rng.integers(2, 8)):
        spot = b.at([*rng.normal(0, 0.03 + tall * 0.12, 2), 0])
        top, size = stem(spot, rng, tall * rng.uniform(0.7, 1.2), 0.0016), (0.012 + 0.03 * tall) * rng.uniform(0.8, 1.2)
        rosette(spot, rng, 15, size, 0.15, shapes.leaf(0.24, 0.1, 0.1), white, top)
        spot.balls(top, [size * 0.35, size * 0.35, size * 0.2], Material.FRUIT, palette.hsv(0.13, 0.95, 0.9))


@family("tulip")
def tulip(b: Builder, rng: np.random.Generator) -> None:
    """A cup of six petals over broad leaves."""
    colour = palette.hsv(rng.choice([0.98, 0.1, 0.14, 0.88, 0.78, 0.02]), rng.uniform(0.4, 0.95), rng.uniform(0.7, 0.98))
    for _ in range(rng.integers(1, 5)):
        spot, tall = b.at([*rng.normal(0, 0.07, 2), 0]), rng.uniform(0.25, 0.5)
        rosette(spot, rng, 3, tall * 0.75, 1.15, shapes.leaf(0.22, 0.5, 0.25), palette.hsv(0.33, 0.35, 0.45))
        top, size = stem(spot, rng, tall, 0.004, 0.05), rng.uniform(0.05, 0.075)
        t = np.linspace(0, 1, 7)
        cup = np.column_stack([0.42 * np.sin(t * 2.2 + 0.1) * size, t * size])
        spot.turned(cup, Material.LEAF, colour, 12, top)
        rosette(spot, rng, 6, size * 1.15, 1.32, shapes.leaf(0.55, -0.35, 0.05), colour, top)


@family("poppy")
def poppy(b: Builder, rng: np.random.Generator) -> None:
    """Four wide red petals on a hairy stem."""
    for _ in range(rng.integers(1, 5)):
        spot = b.at([*rng.normal(0, 0.09, 2), 0])
        rosette(spot, rng, 5, 0.12, 0.7, shapes.leaf(0.35, 0.2, 0.4), palette.hsv(0.3, 0.4, 0.4))
        top = stem(spot, rng, rng.uniform(0.25, 0.6), 0.0022, 0.14)
        rosette(spot, rng, 5, rng.uniform(0.03, 0.048), 0.5, shapes.leaf(0.95, -0.3, -0.15), palette.hsv(0.005, 0.93, 0.9), top)
        spot.balls(top + [0, 0, 0.006], 0.008, Material.FRUIT, palette.hsv(0.25, 0.5, 0.15))


@family("sunflower")
def sunflower(b: Builder, rng: np.random.Generator) -> None:
    """A tall stem with a large head that looks ahead and down."""
    top = stem(b, rng, rng.uniform(0.8, 2.1), 0.014, 0.04)
    for share in np.linspace(0.2, 0.9, 7):
        rosette(b, rng, 2, 0.26, 0.2, shapes.leaf(0.75, 0.15, 0.4), palette.hsv(0.27, 0.6, 0.38), top * [share**2, share**2, share])
    face = b.at(top, rng.uniform(0, 6.3)).tilted(tilt(rng.uniform(0.7, 1.4)))
    rosette(face, rng, 24, 0.11, 0.1, shapes.leaf(0.3, 0.15, 0.1), palette.hsv(0.125, 0.95, 0.95), np.array([0, 0, 0.01]))
    face.balls([0, 0, 0.01], [0.085, 0.085, 0.028], Material.STONE, palette.hsv(0.07, 0.7, 0.25))


def tilt(angle: Number) -> np.ndarray:
    """A turn about the x axis."""
    matrix, c, s = np.eye(4), np.cos(angle), np.sin(angle)
    matrix[1:3, 1:3] = [[c, -s], [s, c]]
    return matrix


@family("mushroom")
def mushroom(b: Builder, rng: np.random.Generator) -> None:
    """Caps on stalks in a small group."""
    cap = palette.pick(rng, [((0.05, 0.3, 0.3), (0.1, 0.7, 0.75)), ((0.0, 0.85, 0.7), (0.02, 0.95, 0.85))])
    for _ in range(rng.integers(1, 6)):
        spot, h, r = b.at([*rng.normal(0, 0.05, 2), -0.005]), rng.uniform(0.04, 0.14), rng.uniform(0.02, 0.055)
        spot.turned([[r * 0.35, 0], [r * 0.22, h * 0.5], [r * 0.25, h]], Material.PLASTER, palette.hsv(0.12, 0.1, 0.9), 12)
        dome = [[r * 0.2, h * 0.9], [r, h * 0.88], [r * 0.98, h * 0.93], [r * 0.7, h + r * 0.4], [0, h + r * 0.55]]
        spot.turned(dome, Material.FRUIT, cap, 18)


@family("fern")
def fern(b: Builder, rng: np.random.Generator) -> None:
    """Arching fronds with leaflets on both sides."""
    colour, mesh = palette.between(rng, (0.24, 0.5, 0.3), (0.32, 0.8, 0.55)), shapes.leaf(0.3, 0.1, 0.1)
    for around in np.linspace(0, 2 * np.pi, rng.integers(6, 11), endpoint=False) + rng.uniform(0, 6):
        frond, reach = b.at([0, 0, 0], float(around)), rng.uniform(0.35, 0.8)
        t = np.linspace(0, 1, 15)
        rib = np.stack([t * reach, 0 * t, 0.75 * reach * (1.5 * t - 1.15 * t**2)], axis=-1)
        frond.tube(rib, 0.0025, Material.LEAF, colour * 0.7, 4)
        for side in (-1, 1):
            size = reach * 0.32 * np.sin(np.pi * np.clip(t[1:-1] * 0.9 + 0.12, 0, 1))
            along = np.broadcast_to([0.45, side * 0.88, -0.12], (13, 3))
            across = np.broadcast_to([0.88, -side * 0.45, 0.2], (13, 3))
            columns = np.stack([along, across, np.cross(along, across)], -1) * size[:, None, None]
            frond.add(mesh, Material.LEAF, placement.stack(columns, rib[1:-1]), palette.vary(rng, colour, 13, 0.1))


@family("reeds")
def reeds(b: Builder, rng: np.random.Generator) -> None:
    """Bulrushes with brown heads and long leaves."""
    for _ in range(rng.integers(5, 14)):
        spot, tall = b.at([*rng.normal(0, 0.2, 2), 0]), rng.uniform(0.7, 1.8)
        top = stem(spot, rng, tall, 0.004, 0.06)
        rosette(spot, rng, 3, tall * 0.8, 1.35, shapes.leaf(0.035, 0.3, 0.3), palette.hsv(0.24, 0.5, 0.45))
        if rng.random() < 0.5:
            spot.cylinders(top - [0, 0, 0.12], 0.012, 0.12, Material.FABRIC, palette.hsv(0.06, 0.7, 0.25), 10)


@family("ears of wheat")
def wheat(b: Builder, rng: np.random.Generator) -> None:
    """Stalks with bearded ears."""
    gold, leaf = palette.hsv(rng.uniform(0.11, 0.14), rng.uniform(0.4, 0.65), rng.uniform(0.65, 0.9)), shapes.leaf(0.35, 0.4, 0.0)
    for _ in range(rng.integers(4, 12)):
        spot = b.at([*rng.normal(0, 0.12, 2), 0])
        t, out = np.linspace(0, 1, 5)[:, None], rng.normal(0, 0.06, 2)
        line = np.concatenate([out * t**2, rng.uniform(0.6, 0.95) * t], axis=1)
        spot.tube(line, 0.0018, Material.LEAF, gold * 0.8, 4)
        for level in np.linspace(0, 0.09, 8):
            rosette(spot, rng, 3, 0.022, 1.1, leaf, gold, line[-1] + [0, 0, level])
        spot.rods(line[-1] + [0, 0, 0.06], line[-1] + rng.normal(0, 0.02, (6, 3)) + [0, 0, 0.19], 0.0006, Material.LEAF, gold, sides=3)


@family("clover")
def clover(b: Builder, rng: np.random.Generator) -> None:
    """Three-part leaves and round heads over a patch."""
    count, green = int(rng.integers(25, 60)), palette.hsv(0.3, 0.6, 0.45)
    at = np.column_stack([rng.normal(0, 0.12, (count, 2)), rng.uniform(0.03, 0.09, count)])
    b.rods(at * [1, 1, 0], at, 0.001, Material.LEAF, green, sides=3)
    for turn in (0.0, 2.1, 4.2):
        b.add(shapes.leaf(0.9, 0.1, 0.1), Material.LEAF, placement.placed(at, np.full(count, 0.016), turn + at[:, 0] * 90), green)
    heads = at[:: int(rng.integers(4, 12))] + [0, 0, 0.03]
    b.add(rays(70, 0.06), Material.LEAF, placement.placed(heads, np.full(len(heads), 0.011)), palette.hsv(0.9, rng.uniform(0.05, 0.4), 0.95))


@family("lavender")
def lavender(b: Builder, rng: np.random.Generator) -> None:
    """Many spikes in a round bush."""
    count, hue = int(rng.integers(30, 70)), palette.hsv(rng.uniform(0.7, 0.8), 0.5, 0.75)
    lean = rng.normal(0, 0.35, (count, 2))
    tips = np.column_stack([lean * 0.45, 0.5 - 0.25 * np.linalg.norm(lean, axis=1) + rng.normal(0, 0.04, count)])
    b.rods(tips * [0.15, 0.15, 0], tips, 0.002, Material.LEAF, palette.hsv(0.28, 0.25, 0.5), sides=4)
    for share in np.linspace(0.8, 1.0, 6):
        b.balls(tips * [share, share, share], np.full((count, 3), 0.008), Material.LEAF, hue)


@family("pumpkin")
def pumpkin(b: Builder, rng: np.random.Generator) -> None:
    """A ribbed pumpkin with its stalk, on the vine."""
    r, angle = rng.uniform(0.1, 0.24), np.linspace(0, 2 * np.pi, 61)
    rise = np.linspace(-np.pi / 2, np.pi / 2, 13)
    lobes = 1 + 0.07 * np.abs(np.sin(angle * 5)) - 0.05
    x, y = (r * np.cos(rise)[:, None] * lobes * f(angle) for f in (np.cos, np.sin))
    z = r * 0.75 * (np.sin(rise) + 1)[:, None] - 0.12 * r * np.exp(-((np.cos(rise)[:, None] / 0.35) ** 2)) * np.sign(rise)[:, None]
    points = np.stack([x, y, np.broadcast_to(z, x.shape)], axis=-1)
    normals = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
    normals *= np.sign((normals * (points - [0, 0, 0.75 * r])).sum(-1, keepdims=True))
    mesh = shapes.make(points.reshape(-1, 3), normals.reshape(-1, 3), shapes.grid_triangles(13, 61))
    b.add(mesh, Material.FRUIT, np.eye(4), palette.hsv(rng.uniform(0.05, 0.1), rng.uniform(0.6, 0.95), rng.uniform(0.7, 0.95)))
    b.tube([[0, 0, 1.35 * r], [0, 0, 1.6 * r], [r * 0.12, 0, 1.75 * r]], r * 0.09, Material.BARK, palette.hsv(0.2, 0.4, 0.4))
    rosette(b.at([r * 1.1, 0, 0.02]), rng, 4, r, 0.5, shapes.leaf(0.9, 0.15, 0.3), palette.hsv(0.27, 0.55, 0.4))


@family("leaf litter")
def leaf_litter(b: Builder, rng: np.random.Generator, at: np.ndarray) -> None:
    """Fallen leaves at ``(count, 3)`` points on the ground."""
    count = len(at)
    turns = placement.random_rotations(rng, count)
    turns[:, 2] *= 0.35
    sizes = rng.uniform(0.03, 0.09, count)
    colours = palette.vary(rng, palette.pick(rng, [*palette.AUTUMN, ((0.06, 0.4, 0.2), (0.1, 0.6, 0.5))]), count, 0.25)
    b.add(shapes.leaf(0.6, 0.2, 0.3), Material.LEAF, placement.stack(turns * sizes[:, None, None], at + [0, 0, 0.012]), colours)
