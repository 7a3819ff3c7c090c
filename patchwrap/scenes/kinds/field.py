"""Open country: hills, meadows, trees, fences and far mountains."""

import numpy as np

from patchwrap.scenes import (
    animals,
    buildings,
    closeups,
    flowers,
    landmarks,
    light,
    palette,
    people,
    placement,
    plants,
    structures,
    terrain,
    tools,
    vehicles,
    water,
)
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.families import family
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch

FAMILIES = (
    "broad-leaved tree", "conifer", "bush", "grass", "wildflowers", "dandelion", "daisy", "poppy", "clover", "mushroom", "fern",
    "reeds", "ears of wheat", "rock", "straw bale", "pasture fence", "utility pole", "cable", "pylon", "wind turbine", "church",
    "house", "lake", "bridge", "person", "cow", "sheep", "dog", "bird", "bench", "bicycle", "tent", "raised hide", "signpost",
    "field gate", "fallen log", "stump", "tractor", "spade", "wheelbarrow", "ladder", "track",
)  # fmt: skip
# Things in a meadow and the radius in metres that they need.
MEADOW = (
    (animals.cow, 1.4), (animals.cow, 1.4), (animals.sheep, 0.9), (animals.sheep, 0.9), (animals.dog, 0.6), (animals.bird, 0.3),
    (people.person, 0.5), (people.person, 0.5), (people.person, 0.5), (vehicles.bicycle, 1.0), (structures.bench, 1.0),
    (landmarks.tent, 2.5), (landmarks.hide, 1.8), (landmarks.signpost, 0.7), (landmarks.gate, 2.5), (landmarks.log, 2.2),
    (landmarks.stump, 0.7), (landmarks.tractor, 2.2), (landmarks.bridge, 3.2), (tools.wheelbarrow, 1.0), (tools.ladder, 1.2),
    (tools.spade, 0.4),
)  # fmt: skip
WILD = (
    flowers.dandelion, flowers.daisy, flowers.poppy, flowers.clover, flowers.mushroom, flowers.fern, flowers.reeds, flowers.wheat,
)  # fmt: skip


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    near, wet = rng.random() < 0.2, rng.random() < 0.3
    ground = terrain.Terrain(rng, rng.uniform(3, 22), float(rng.choice([0, 60, 160, 320])))
    foliage = plants.Foliage(rng)
    grass = palette.pick(rng, [((0.18, 0.4, 0.35), (0.28, 0.75, 0.55)), ((0.11, 0.3, 0.5), (0.16, 0.55, 0.75))])
    ground.build(b, grass)
    if wet:
        ground.shore = float(ground.height(np.zeros((1, 2)))[0]) - rng.uniform(0.8, 3.5)
        water.lake(b, rng, ground.shore)
    landscape(b, rng, ground, foliage)
    lighting, air = light.outdoors(rng, (0, 14, 1), 9 if near else rng.uniform(18, 30), (250, 4000))
    if near:
        closeups.arrange(b, rng, ground.height, grass, (*WILD, *WILD, *closeups.SMALL))
        return lambda r: closeups.sample(r, ground.height), lighting, air
    tall = (0.08, rng.choice([0.18, 0.35, 0.7]))
    plants.meadow(b, rng, (0, 0), ground.height, int(rng.choice([300, 900, 1500])), tall, grass * 1.25, reach=rng.uniform(10, 24))
    return lambda r: sample(r, ground), lighting, air


def landscape(b: Builder, rng: np.random.Generator, ground: terrain.Terrain, foliage: plants.Foliage) -> None:
    """All that stands on the ground except the grass."""
    track(b, rng, ground)
    wood(b, rng, ground, foliage)
    fences(b, rng, ground)
    things(b, rng, ground)
    wildflowers(b, rng, ground)
    horizon(b, rng, ground)


def sample(rng: np.random.Generator, ground: terrain.Terrain) -> Camera:
    """Eye height above the ground, about northward."""
    at = rng.uniform(-2, 2, 2)
    height = rng.choice([rng.uniform(0.4, 1), rng.normal(1.6, 0.15), rng.uniform(3, 9)], p=[0.2, 0.65, 0.15])
    z = float(ground.height(at[None])[0]) + height
    pitch = random_pitch(rng, mean=-10 if height > 2.5 else -3)
    return Camera((*at, z), rng.normal(0, 0.5), pitch, rng.normal(0, 0.025), random_fov(rng), 0.15)


