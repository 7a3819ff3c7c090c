"""A street of houses with traffic, poles, wires, trees and people."""

import numpy as np

from patchwrap.scenes import (
    animals,
    buildings,
    landmarks,
    light,
    palette,
    people,
    plants,
    roadside,
    structures,
    vehicles,
    water,
)
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch

BEGIN, END = -14.0, 150.0
MIDDLE, LENGTH = (BEGIN + END) / 2, END - BEGIN
FAMILIES = (
    "house", "shop front", "balcony", "block of flats", "car", "van", "motor scooter", "bicycle", "lamp post",
    "utility pole", "cable", "traffic light", "traffic sign", "hydrant", "post box", "bus shelter", "litter bin", "bollard",
    "planter", "bench", "street café", "parasol", "market stall", "archway", "stone steps", "scaffold", "tower crane",
    "church", "person", "dog", "bird", "broad-leaved tree", "bush", "hedge", "fence", "railing", "puddle",
)  # fmt: skip


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    road, walk = rng.uniform(5.5, 10), rng.uniform(1.6, 4)
    foliage = plants.Foliage(rng)
    surfaces(b, rng, road, walk)
    for side in (-1, 1):
        houses(b, rng, foliage, side, road / 2 + walk)
        pavement(b, rng, foliage, side, road / 2, walk)
    traffic(b, rng, road)
    closing(b, rng, foliage)
    across(b, rng, road, walk)
    lighting, air = light.outdoors(rng, (0, 16, 1.5), rng.uniform(24, 34), (150, 3000))
    return lambda r: sample(r, road, walk), lighting, air


def sample(rng: np.random.Generator, road: Number, walk: Number) -> Camera:
    """On the pavement or in the road, mostly looking along it."""
    high = rng.random() < 0.15
    x = rng.uniform(-1, 1) * (road / 2 + walk - 0.5)
    toward = -np.sign(x) * rng.uniform(-0.15, 0.65) if rng.random() < 0.8 else rng.normal(0, 0.9)
    height = rng.uniform(3, 7) if high else rng.normal(1.55, 0.2)
    pitch = random_pitch(rng, mean=-12 if high else 1)
    return Camera(
        (x, rng.uniform(-3, 6), max(height, 0.9)), toward, pitch, rng.normal(0, 0.02), random_fov(rng), 0.15
    )


def surfaces(b: Builder, rng: np.random.Generator, road: Number, walk: Number) -> None:
    """Ground, carriageway with markings, kerbs and pavements."""
    b.add(shapes.ground(), Material.GRASS, np.eye(4), palette.hsv(0.2, 0.3, 0.35))
    grey = palette.hsv(rng.uniform(0, 0.7), 0.05, rng.uniform(0.3, 0.55))
    cobbles = rng.random() < 0.15
    b.boxes([0, MIDDLE, 0.0], [road, LENGTH, 0.12], Material.PAVING if cobbles else Material.ASPHALT, grey)
    kerbs(b, rng, road, walk)
    if not cobbles and rng.random() < 0.8:
        y = np.arange(BEGIN, END, 6.0)
        white = palette.hsv(0.12, 0.05, rng.uniform(0.75, 0.95))
        b.boxes(np.column_stack([0 * y, y, 0 * y + 0.0605]), [0.13, 3.0, 0.008], Material.ASPHALT, white)
    if rng.random() < 0.4:
        bars = np.arange(-road / 2 + 0.4, road / 2 - 0.2, 1.0)
        at = np.column_stack([bars, 0 * bars + rng.uniform(6, 18), 0 * bars + 0.061])
        b.boxes(at, [0.5, 3.0, 0.008], Material.ASPHALT, palette.hsv(0, 0, 0.85))


def kerbs(b: Builder, rng: np.random.Generator, road: Number, walk: Number) -> None:
    """Kerbs and pavements on both sides of the road."""
    paving = palette.hsv(rng.uniform(0, 0.12), rng.uniform(0, 0.2), rng.uniform(0.45, 0.75))
    for side in (-1, 1):
        x = side * (road / 2 + walk / 2 + 0.075)
        b.boxes([x, MIDDLE, 0.06], [walk, LENGTH, 0.26], one_of(rng, Material.PAVING, Material.ASPHALT), paving)
        edge = [side * (road / 2 + 0.075), MIDDLE, 0.065]
        b.boxes(edge, [0.15, LENGTH, 0.27], Material.CONCRETE, paving * 1.1)


