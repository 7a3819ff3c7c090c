"""Open country: hills, meadows, trees, fences and far mountains."""

import numpy as np

from patchwrap.scenes import buildings, light, palette, people, placement, plants, structures, terrain
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    ground = terrain.Terrain(rng, rng.uniform(3, 22), float(rng.choice([0, 60, 160, 320])))
    foliage = plants.Foliage(rng)
    grass = palette.pick(
        rng, [((0.18, 0.4, 0.35), (0.28, 0.75, 0.55)), ((0.11, 0.3, 0.5), (0.16, 0.55, 0.75))]
    )
    ground.build(b, grass)
    track(b, rng, ground)
    wood(b, rng, ground, foliage)
    fences(b, rng, ground)
    things(b, rng, ground, foliage)
    count = int(rng.choice([300, 900, 1500]))
    tall = (0.08, rng.choice([0.18, 0.35, 0.7]))
    plants.meadow(b, rng, (0, 0), ground.height, count, tall, grass * 1.25, reach=rng.uniform(10, 24))
    lighting, air = light.outdoors(rng, (0, 14, 1), rng.uniform(18, 30), (250, 4000))
    return lambda r: sample(r, ground), lighting, air


def sample(rng: np.random.Generator, ground: terrain.Terrain) -> Camera:
    """Eye height above the ground, about northward."""
    at = rng.uniform(-2, 2, 2)
    height = rng.choice([rng.uniform(0.4, 1), rng.normal(1.6, 0.15), rng.uniform(3, 9)], p=[0.2, 0.65, 0.15])
    z = float(ground.height(at[None])[0]) + height
    pitch = random_pitch(rng, mean=-10 if height > 2.5 else -3)
    return Camera((*at, z), rng.normal(0, 0.5), pitch, rng.normal(0, 0.025), random_fov(rng), 0.15)


def on(ground: terrain.Terrain, points: np.ndarray) -> np.ndarray:
    """Points with the ground's height as z."""
    points = np.atleast_2d(points)
    return np.column_stack([points, ground.height(points)])


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
    """Posts with wires across the land, and a power line."""
    if rng.random() < 0.75:
        y = np.arange(-3, 90, 2.6)
        x = rng.choice([-1, 1]) * rng.uniform(2.5, 7) + y * rng.uniform(-0.25, 0.25)
        feet = on(ground, np.column_stack([x, y]))
        tall = rng.uniform(1.0, 1.4)
        b.rods(
            feet - [0, 0, 0.1],
            feet + np.column_stack([rng.normal(0, 0.03, (len(y), 2)), np.full(len(y), tall)]),
            0.055,
            Material.BARK,
            palette.vary(rng, palette.hsv(0.08, 0.25, 0.5), len(y)),
            sides=7,
        )
        for level in np.linspace(0.3, 0.92, int(rng.integers(2, 5))) * tall:
            if rng.random() < 0.25:
                b.beams(
                    feet[:-1] + [0, 0, level],
                    feet[1:] + [0, 0, level],
                    0.09,
                    Material.WOOD,
                    palette.hsv(0.08, 0.3, 0.5),
                    0.04,
                )
            else:
                b.rods(
                    feet[:-1] + [0, 0, level],
                    feet[1:] + [0, 0, level],
                    0.004,
                    Material.METAL,
                    palette.hsv(0, 0, 0.4),
                    sides=3,
                )
    if rng.random() < 0.35:
        start, step = np.array([rng.uniform(-30, 30), 14.0]), np.array([rng.uniform(-14, 14), 36.0])
        feet = on(ground, start + np.arange(7)[:, None] * step)
        tops = [structures.utility_pole(b.at(foot), rng, 9) + foot for foot in feet]
        for one, two in zip(tops[:-1], tops[1:], strict=True):
            for p, q in zip(one, two, strict=True):
                structures.wire(b, p, q, 0.8)


def things(b: Builder, rng: np.random.Generator, ground: terrain.Terrain, foliage: plants.Foliage) -> None:
    """Rocks, hay, benches, walkers, farms and flowers."""
    at = on(ground, scatter(rng, int(rng.integers(6, 30)), 2.5, 70))
    terrain.rocks(b, rng, at, 0.1 + rng.gamma(1.2, 0.25, len(at)))
    if rng.random() < 0.4:
        bales(b, rng, on(ground, scatter(rng, 14, 9, 140)))
    for point in on(ground, scatter(rng, int(rng.integers(0, 5)), 5, 60)):
        people.person(b.at(point, rng.uniform(0, 6)), rng)
    if rng.random() < 0.3:
        structures.bench(b.at(on(ground, scatter(rng, 1, 3, 12))[0], np.pi + rng.normal(0, 0.5)), rng)
    for point in on(ground, scatter(rng, int(rng.integers(0, 5)), 50, 260)):
        buildings.house(
            b.at(point - [0, 0, 1.0], rng.choice([0, np.pi / 2])),
            rng,
            rng.uniform(7, 14),
            8,
            int(rng.integers(1, 3)),
            1,
        )
    if rng.random() < 0.5:
        points = scatter(rng, 160, 1.2, 14)
        stems = on(ground, points)
        tops = stems + np.column_stack([rng.normal(0, 0.03, (160, 2)), rng.uniform(0.12, 0.5, 160)])
        b.rods(stems, tops, 0.004, Material.LEAF, palette.hsv(0.28, 0.5, 0.4), sides=3)
        plants.blossom(b, rng, tops, rng.uniform(0.015, 0.035))


def bales(b: Builder, rng: np.random.Generator, at: np.ndarray) -> None:
    """Round bales on their side."""
    angle = rng.uniform(0, 2 * np.pi, len(at))
    axis = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1) * 0.6
    centre = at + [0, 0, 0.62]
    straw = palette.between(rng, (0.11, 0.4, 0.6), (0.14, 0.65, 0.85))
    b.add(shapes.cylinder(22), Material.FABRIC, placement.spanning(centre - axis, centre + axis, 0.65), straw)
