"""Large things seen from afar, and what stands in open country; at the builder's origin."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder

STEEL = palette.hsv(0.58, 0.06, 0.55)


def lattice(b: Builder, low: np.ndarray, high: np.ndarray, steps: int, bar: Number, colour: np.ndarray) -> None:
    """Four chords between two squares (corner points in order) with crossing braces."""
    share = np.linspace(0, 1, steps + 1)[:, None, None]
    nodes = low + share * (high - low)
    b.rods(low, high, bar, Material.METAL, colour, sides=4)
    after = np.roll(nodes, -1, axis=1)
    b.rods(nodes[:-1].reshape(-1, 3), after[1:].reshape(-1, 3), bar * 0.6, Material.METAL, colour, sides=3)
    b.rods(after[:-1].reshape(-1, 3), nodes[1:].reshape(-1, 3), bar * 0.6, Material.METAL, colour, sides=3)


def square(half: Number, z: Number) -> np.ndarray:
    """Corners of a horizontal square."""
    return np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]])


@family("pylon")
def pylon(b: Builder, rng: np.random.Generator, height: Number = 28.0) -> np.ndarray:
    """A lattice tower with three cross arms along x; returns where wires attach."""
    lattice(b, square(2.6, 0), square(0.7, height * 0.65), 7, 0.09, STEEL)
    lattice(b, square(0.7, height * 0.65), square(0.2, height), 6, 0.07, STEEL)
    ends = []
    for level, reach in ((0.68, 5.0), (0.82, 4.0), (0.95, 3.0)):
        for s in (-1, 1):
            tip = np.array([s * reach, 0, height * level])
            b.rods(np.array([[0, y, height * level + z] for y, z in ((-0.4, 0), (0.4, 0), (0, 1.2))]), tip, 0.06, Material.METAL, STEEL, sides=4)
            b.rods(tip, tip - [0, 0, 1.2], 0.06, Material.CERAMIC, palette.hsv(0.06, 0.4, 0.3), sides=6)
            ends.append(tip - [0, 0, 1.2])
    return np.array(ends)


@family("wind turbine")
def turbine(b: Builder, rng: np.random.Generator) -> None:
    """A tapered mast with three blades that face -y."""
    h, r, white = rng.uniform(45, 80), rng.uniform(20, 35), palette.hsv(0, 0, 0.92)
    b.cylinders([0, 0, 0], 2.0, h, Material.PAINT, white, 16, 0.5)
    b.balls([0, 0, h + 1], [1.6, 4.0, 1.6], Material.PAINT, white)
    phase = rng.uniform(0, 2)
    for a in phase + np.arange(3) * 2.0944:
        tip = np.array([np.sin(a) * r, -4, h + 1 + np.cos(a) * r])
        b.rods([0, -4, h + 1], tip, 1.1, Material.PAINT, white, sides=6, top=0.15)


@family("tower crane")
def crane(b: Builder, rng: np.random.Generator, height: Number = 38.0) -> None:
    """A lattice mast with jib, counterweight and hook."""
    yellow, jib = palette.hsv(rng.choice([0.13, 0.0, 0.08]), 0.85, 0.8), rng.uniform(22, 34)
    lattice(b, square(0.8, 0), square(0.8, height), 22, 0.1, yellow)
    turn = b.at([0, 0, height], rng.uniform(0, 6.3))
    for start, end in ((0.0, jib), (0.0, -10.0)):
        low = np.array([[start, -0.6, 0], [start, 0.6, 0], [start, 0.0, 1.2], [start, 0.0, 1.2]])
        lattice(turn, low, low + [end - start, 0, 0], int(abs(end - start) / 1.6), 0.08, yellow)
    turn.rods([0, 0, 0], [0, 0, 6], 0.2, Material.METAL, yellow, sides=4)
    turn.rods([[0, 0, 6]] * 2, [[jib * 0.7, 0, 1.2], [-9, 0, 1.2]], 0.06, Material.METAL, palette.hsv(0, 0, 0.2), sides=3)
    turn.boxes([-8.5, 0, -1], [2.5, 1.4, 2.0], Material.CONCRETE, palette.hsv(0, 0, 0.5))
    hook = np.array([jib * rng.uniform(0.4, 0.9), 0, 0])
    turn.rods(hook, hook - [0, 0, height * rng.uniform(0.3, 0.7)], 0.05, Material.METAL, palette.hsv(0, 0, 0.15), sides=3)


@family("church")
def church(b: Builder, rng: np.random.Generator) -> None:
    """A nave with a gable roof and a spired tower."""
    wall, roof = palette.pick(rng, palette.WALLS), palette.pick(rng, palette.ROOFS)
    b.boxes([[0, 0, 4], [-10, 0, 8]], [[16, 8, 8], [5, 5, 18]], Material.PLASTER, wall)
    b.add(shapes.gable(), Material.ROOF, placement.placed([[0, 0, 8]], [16.6, 9, 5]), roof)
    b.cylinders([-10, 0, 17], 3.4, 13, Material.ROOF, roof, 8, 0.02)
    x = np.arange(-5, 8, 3.5)
    for y in (-4.02, 4.02):
        b.boxes(np.stack([x, 0 * x + y, 0 * x + 4.4], -1), [1.2, 0.1, 3.6], Material.GLASS, palette.hsv(0.6, 0.3, 0.2))


@family("tent")
def tent(b: Builder, rng: np.random.Generator) -> None:
    """A ridge tent with poles, guy lines and pegs; its door looks to -y."""
    cloth, h, half, length = palette.any_colour(rng, 1.1), rng.uniform(1.0, 1.7), rng.uniform(0.8, 1.3), rng.uniform(1.9, 2.8)
    y, t = np.linspace(0, length, 10), np.linspace(-1, 1, 13)
    sag = 0.06 * np.sin(y / length * np.pi)[:, None]
    z = h * (1 - np.abs(t)) - sag * (1 - np.abs(t)) + 0.03 - 0.09 * (1 - t**2) * np.abs(t)
    points = np.stack(np.broadcast_arrays(t * half, y[:, None], z), -1)
    b.add(shapes.surface(points), Material.FABRIC, np.eye(4), cloth)
    b.add(shapes.flat(np.array([[[-half, length, 0.03], [half, length, 0.03], [0, length, h]]])), Material.FABRIC, np.eye(4), cloth * 0.8)
    b.rods([0, 0, 0], [0, 0, h + 0.06], 0.014, Material.METAL, STEEL)
    pegs = np.array([[s * half * 1.7, v, 0] for s in (-1, 1) for v in (0, length)] + [[0, -1.2, 0], [0, length + 1.2, 0]])
    tops = np.array([[s * half * 0.6, v, h * 0.4] for s in (-1, 1) for v in (0, length)] + [[0, 0, h], [0, length, h]])
    b.rods(pegs, tops, 0.003, Material.FABRIC, palette.hsv(0.13, 0.5, 0.8), sides=3)


@family("raised hide")
def hide(b: Builder, rng: np.random.Generator) -> None:
    """A hunter's wooden hut on four legs with a ladder."""
    wood, h = palette.hsv(0.08, 0.35, 0.45), rng.uniform(2.6, 4)
    low, high = square(1.0, 0), square(0.65, h)
    b.rods(low, high, 0.06, Material.BARK, wood)
    b.rods(low[[0, 1, 2, 3]] * 0.95 + [0, 0, 0.2], high[[1, 2, 3, 0]] * [1, 1, 0.9], 0.03, Material.BARK, wood)
    b.boxes([[0, 0, h + 0.5], [0, 0.0, h + 1.75]], [[1.4, 1.4, 1.0], [1.7, 1.8, 0.08]], Material.PLANKS, wood)
    b.rods(square(0.62, h + 1), square(0.62, h + 1.75), 0.04, Material.WOOD, wood)
    foot, top = np.array([[s * 0.25, -1.6, 0] for s in (-1, 1)]), np.array([[s * 0.25, -0.7, h] for s in (-1, 1)])
    b.rods(foot, top, 0.035, Material.BARK, wood)
    share = np.arange(0.25, h, 0.3)[:, None] / h
    b.rods(foot[0] + share * (top[0] - foot[0]), foot[1] + share * (top[1] - foot[1]), 0.022, Material.BARK, wood)