def houses(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, side: int, edge: Number) -> None:
    """A row of houses, some behind front gardens, some gaps with trees."""
    setback = rng.choice([0.0, 0.0, 3.5])
    floors, y = int(rng.integers(2, 6)), BEGIN
    while y < END:
        width, depth = rng.uniform(6, 15), rng.uniform(8, 12)
        x = side * (edge + 0.15 + setback + rng.uniform(0, 0.3))
        middle = y + width / 2
        spot = b.at([x, middle, 0.1], side * -np.pi / 2)
        if rng.random() < 0.88:
            detail = 2 if middle < 22 else 1 if middle < 55 else 0
            tall = max(1, floors + int(rng.integers(-1, 2)))
            buildings.house(spot, rng, width, depth, tall, detail)
            if setback:
                front_garden(spot.at([0, -setback, 0.02]), rng, foliage, width, setback, middle)
            y += width + rng.choice([0.0, 0.0, 1.5])
        else:
            for _ in range(3):
                at = [rng.uniform(-2, 2), rng.uniform(3, 8), 0]
                plants.tree(spot.at(at), rng, foliage, rng.uniform(5, 11), middle + 8)
            structures.fence(spot, rng, [-width / 2, 0.2, 0], [width / 2, 0.2, 0], rng.uniform(0.9, 1.8))
            y += width


def front_garden(
    b: Builder,
    rng: np.random.Generator,
    foliage: plants.Foliage,
    width: Number,
    depth: Number,
    distance: Number,
) -> None:
    """A fence or a hedge, and bushes."""
    ends = [-width / 2, 0.25, 0], [width / 2, 0.25, 0]
    if rng.random() < 0.5 and distance < 60:
        structures.fence(b, rng, *ends, rng.uniform(0.8, 1.3))
    elif distance < 60:
        plants.hedge(b, rng, foliage, *ends, (0.5, rng.uniform(0.7, 1.5)), distance)
    for _ in range(3):
        at = [rng.uniform(-0.45, 0.45) * width, rng.uniform(0.8, depth - 0.5), 0]
        plants.bush(b.at(at), rng, foliage, rng.uniform(0.3, 0.8), distance)


def pavement(
    b: Builder, rng: np.random.Generator, foliage: plants.Foliage, side: int, edge: Number, walk: Number
) -> None:
    """Lamps or poles with wires, trees, what stands at the kerb, and who walks behind it."""
    kerb = b.at([side * (edge + 0.55), 0, 0.19])
    posts(kerb, rng, side)
    if rng.random() < 0.55:
        for y in np.arange(rng.uniform(3, 9), 90, rng.uniform(8, 15)):
            plants.tree(kerb.at([side * 0.3, y, 0]), rng, foliage, rng.uniform(4, 9), max(y, 4))
    taken = Layout()
    clutter(kerb, rng, foliage, taken, side)
    passers(kerb, rng, taken, side, walk)


def posts(b: Builder, rng: np.random.Generator, side: int) -> None:
    """Poles with wires on the right, or lamps."""
    poles, tops = rng.random() < 0.5 and side > 0, []
    for k, y in enumerate(np.arange(rng.uniform(-8, 6), 110, rng.uniform(14, 26))):
        spot = b.at([0, y, 0], 0.0 if side < 0 or poles else np.pi)
        if poles:
            tops.append(structures.utility_pole(spot, rng, 8.0) + [0, y, 0])
        elif k % 2 == 0 or rng.random() < 0.3:
            structures.lamp_post(spot, rng, rng.uniform(4, 8))
    for one, two in zip(tops[:-1], tops[1:], strict=True):
        for start, end in zip(one, two, strict=True):
            structures.wire(b, start, end, rng.uniform(0.3, 0.7))


def passers(b: Builder, rng: np.random.Generator, taken: Layout, side: int, walk: Number) -> None:
    """People along the pavement, dogs and birds."""
    for _ in range(rng.integers(1, 8)):
        at = taken.find(rng, [side * 0.05, 3], [side * (walk - 0.85), 45], 0.35)
        if at is not None:
            spot = b.at(at, rng.uniform(-0.3, 0.3) + rng.choice([0, np.pi]))
            people.person(spot, rng, pose=str(rng.choice(["walk", "walk", "stand", "reach"])))
    for put in (animals.dog, animals.bird, animals.bird, animals.bird):
        at = taken.find(rng, [side * 0.05, 2.5], [side * (walk - 0.85), 16], 0.4)
        if at is not None and rng.random() < 0.35:
            put(b.at(at, rng.uniform(0, 6)), rng)


