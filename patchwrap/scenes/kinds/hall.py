"""A factory, a warehouse or a station hall: trusses, columns, pipes, racks and crates."""

import numpy as np

from patchwrap.scenes import (
    light,
    machines,
    palette,
    people,
    plants,
    roadside,
    structures,
    tools,
    vehicles,
)
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.families import family
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.light import Atmosphere, Lamp, Lighting, develop, triple, warmth
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch

FAMILIES = (
    "steel column", "truss", "pipe", "hanging lamp", "overhead crane", "gate", "gallery", "railing", "steel stairs", "spiral stairs",
    "pallet rack", "pallet", "crate", "barrel", "scaffold", "machine", "forklift", "ladder", "chain hoist", "conveyor", "silo",
    "lathe", "pillar drill", "welding set", "compressor", "cable", "archway", "person", "bench", "bicycle", "car", "van",
    "broad-leaved tree", "planter", "litter bin", "stone steps", "fence", "broom", "bucket",
)  # fmt: skip


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    half, length, height = rng.uniform(7, 15), rng.uniform(24, 90), rng.uniform(5, 13)
    bay = rng.uniform(4.5, 7)
    shell(b, rng, half, length, height, bay)
    skeleton(b, rng, half, length, height, bay)
    pipes(b, rng, half, length, height)
    if rng.random() < 0.5:
        gallery(b, rng, half, length, min(height - 2, 3.4))
    if rng.random() < 0.35:
        concourse(b, rng, half, length, height)
    else:
        contents(b, rng, half, length, height)
    lighting, air = illuminate(b, rng, half, length, height)
    return lambda r: sample(r, half, length), lighting, air


def sample(rng: np.random.Generator, half: Number, length: Number) -> Camera:
    """At one end, looking down the hall or across it."""
    x = rng.uniform(-0.6, 0.6) * half
    yaw = 0.5 * x / half + rng.normal(0, 0.35)
    high = rng.random() < 0.2
    height = rng.uniform(2.5, 4.2) if high else rng.normal(1.6, 0.25)
    pitch = random_pitch(rng, mean=-8 if high else 1)
    return Camera(
        (x, rng.uniform(0.8, 0.25 * length), height), yaw, pitch, rng.normal(0, 0.02), random_fov(rng), 0.1
    )


def shell(
    b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number, bay: Number
) -> None:
    """Floor, walls with a band of windows, roof with skylights."""
    slab(b, rng, half, length)
    material = one_of(rng, Material.BRICK, Material.RIBBED, Material.CONCRETE, Material.PLASTER)
    colour = palette.pick(rng, palette.BRICKS if material == Material.BRICK else palette.WALLS)
    low, high = height * rng.uniform(0.4, 0.6), height * rng.uniform(0.75, 0.92)
    for side in (-1, 1):
        long_wall(b.at([side * (half + 0.15), 0, 0]), length, (low, high, height), bay, material, colour)
    ends = [[0, -0.15, height / 2], [0, length + 0.15, height / 2]]
    b.boxes(ends, [2 * half + 0.6, 0.3, height], material, colour)
    gates(b, rng, half, length, height)
    ceiling(b, rng, half, length, height)


def slab(b: Builder, rng: np.random.Generator, half: Number, length: Number) -> None:
    """A floor of concrete, tiles or asphalt."""
    colour = palette.pick(rng, [((0.05, 0, 0.3), (0.15, 0.12, 0.7)), ((0.25, 0.05, 0.35), (0.4, 0.3, 0.6)),
                                ((0.0, 0.1, 0.3), (0.05, 0.5, 0.5))])  # fmt: skip
    material = one_of(rng, Material.CONCRETE, Material.CONCRETE, Material.TILES, Material.ASPHALT)
    b.boxes([0, length / 2, -0.1], [2 * half + 1, length + 1, 0.2], material, colour)