@family("signpost")
def signpost(b: Builder, rng: np.random.Generator) -> None:
    """A post with pointed boards in different directions."""
    wood = palette.pick(rng, palette.WOODS)
    b.rods([0, 0, 0], [0, 0, 2.3], 0.05, Material.WOOD, wood, sides=8)
    arrow = shapes.prism(((0, -0.07), (0.6, -0.07), (0.7, 0), (0.6, 0.07), (0, 0.07)), -0.012, 0.012)
    upright = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    for z in np.arange(1.45, 1.45 + 0.22 * rng.integers(2, 5), 0.22):
        board = b.at([0, 0, z], rng.uniform(0, 6.3))
        board.add(shapes.moved(arrow, upright), Material.WOOD, np.eye(4), palette.hsv(0.13, rng.choice([0.1, 0.8]), 0.85))


@family("field gate")
def gate(b: Builder, rng: np.random.Generator) -> None:
    """A five-barred gate along x, ajar."""
    wood, w = palette.hsv(0.09, rng.uniform(0.1, 0.4), rng.uniform(0.4, 0.7)), 3.0
    b.boxes([[-0.1, 0, 0.7], [w + 0.15, 0, 0.7]], [0.18, 0.18, 1.4], Material.WOOD, wood)
    leaf = b.at([0, 0, 0.15], rng.uniform(0, 0.9))
    leaf.boxes([[w / 2, 0, z] for z in (0.0, 0.22, 0.46, 0.72, 1.0)], [w, 0.035, 0.09], Material.WOOD, wood)
    leaf.boxes([[x, 0, 0.5] for x in (0.03, w / 2, w - 0.03)], [0.08, 0.05, 1.1], Material.WOOD, wood)
    leaf.beams([0.05, 0.03, 0.0], [w / 2, 0.03, 1.0], 0.03, Material.WOOD, wood, 0.08)


