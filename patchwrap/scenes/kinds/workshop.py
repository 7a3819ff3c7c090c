"""A joiner's, mechanic's or bicycle workshop crammed with benches, machines and tools; never trained on."""

from collections.abc import Callable

import numpy as np

from patchwrap.scenes import (
    furniture,
    household,
    light,
    machines,
    palette,
    people,
    plants,
    seating,
    structures,
    tools,
    vehicles,
)
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.light import Atmosphere, Lamp, Lighting, develop, triple, warmth
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch

FAMILIES = (
    "workbench", "vise", "plane", "paint tin", "bench lamp", "cable drum", "pillar drill", "lathe", "band saw", "trestle",
    "timber stack", "tool wall", "engine hoist", "compressor", "tool trolley", "repair stand", "welding set", "chain hoist",
    "ladder", "broom", "bucket", "wheelbarrow", "bicycle", "motor scooter", "car", "stool", "barrel", "crate", "shelf", "cabinet",
    "wall clock", "radiator", "person", "hammer", "hand saw", "screwdrivers", "pliers", "pipe", "broad-leaved tree",
)  # fmt: skip
Put = Callable[[Builder, np.random.Generator], None]
# What stands on the floor and the radius in metres that it needs.
FLOOR: tuple[tuple[Put, Number], ...] = (
    (machines.trestle, 1.5), (machines.hoist, 1.2), (machines.trolley, 0.5), (machines.repair_stand, 1.0), (machines.repair_stand, 1.0),
    (machines.drill, 0.5), (machines.lathe, 1.0), (machines.band_saw, 0.6), (machines.compressor, 0.7), (machines.welding, 0.6),
    (tools.ladder, 1.1), (tools.bucket, 0.25), (tools.wheelbarrow, 0.9), (seating.stool, 0.3), (vehicles.scooter, 0.9),
    (vehicles.bicycle, 0.9), (vehicles.car, 2.5), (people.person, 0.35), (people.person, 0.35),
    (lambda b, r: machines.workbench(b, r, 1.8), 1.1), (lambda b, r: structures.barrel(b, r, [0, 0, 0]), 0.4),
    (lambda b, r: structures.crate(b, r, [0, 0, 0], r.uniform(0.4, 0.7)), 0.6),
)  # fmt: skip


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    half, depth, height = rng.uniform(3, 5.5), rng.uniform(7, 14), rng.uniform(2.9, 4.2)
    shell(b, rng, half, depth, height)
    for x, yaw, length in ((-half, -np.pi / 2, depth), (half, np.pi / 2, depth), (0.0, np.pi, 2 * half)):
        along(b.at([x, depth / 2 if x else depth, 0], yaw), rng, length)
    taken = Layout()
    for _ in range(rng.integers(7, 16)):
        put, radius = FLOOR[rng.integers(len(FLOOR))]
        at = taken.find(rng, [-half + 1.2, 1.2], [half - 1.2, depth - 1.4], radius, 6)
        if at is not None:
            put(b.at(at, rng.uniform(0, 2 * np.pi)), rng)
    overhead(b, rng, half, depth, height)
    lighting, air = illuminate(rng, half, depth, height)
    return lambda r: sample(r, half), lighting, air


def sample(rng: np.random.Generator, half: Number) -> Camera:
    """From the door, at eye height or bent over."""
    x = rng.uniform(-0.65, 0.65) * half
    height = rng.normal(1.5, 0.15) if rng.random() < 0.75 else rng.uniform(0.7, 1.2)
    yaw = 0.5 * x / half + rng.normal(0, 0.3)
    return Camera((x, rng.uniform(0.4, 2.0), height), yaw, random_pitch(rng, mean=-7), rng.normal(0, 0.025), max(random_fov(rng), 0.9), 0.06)


def shell(b: Builder, rng: np.random.Generator, half: Number, depth: Number, height: Number) -> None:
    """Floor, ceiling with joists, walls with windows to a yard."""
    floor = one_of(rng, Material.CONCRETE, Material.CONCRETE, Material.PLANKS, Material.PAVING)
    b.boxes([0, depth / 2, -0.05], [2 * half + 1, depth + 1, 0.1], floor, palette.pick(rng, palette.STONES + palette.WOODS))
    b.boxes([0, depth / 2, height + 0.1], [2 * half + 1, depth + 1, 0.1], Material.PLANKS, palette.pick(rng, palette.WOODS))
    y = np.arange(0.4, depth, 0.8)
    b.boxes(np.stack([0 * y, y, 0 * y + height - 0.03], -1), [2 * half, 0.1, 0.2], Material.WOOD, palette.pick(rng, palette.WOODS))
    wall = one_of(rng, Material.BRICK, Material.BRICK, Material.PLASTER, Material.PLANKS)
    colour = palette.pick(rng, palette.BRICKS if wall == Material.BRICK else palette.WALLS)
    low, high = 1.0, min(2.4, height - 0.3)
    for side in (-1, 1):
        x = side * (half + 0.12)
        b.boxes([[x, depth / 2, low / 2], [x, depth / 2, (high + height) / 2 + 0.1]],
                [[0.24, depth + 0.5, low], [0.24, depth + 0.5, height - high + 0.2]], wall, colour)  # fmt: skip
        piers = np.arange(0, depth + 1.6, 1.6 if side > 0 else 0.95)
        b.boxes(np.stack([0 * piers + x, piers, 0 * piers + (low + high) / 2], -1), [0.24, 0.9, high - low], wall, colour)
        bars = np.arange(0.1, depth, 0.35)
        b.boxes(np.stack([0 * bars + x, bars, 0 * bars + (low + high) / 2], -1), [0.04, 0.035, high - low], Material.PAINT, palette.hsv(0.3, 0.2, 0.4))
        b.boxes([[x, depth / 2, z] for z in (low + 0.4, low + 0.8)], [0.04, depth, 0.035], Material.PAINT, palette.hsv(0.3, 0.2, 0.4))
    b.boxes([[0, depth + 0.12, height / 2], [0, -0.6, height / 2]], [2 * half + 0.5, 0.24, height + 0.2], wall, colour)
    b.add(shapes.ground(), Material.GRASS, np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -0.4], [0, 0, 0, 1.0]]), palette.hsv(0.2, 0.3, 0.4))
    foliage = plants.Foliage(rng)
    for angle in np.linspace(0, 6.28, 10):
        plants.tree(b.at([np.cos(angle) * 16, depth / 2 + np.sin(angle) * 20, -0.4]), rng, foliage, rng.uniform(5, 9), 40)