def long_wall(
    b: Builder, length: Number, levels: tuple, bay: Number, material: Material, colour: palette.Colour
) -> None:
    """A wall along y at x = 0, with glazing bars between two of its ``levels`` (sill, lintel, top)."""
    low, high, top = levels
    middle, steel = (low + high) / 2, palette.hsv(0, 0, 0.3)
    b.boxes(
        [[0, length / 2, low / 2], [0, length / 2, (high + top) / 2]],
        [[0.3, length, low], [0.3, length, top - high]],
        material,
        colour,
    )
    y = np.arange(0, length, bay)
    piers = np.column_stack([0 * y, y, 0 * y + middle])
    b.boxes(piers, [0.3, bay * 0.35, high - low], material, colour)
    rows = np.arange(low, high, 0.9)
    across = np.column_stack([0 * rows, 0 * rows + length / 2, rows])
    b.boxes(across, [0.06, length, 0.06], Material.METAL, steel)
    bars = np.arange(0, length, bay / 6)
    upright = np.column_stack([0 * bars, bars, 0 * bars + middle])
    b.boxes(upright, [0.05, 0.05, high - low], Material.METAL, steel)


def ceiling(b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number) -> None:
    """A ribbed roof, mostly with a skylight along its ridge."""
    sheet = palette.hsv(0.58, 0.06, rng.uniform(0.3, 0.75))
    strip = half * (0.82 if rng.random() < 0.6 else 1.0)
    for side in (-1, 1):
        at = [side * (half - strip / 2 + 0.3), length / 2, height + 0.1]
        b.boxes(at, [strip + 0.6, length + 1, 0.16], Material.RIBBED, sheet)


@family("gate")
def gates(b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number) -> None:
    """Doors and signs in the far wall."""
    wide, tall = min(half, 4.5), min(height * 0.7, 4.5)
    x = rng.uniform(-0.4, 0.4) * half
    b.boxes([x, length - 0.05, tall / 2], [wide, 0.1, tall], Material.RIBBED, palette.any_colour(rng, 1.0))
    b.boxes(
        [x, length - 0.06, tall + 0.1], [wide + 0.4, 0.16, 0.2], Material.METAL, palette.hsv(0.14, 0.8, 0.8)
    )
    b.boxes(
        [[x + s * (wide / 2 + 0.1), length - 0.06, tall / 2] for s in (-1, 1)],
        [0.2, 0.16, tall],
        Material.METAL,
        palette.hsv(0.14, 0.8, 0.8),
    )
    for side in (-1, 1):
        y = rng.uniform(3, length - 2, 5)
        at = np.column_stack([0 * y + side * (half - 0.02), y, rng.uniform(1.2, 2.2, 5)])
        b.boxes(
            at,
            [0.04, rng.uniform(0.4, 1.6), rng.uniform(0.4, 1.0)],
            Material.PICTURE,
            palette.any_colour(rng, 1.0),
        )


def skeleton(
    b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number, bay: Number
) -> None:
    """Columns, trusses and purlins."""
    colour = palette.pick(rng, palette.METALS) if rng.random() < 0.6 else palette.any_colour(rng, 1.0)
    deep, inner = rng.uniform(0.7, 1.4), rng.random() < 0.4
    for y in np.arange(bay / 2, length, bay):
        for x in (-half + 0.2, half - 0.2, *((-half / 3, half / 3) if inner else ())):
            structures.column(b, [x, y, 0], height - 0.2, colour, rng.choice([0.3, 0.3, 0.35]))
        structures.truss(b, [-half, y, height - 0.15], [half, y, height - 0.15], deep, colour, step=1.4)
    x = np.linspace(-half, half, 9)
    b.boxes(
        np.column_stack([x, 0 * x + length / 2, 0 * x + height - 0.02]),
        [0.08, length, 0.14],
        Material.METAL,
        colour,
    )
    if rng.random() < 0.5:
        overhead_crane(b, rng, half, length, height - deep - 0.6)


@family("overhead crane")
def overhead_crane(b: Builder, rng: np.random.Generator, half: Number, length: Number, z: Number) -> None:
    """Rails along the walls, a double beam across, and a hoist on it."""
    yellow, y = palette.hsv(0.13, 0.85, 0.8), rng.uniform(8, length * 0.7)
    b.boxes([[s * (half - 0.45), length / 2, z] for s in (-1, 1)], [0.3, length, 0.5], Material.METAL, yellow)
    b.boxes([[0, y, z + 0.4], [0, y + 1.2, z + 0.4]], [2 * half - 0.9, 0.35, 0.6], Material.METAL, yellow)
    machines.chain_hoist(b.at([rng.uniform(-0.4, 0.4) * half, y + 0.6, 0]), rng, z + 0.2)