# What turns its +y away from the road, and how far the middle moves from the kerb.
SIDEWAYS = {structures.bench: 0.0, roadside.bus_shelter: 0.0, roadside.stall: 0.1, roadside.cafe: None}


def clutter(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, taken: Layout, side: int) -> None:
    """What stands at the kerb: bins, signs, bicycles, boxes, tables."""
    if rng.random() < 0.3:
        roadside.bollards(b.at([-side * 0.2, rng.uniform(2, 20), 0]), rng)
    things = (
        roadside.litter_bin, roadside.traffic_sign, roadside.traffic_sign, roadside.hydrant, roadside.post_box,
        vehicles.bicycle, vehicles.bicycle, vehicles.scooter, structures.bench, roadside.cafe, roadside.cafe,
        lambda at, r: roadside.planter(at, r, foliage), roadside.stall, roadside.bus_shelter,
        lambda at, r: roadside.traffic_light(at.at([0, 0, 0], np.pi if side < 0 else 0.0), r),
    )  # fmt: skip
    for _ in range(rng.integers(3, 9)):
        put, y = things[rng.integers(len(things))], rng.uniform(2.5, 32)
        if taken.claim([0, y], 1.4):
            deep = SIDEWAYS.get(put, 0.0)
            yaw = -side * np.pi / 2 if put in SIDEWAYS and deep is not None else rng.normal(0, 0.15)
            put(b.at([side * (0.5 if deep is None else deep), y, 0], yaw), rng)


def across(b: Builder, rng: np.random.Generator, road: Number, walk: Number) -> None:
    """Now and then an arch, a scaffold, steps, puddles, or cables with lamps over the street."""
    width = road + 2 * walk
    if rng.random() < 0.12:
        roadside.archway(b.at([0, rng.uniform(18, 50), 0.1]), rng, road + 0.6, rng.uniform(6, 8), rng.uniform(1, 4))
    if rng.random() < 0.2:
        side = rng.choice([-1, 1])
        structures.scaffold(b.at([side * (width / 2 - 0.12), rng.uniform(5, 20), 0.19], side * np.pi / 2), rng, 3, 3)
    if rng.random() < 0.25:
        side = rng.choice([-1, 1])
        spot = b.at([side * (width / 2 - 0.75), rng.uniform(4, 25), 0.19], -side * np.pi / 2)
        roadside.steps(spot, rng, int(rng.integers(3, 6)))
    if rng.random() < 0.3:
        at = np.column_stack([rng.uniform(-0.45, 0.45, 6) * road, rng.uniform(2, 30, 6), np.full(6, 0.064)])
        water.puddles(b, rng, at)
    if rng.random() < 0.25:
        for y in np.arange(rng.uniform(4, 9), 60, rng.uniform(7, 13)):
            structures.wire(b, [-width / 2, y, 6.2], [width / 2, y, 6.2], 0.5, 0.006)
            lamps = np.column_stack([np.linspace(-0.3, 0.3, 3) * width, np.full(3, y), np.full(3, 5.7)])
            b.balls(lamps, np.full((3, 3), 0.1), Material.GLOW, palette.hsv(0.12, 0.3, 1.0))


def traffic(b: Builder, rng: np.random.Generator, road: Number) -> None:
    """Parked and moving cars."""
    for side in (-1, 1):
        y = rng.uniform(4, 14)
        while y < 75:
            if rng.random() < 0.5:
                spot = b.at(
                    [side * (road / 2 - 1.1), y, 0.06], rng.normal(0, 0.02) + (np.pi if side < 0 else 0)
                )
                (vehicles.van if rng.random() < 0.12 else vehicles.car)(spot, rng)
            y += rng.uniform(5.3, 9)
    if road > 7:
        for _ in range(rng.integers(0, 3)):
            side = rng.choice([-1, 1])
            vehicles.car(b.at([side * 1.3, rng.uniform(14, 70), 0.06], np.pi if side < 0 else 0), rng)


def closing(b: Builder, rng: np.random.Generator, foliage: plants.Foliage) -> None:
    """What stands at the end of the street and behind the houses."""
    if rng.random() < 0.3:
        landmarks.crane(b.at([rng.uniform(-45, 45), rng.uniform(60, 140), 0]), rng)
    if rng.random() < 0.3:
        landmarks.church(b.at([rng.uniform(-8, 8), END + 25, 0], np.pi / 2), rng)
    buildings.skyline(b, rng, 26, 170, 420)
    for _ in range(8):
        plants.tree(
            b.at([rng.uniform(-12, 12), END + rng.uniform(2, 30), 0]), rng, foliage, rng.uniform(7, 14), 160
        )