def on(ground: terrain.Terrain, points: np.ndarray) -> np.ndarray:
    """Points with the ground's height as z, those under water left out."""
    points = np.atleast_2d(points)
    z = ground.height(points)
    return np.column_stack([points, z])[z > ground.shore]


@family("track")
def track(b: Builder, rng: np.random.Generator, ground: terrain.Terrain) -> None:
    """A winding path of earth, gravel or tarmac."""
    if rng.random() < 0.25:
        return
    y = np.linspace(-4, 130, 150)
    x = rng.uniform(-3, 3) + rng.uniform(1, 8) * np.sin(
        y / rng.uniform(15, 40) + rng.uniform(0, 6)
    ) * np.clip(y / 25, 0, 1)
    material = one_of(rng, Material.ASPHALT, Material.STONE, Material.STONE)
    colour = palette.pick(
        rng, [((0.07, 0.25, 0.35), (0.11, 0.5, 0.65)), ((0.1, 0.0, 0.35), (0.15, 0.12, 0.65))]
    )
    ground.strip(b, np.column_stack([x, y]), rng.uniform(0.7, 3.5), material, colour)


def scatter(
    rng: np.random.Generator, count: int, near: Number, far: Number, spread: Number = 1.3
) -> np.ndarray:
    """Points in front of the camera, as dense on the picture near as far."""
    radius = np.exp(rng.uniform(np.log(near), np.log(far), count))
    angle = rng.uniform(-spread, spread, count)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=-1)


def wood(b: Builder, rng: np.random.Generator, ground: terrain.Terrain, foliage: plants.Foliage) -> None:
    """Trees one by one up close and in groups far away."""
    near = scatter(rng, int(rng.integers(2, 7)), 6, 50)
    groups = scatter(rng, int(rng.integers(3, 9)), 60, 380)
    far = np.concatenate([g + rng.normal(0, 0.12 * np.linalg.norm(g), (7, 2)) for g in groups])
    pine = rng.choice([0.1, 0.4, 0.9])
    for point in on(ground, np.concatenate([near, far])):
        away = float(np.linalg.norm(point[:2]))
        if away > 5:
            kind = plants.conifer if rng.random() < pine else plants.tree
            kind(b.at(point - [0, 0, 0.05], rng.uniform(0, 6)), rng, foliage, rng.uniform(4, 13), away)
    for point in on(ground, scatter(rng, 8, 4, 60)):
        plants.bush(b.at(point), rng, foliage, rng.uniform(0.3, 1.6), float(np.linalg.norm(point[:2])))


def fences(b: Builder, rng: np.random.Generator, ground: terrain.Terrain) -> None:
    """Posts with wires or rails across the land, and a power line."""
    if rng.random() < 0.75:
        y = np.arange(-3, 90, 2.6)
        x = rng.choice([-1, 1]) * rng.uniform(2.5, 7) + y * rng.uniform(-0.25, 0.25)
        feet = on(ground, np.column_stack([x, y]))
        if len(feet) > 1:
            pasture(b, rng, feet)
    chance = rng.random()
    start, step = np.array([rng.uniform(-30, 30), 14.0]), np.array([rng.uniform(-14, 14), 36.0])
    feet = on(ground, start + np.arange(7)[:, None] * step * (3 if chance < 0.2 else 1))
    if chance < 0.2:
        heading = float(np.arctan2(-step[0], step[1]))
        frames = [b.at(foot, heading) for foot in feet]
        string(b, [landmarks.pylon(f, rng) @ f.matrix[:3, :3].T + foot for f, foot in zip(frames, feet, strict=True)], 4.0)
    elif chance < 0.5:
        string(b, [structures.utility_pole(b.at(foot), rng, 9) + foot for foot in feet], 0.8)


def string(b: Builder, tops: list[np.ndarray], sag: Number) -> None:
    """Cables from each row of points to the next."""
    for one, two in zip(tops[:-1], tops[1:], strict=True):
        for p, q in zip(one, two, strict=True):
            structures.wire(b, p, q, sag)