def pipes(b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number) -> None:
    """Pipes along the walls, lamps, and cables under the roof."""
    for _ in range(rng.integers(2, 7)):
        x, z = rng.choice([-1, 1]) * (half - rng.uniform(0.5, 1.0)), rng.uniform(2.4, height - 0.8)
        structures.pipe(b.at([x, 0, z]), rng, length)
    lamps(b, rng, half, length, height)
    if rng.random() < 0.4:
        for _ in range(4):
            x, z = rng.uniform(-0.8, 0.8) * half, rng.uniform(0.6, 0.9) * height
            for y in np.arange(0, length, 8.0):
                structures.wire(b, [x, y, z], [x, y + 8, z], rng.uniform(0.2, 0.8), 0.015, 8)


@family("hanging lamp")
def lamps(b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number) -> None:
    """Tubes or bells on cords in two rows."""
    y, bell = np.arange(3, length, rng.uniform(5, 9)), rng.random() < 0.4
    for x in (-half / 2, half / 2):
        at = np.column_stack([0 * y + x, y, 0 * y + height - 1.5])
        b.rods(at, at + [0, 0, 1.3], 0.008, Material.METAL, palette.hsv(0, 0, 0.2), sides=4)
        if bell:
            b.cylinders(at - [0, 0, 0.3], 0.35, 0.3, Material.PAINT, palette.hsv(0.4, 0.4, 0.2), 18, 0.25)
            b.balls(at - [0, 0, 0.27], np.full((len(y), 3), 0.12), Material.GLOW, palette.hsv(0.12, 0.15, 1.0))
        else:
            b.boxes(at, [0.2, 1.4, 0.08], Material.GLOW, palette.hsv(0.13, 0.08, 1.0))


@family("gallery")
def gallery(b: Builder, rng: np.random.Generator, half: Number, length: Number, level: Number) -> None:
    """A mezzanine on posts along one wall, with a railing and stairs."""
    side, w, run = rng.choice([-1, 1]), rng.uniform(1.6, 3), length * rng.uniform(0.4, 0.9)
    inner, start = side * (half - w), length - run
    b.boxes(
        [side * (half - w / 2), start + run / 2, level],
        [w, run, 0.14],
        Material.RIBBED,
        palette.hsv(0.58, 0.05, 0.5),
    )
    structures.railing(b, rng, [inner, start, level + 0.07], [inner, start + run, level + 0.07])
    posts = structures.line([inner, start, 0], [inner, start + run, 0], 3.5)
    b.beams(posts, posts + [0, 0, level], 0.16, Material.METAL, palette.pick(rng, palette.METALS))
    steps = int(level / 0.18)
    if rng.random() < 0.6:
        structures.stairs(b.at([inner + side * 0.6, start - steps * 0.27, 0]), rng, steps)
    else:
        machines.spiral_stairs(b.at([inner - side * 0.95, start + 1.0, 0]), rng, level)


def contents(b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number) -> None:
    """Racks along the sides, stock and machines in the open."""
    free = half - 1.0
    if rng.random() < 0.65:
        levels = max(2, min(4, int(height / 2.2)))
        rows = [half - 1.6] if half < 10 else [half - 1.6, half - 5.5]
        free = rows[-1] - 1.0
        for side in (-1, 1):
            for x in rows:
                start, bays = rng.uniform(4, 10), int((length * 0.6) / 2.7)
                structures.rack(b.at([side * x + 0.55, start, 0], np.pi / 2), rng, min(bays, 9), levels)
    taken = Layout()
    for _ in range(rng.integers(10, 22)):
        put, radius = FLOOR[rng.integers(len(FLOOR))]
        at = taken.find(rng, [-free, 3.5], [free, length * 0.9], radius, 6)
        if at is not None:
            put(b.at(at, rng.uniform(0, 6.3)), rng, height)
    y = np.array([1.0, length - 1])
    for x in rng.uniform(-0.5, 0.5, 2) * half:
        b.boxes(
            [x, y.mean(), 0.002], [0.1, y[1] - y[0], 0.006], Material.ASPHALT, palette.hsv(0.14, 0.85, 0.85)
        )