@family("fallen log")
def log(b: Builder, rng: np.random.Generator) -> None:
    """A trunk on the ground with branch stubs and bracket fungi."""
    r, length, bark = rng.uniform(0.12, 0.35), rng.uniform(1.5, 5), palette.hsv(0.07, rng.uniform(0.1, 0.4), rng.uniform(0.25, 0.5))
    start, end = np.array([-length / 2, 0, r * 0.8]), np.array([length / 2, 0, r * 0.75])
    b.add(shapes.cylinder(14, 0.8), Material.BARK, placement.spanning([start], [end], r), bark)
    cut = placement.spanning([start - [0.004, 0, 0]], [start], r * 0.93)
    b.add(shapes.cylinder(14), Material.WOOD, cut, palette.hsv(0.1, 0.4, 0.7))
    along = rng.uniform(-0.4, 0.4, 5)[:, None] * [length, 0, 0] + [0, 0, r]
    b.rods(along, along + rng.normal(0, 0.3, (5, 3)) + [0, 0, 0.35], r * 0.2, Material.BARK, bark, sides=6, top=0.4)
    shelf = np.column_stack([rng.uniform(-0.4, 0.4, 6) * length, np.full(6, -r * 0.95), rng.uniform(0.5, 1.1, 6) * r])
    b.balls(shelf, np.tile([0.07, 0.05, 0.014], (6, 1)), Material.STONE, palette.hsv(0.1, 0.3, 0.8))


@family("stump")
def stump(b: Builder, rng: np.random.Generator) -> None:
    """A sawn stump with roots."""
    r, h, bark = rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.55), palette.hsv(0.07, 0.3, 0.4)
    b.turned([[r * 1.5, -0.02], [r * 1.15, h * 0.25], [r, h]], Material.BARK, bark, 16)
    b.cylinders([0, 0, h - 0.01], r, 0.012, Material.WOOD, palette.hsv(0.1, 0.4, 0.7), 16)
    a = np.arange(5) * 1.26 + rng.uniform(0, 1)
    out = np.stack([np.cos(a), np.sin(a), 0 * a], -1)
    b.rods(out * r * 0.8 + [0, 0, h * 0.3], out * r * 3 - [0, 0, 0.03], r * 0.3, Material.BARK, bark, sides=7, top=0.3)


@family("tractor")
def tractor(b: Builder, rng: np.random.Generator) -> None:
    """A tractor with a cab that points along +y."""
    from patchwrap.scenes import vehicles

    paint = palette.hsv(rng.choice([0.0, 0.33, 0.6, 0.12]), 0.85, 0.6)
    b.add(vehicles.loft([(0.1, 0.42, 0.7, 1.45), (1.5, 0.4, 0.75, 1.4), (1.9, 0.3, 0.8, 1.25)]), Material.PAINT, np.eye(4), paint)
    b.add(vehicles.loft([(-1.0, 0.6, 0.75, 1.3), (0.1, 0.6, 0.75, 1.3)]), Material.PAINT, np.eye(4), paint)
    posts = np.array([[s * 0.65, y, 1.2] for s in (-1, 1) for y in (-0.95, 0.15)])
    b.rods(posts, posts * [0.9, 0.9, 1] + [0, 0, 1.3], 0.04, Material.PAINT, palette.hsv(0, 0, 0.1))
    b.boxes([0, -0.4, 2.52], [1.35, 1.3, 0.08], Material.PAINT, paint)
    b.boxes([0, 0.13, 1.9], [1.1, 0.01, 1.0], Material.GLASS, palette.hsv(0.5, 0.1, 0.3))
    vehicles.wheel(b, np.array([[s * 0.85, -0.7, 0.8] for s in (-1, 1)]), 0.8, 0.42)
    vehicles.wheel(b, np.array([[s * 0.75, 1.4, 0.5] for s in (-1, 1)]), 0.5, 0.3)
    b.rods([0.25, 1.3, 1.4], [0.25, 1.3, 2.2], 0.04, Material.METAL, palette.hsv(0, 0, 0.2))


@family("bridge")
def bridge(b: Builder, rng: np.random.Generator) -> None:
    """A small arched footbridge along y with railings."""
    wood, length = palette.pick(rng, palette.WOODS), rng.uniform(3, 6)
    t = np.linspace(0, 1, 18)
    deck = np.stack([0 * t, (t - 0.5) * length, 0.1 + 0.22 * length * t * (1 - t)], -1)
    b.boxes(deck, [1.4, length / 17 * 0.85, 0.05], Material.WOOD, palette.vary(rng, wood, 18, 0.1))
    for x in (-0.65, 0.65):
        feet = deck[::3] + [x, 0, 0]
        b.beams(feet, feet + [0, 0, 0.95], 0.07, Material.WOOD, wood)
        for z in (0.5, 0.95):
            b.tube(feet + [0, 0, z], 0.035, Material.WOOD, wood)
        b.tube(deck + [x, 0, -0.1], 0.07, Material.WOOD, wood)