def along(b: Builder, rng: np.random.Generator, length: Number) -> None:
    """Benches, tool walls, shelves and machines along a wall; x along it, y into the room."""
    x = -length / 2 + rng.uniform(0.5, 1.0)
    while x < length / 2 - 1.5:
        width = rng.uniform(1.4, 2.6)
        spot, what = b.at([x + width / 2, 0, 0], np.pi), rng.integers(8)
        if what < 3:
            machines.workbench(spot.at([0, -0.45, 0]), rng, width)
            machines.tool_wall(spot, rng, width * 0.9)
        elif what == 3:
            machines.lumber(spot, rng)
        elif what == 4:
            furniture.shelf(b.at([x + width / 2, 0.2, 0]), rng, width, rng.uniform(1.6, 2.3))
        elif what == 5:
            furniture.cabinet(b.at([x + width / 2, 0.3, 0]), rng, width, rng.choice([0.9, 1.9]))
            household.clock(b.at([x + width / 2, 0, 2.25]), rng)
        elif what == 6:
            machines.band_saw(spot.at([0.3, -0.45, 0]), rng)
            tools.broom(spot.at([-0.4, -0.4, 0]), rng)
        else:
            household.radiator(b.at([x + width / 2, 0, 0]), rng, width * 0.7)
            vehicles.bicycle(b.at([x + width / 2, 0.6, 0], np.pi / 2), rng)
        x += width + rng.uniform(0.1, 0.6)


def overhead(b: Builder, rng: np.random.Generator, half: Number, depth: Number, height: Number) -> None:
    """A hoist, hanging lamps, wheels on hooks and cables under the ceiling."""
    if rng.random() < 0.6:
        machines.chain_hoist(b.at([rng.uniform(-0.4, 0.4) * half, rng.uniform(3, depth - 2), 0]), rng, height - 0.1)
    for y in np.arange(2, depth, 2.6):
        furniture.pendant(b.at([rng.normal(0, 0.4), y, 0]), rng, height, 0.7)
    for y in np.arange(2.5, depth - 1, rng.uniform(1.0, 2.5)):
        at = np.array([rng.choice([-1, 1]) * half * rng.uniform(0.3, 0.6), y, height - 0.75])
        b.hoop(at, 0.33, 0.016, 0, Material.PAINT, palette.hsv(0, 0, 0.1))
        a = np.arange(18) * np.pi / 9
        b.rods(at, at + 0.33 * np.stack([0 * a, np.cos(a), np.sin(a)], -1), 0.002, Material.METAL, palette.hsv(0, 0, 0.7), sides=3)
        b.rods(at + [0, 0, 0.33], at + [0, 0, 0.75], 0.006, Material.METAL, palette.hsv(0, 0, 0.3))
    pipes(b, rng, half, depth, height)


def pipes(b: Builder, rng: np.random.Generator, half: Number, depth: Number, height: Number) -> None:
    """Pipes near the ceiling and cables between them."""
    for side in (-1, 1):
        structures.pipe(b.at([side * (half - 0.35), 0, height - rng.uniform(0.35, 0.45)]), rng, depth)
    for _ in range(3):
        x = rng.uniform(-0.7, 0.7, 2) * half
        structures.wire(b, [x[0], 1.0, height - 0.2], [x[1], depth - 0.5, height - 0.2], rng.uniform(0.1, 0.4), 0.008)


def illuminate(rng: np.random.Generator, half: Number, depth: Number, height: Number) -> tuple[Lighting, Atmosphere]:
    """Sun through the side windows and lamps, or a lamp alone in the evening."""
    sky, air = light.outdoors(rng, (0, depth / 2, 1), depth, (300, 3000))
    bulb, day = warmth(rng.uniform(2800, 5500)), rng.random() < 0.6
    ambient = np.asarray(sky.above) * (rng.uniform(0.2, 0.45) if day else 0.02) + bulb * rng.uniform(0.04, 0.12)
    lamps = tuple(Lamp((0.0, float(y), height - 0.8), triple(bulb * rng.uniform(0.1, 0.35)), 1.6) for y in np.linspace(0.2, 0.85, 3) * depth)
    key = np.asarray(sky.key) * 1.5 if day else bulb * rng.uniform(0.7, 1.1)
    lamp = None if day else (0.0, float(depth * 0.45), height - 0.9)
    lighting = Lighting(sky.direction, triple(key), triple(ambient), triple(ambient * 0.75), lamps, lamp, (0, depth / 2, 1.2),
                        max(half, depth / 2) + 2, rng.uniform(0.35, 0.6))  # fmt: skip
    dim = 1.0 if day else 0.05
    return lighting, Atmosphere(triple(np.asarray(air.zenith) * dim), triple(np.asarray(air.horizon) * dim), air.haze, 1e-3,
                                air.clouds, air.cloud_seed, **develop(rng))  # fmt: skip