def concourse(b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number) -> None:
    """A station, a market hall or a gallery: arcades, benches, plants, people, stalls, vehicles on show."""
    foliage, taken, look = plants.Foliage(rng), Layout(), int(rng.integers(1 << 31))
    for side in (-1, 1):
        for y in np.arange(2.5, min(length, 60), 4.2):
            if rng.random() < 0.9:
                roadside.archway(b.at([side * (half - 0.7), y, 0], np.pi / 2), np.random.default_rng(look), 3.0, min(height - 1.5, 4.2), 0.5)
    things = (
        (structures.bench, 1.0), (structures.bench, 1.0), (roadside.cafe, 1.3), (roadside.stall, 2.2), (roadside.litter_bin, 0.5),
        (vehicles.car, 2.6), (vehicles.van, 3.0), (vehicles.bicycle, 1.0), (lambda c, r: roadside.planter(c, r, foliage), 1.0),
        (lambda c, r: plants.tree(c, r, foliage, min(height * 0.6, 5), 16), 1.2), (lambda c, r: roadside.steps(c, r, 4, 3.0), 2.2),
        (lambda c, r: machines.spiral_stairs(c, r, height * 0.5), 1.2), (structures.bench, 1.0),
    )  # fmt: skip
    for _ in range(rng.integers(5, 12)):
        put, radius = things[rng.integers(len(things))]
        at = taken.find(rng, [-half + 3, 4.5], [half - 3, length * 0.8], radius, 6)
        if at is not None:
            put(b.at(at, rng.uniform(0, 6.3)), rng)
    for _ in range(rng.integers(4, 26)):
        at = taken.find(rng, [-half + 2, 3], [half - 2, min(length * 0.9, 40)], 0.4, 4)
        if at is not None:
            people.person(b.at(at, rng.uniform(0, 6.3)), rng, pose=str(rng.choice(["walk", "stand"])))


def barrels(b: Builder, rng: np.random.Generator, height: Number) -> None:
    """Drums that stand together."""
    for spot in ([0, 0, 0], [0.65, 0, 0], [0.3, 0.58, 0], [-0.35, 0.6, 0])[: rng.integers(1, 5)]:
        structures.barrel(b, rng, spot)


def crates(b: Builder, rng: np.random.Generator, height: Number) -> None:
    """Crates beside and on each other."""
    size = rng.uniform(0.5, 1.1)
    structures.crate(b, rng, [0, 0, 0], size)
    if rng.random() < 0.5:
        structures.crate(b, rng, [0.05, 0, size], size * 0.75, 0.2)
    structures.crate(b, rng, [size * 1.4, 0.2, 0], size * 0.9, 0.4)


@family("machine")
def machine(b: Builder, rng: np.random.Generator) -> None:
    """A cabinet with a tank, pipes, a panel and a guard."""
    paint, w, h = palette.any_colour(rng, 1.0), rng.uniform(1, 2.4), rng.uniform(1, 2.2)
    b.boxes([[0, 0, h / 2], [w * 0.3, 0, h + 0.2]], [[w, 1.1, h], [w * 0.3, 0.8, 0.4]], Material.PAINT, paint)
    b.boxes(
        [-w * 0.2, 0.57, h * 0.65], [w * 0.4, 0.06, h * 0.35], Material.PICTURE, palette.hsv(0.6, 0.1, 0.3)
    )
    b.cylinders([w * 0.75, 0, 0.3], 0.4, h * 0.9, Material.METAL, palette.pick(rng, palette.METALS), 20)
    b.rods([w * 0.75, 0, h], [0, 0, h * 1.1], 0.06, Material.METAL, palette.hsv(0, 0, 0.5), sides=10)
    structures.railing(b, rng, [-w / 2, 1.2, 0], [w, 1.2, 0], 0.9)