@family("pasture fence")
def pasture(b: Builder, rng: np.random.Generator, feet: np.ndarray) -> None:
    """Crooked posts with wires, now and then a board."""
    tall, count = rng.uniform(1.0, 1.4), len(feet)
    tops = feet + np.column_stack([rng.normal(0, 0.03, (count, 2)), np.full(count, tall)])
    b.rods(feet - [0, 0, 0.1], tops, 0.055, Material.BARK, palette.vary(rng, palette.hsv(0.08, 0.25, 0.5), count), sides=7)
    for level in np.linspace(0.3, 0.92, int(rng.integers(2, 5))) * tall:
        line = feet + [0, 0, level]
        if rng.random() < 0.25:
            b.beams(line[:-1], line[1:], 0.04, Material.WOOD, palette.hsv(0.08, 0.3, 0.5), 0.09)
        else:
            b.rods(line[:-1], line[1:], 0.004, Material.METAL, palette.hsv(0, 0, 0.4), sides=3)


def things(b: Builder, rng: np.random.Generator, ground: terrain.Terrain) -> None:
    """Rocks, bales, animals, walkers, machines and farms."""
    at = on(ground, scatter(rng, int(rng.integers(6, 30)), 2.5, 70))
    if len(at):
        terrain.rocks(b, rng, at, 0.1 + rng.gamma(1.2, 0.25, len(at)))
    if rng.random() < 0.4:
        bales(b, rng, on(ground, scatter(rng, 14, 9, 140)))
    taken = Layout()
    herd = [MEADOW[rng.integers(len(MEADOW))] for _ in range(4)]
    for point in on(ground, scatter(rng, int(rng.integers(4, 16)), 3.5, 50, 0.8)):
        put, radius = herd[rng.integers(4)]
        if taken.claim(point, radius):
            put(b.at(point, rng.uniform(0, 6.3)), rng)
    for point in on(ground, scatter(rng, int(rng.integers(0, 5)), 50, 260)):
        spot = b.at(point - [0, 0, 1.0], rng.choice([0, np.pi / 2]))
        buildings.house(spot, rng, rng.uniform(7, 14), 8, int(rng.integers(1, 3)), 1)


@family("wildflowers")
def wildflowers(b: Builder, rng: np.random.Generator, ground: terrain.Terrain) -> None:
    """Heads on thin stems in drifts, and some plants with all their leaves."""
    if rng.random() < 0.5:
        stems = on(ground, scatter(rng, 160, 1.2, 14))
        tops = stems + np.column_stack([rng.normal(0, 0.03, (len(stems), 2)), rng.uniform(0.12, 0.5, len(stems))])
        b.rods(stems, tops, 0.004, Material.LEAF, palette.hsv(0.28, 0.5, 0.4), sides=3)
        plants.blossom(b, rng, tops, rng.uniform(0.015, 0.035))
    some = [WILD[rng.integers(len(WILD))] for _ in range(2)]
    for point in on(ground, scatter(rng, int(rng.integers(6, 40)), 1.0, 9, 0.9)):
        some[rng.integers(2)](b.at(point, rng.uniform(0, 6)), rng)


def horizon(b: Builder, rng: np.random.Generator, ground: terrain.Terrain) -> None:
    """Wind turbines or a church far away."""
    if rng.random() < 0.2:
        for point in on(ground, scatter(rng, 6, 200, 500, 0.8)):
            landmarks.turbine(b.at(point), rng)
    if rng.random() < 0.15:
        for point in on(ground, scatter(rng, 1, 90, 250, 0.6)):
            landmarks.church(b.at(point - [0, 0, 1], rng.uniform(0, 6)), rng)


@family("straw bale")
def bales(b: Builder, rng: np.random.Generator, at: np.ndarray) -> None:
    """Round bales on their side."""
    angle = rng.uniform(0, 2 * np.pi, len(at))
    axis = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1) * 0.6
    centre = at + [0, 0, 0.62]
    straw = palette.between(rng, (0.11, 0.4, 0.6), (0.14, 0.65, 0.85))
    b.add(shapes.cylinder(22), Material.FABRIC, placement.spanning(centre - axis, centre + axis, 0.65), straw)