@family("forklift")
def forklift(b: Builder, rng: np.random.Generator) -> None:
    """Body, mast, forks and overhead guard, pointing along +y."""
    paint, dark = palette.hsv(rng.uniform(0.02, 0.15), 0.9, 0.85), palette.hsv(0, 0, 0.15)
    b.boxes([[0, -0.4, 0.6], [0, -0.85, 0.95]], [[1.05, 1.6, 0.6], [1.0, 0.6, 0.5]], Material.PAINT, paint)
    b.boxes([0, -0.2, 1.0], [0.5, 0.5, 0.12], Material.FABRIC, dark)
    feet = np.array([[s * 0.46, y, 0.9] for s in (-1, 1) for y in (0.35, -0.9)])
    b.beams(feet, feet + [0, 0, 1.2], 0.05, Material.METAL, dark)
    b.boxes([0, -0.28, 2.12], [1.0, 1.3, 0.06], Material.METAL, dark)
    mast = np.array([[s * 0.32, 0.55, 0.05] for s in (-1, 1)])
    b.beams(mast, mast + [0, 0, 2.2], 0.1, Material.METAL, dark)
    b.boxes([[s * 0.25, 1.15, 0.15] for s in (-1, 1)], [0.12, 1.1, 0.05], Material.METAL, dark)
    vehicles.wheel(b, np.array([[s * 0.48, y, 0.28] for s in (-1, 1) for y in (-0.8, 0.3)]), 0.28, 0.18)


def illuminate(
    b: Builder, rng: np.random.Generator, half: Number, length: Number, height: Number
) -> tuple[Lighting, Atmosphere]:
    """Sun through skylights and windows, or lamps."""
    sky, air = light.outdoors(rng, (0, 14, 1), 18, (200, 2000))
    bulb = warmth(rng.uniform(3200, 6500))
    ambient = (np.asarray(sky.above) * rng.uniform(0.15, 0.5) + bulb * rng.uniform(0.03, 0.15)) + 0.03
    glow = bulbs(rng, half, length, height, bulb)
    lighting = Lighting(sky.direction, triple(np.asarray(sky.key) * 1.2), triple(ambient), triple(ambient * 0.7),
                        glow, None, (0, 14, 1.5), max(half * 1.5, 18), 0.9)  # fmt: skip
    haze = np.asarray(ambient) * 1.3
    density = 1 / np.exp(rng.uniform(np.log(120), np.log(3000)))
    return lighting, Atmosphere(
        air.zenith, air.horizon, triple(haze), density, air.clouds, air.cloud_seed, **develop(rng)
    )


def bulbs(
    rng: np.random.Generator, half: Number, length: Number, height: Number, colour: np.ndarray
) -> tuple[Lamp, ...]:
    """Three lamps under the roof, of a linear colour."""
    lamps = []
    for y in np.linspace(0.15, 0.8, 3) * length:
        at = (float(rng.uniform(-0.5, 0.5) * half), float(y), height - 1.6)
        lamps.append(Lamp(at, triple(colour * rng.uniform(0.1, 0.5)), 4.0))
    return tuple(lamps)


# What stands on a factory floor and the radius in metres that it needs.
FLOOR = (
    (lambda b, r, h: structures.scaffold(b.at([-1, -0.4, 0]), r, 1, max(1, min(3, int((h - 2) / 2.2)))), 1.7), (barrels, 1.0),
    (crates, 1.8), (crates, 1.8), (lambda b, r, h: structures.load(b, r, (1.2, 0.8, r.uniform(0.6, 1.8))), 0.9),
    (lambda b, r, h: people.person(b, r), 0.4), (lambda b, r, h: people.person(b, r), 0.4),
    (lambda b, r, h: people.person(b, r), 0.4), (lambda b, r, h: machine(b, r), 1.9), (lambda b, r, h: forklift(b, r), 1.8),
    (lambda b, r, h: tools.ladder(b, r, 2.6), 1.4), (lambda b, r, h: machines.conveyor(b.at([0, -2, 0]), r), 3.2),
    (lambda b, r, h: machines.silo(b, r, min(h * 0.8, 6)), 1.6), (lambda b, r, h: machines.lathe(b, r), 1.3),
    (lambda b, r, h: machines.drill(b, r), 0.7), (lambda b, r, h: machines.welding(b, r), 0.8),
    (lambda b, r, h: machines.compressor(b, r), 0.8), (lambda b, r, h: vehicles.bicycle(b, r), 0.9),
    (lambda b, r, h: structures.fence(b, r, [-1.5, 0, 0], [1.5, 0, 0], 1.8, "mesh"), 1.6),
    (lambda b, r, h: (tools.broom(b, r), tools.bucket(b.at([0.4, 0, 0]), r)), 0.7),
)  # fmt: skip
