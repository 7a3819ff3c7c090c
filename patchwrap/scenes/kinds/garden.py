"""A garden behind a house."""

import numpy as np

from patchwrap.scenes import (
    buildings,
    furniture,
    light,
    palette,
    placement,
    plants,
    structures,
    terrain,
    vehicles,
)
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    foliage = plants.Foliage(rng)
    half, depth = rng.uniform(4.5, 9), rng.uniform(9, 24)
    grass = palette.between(rng, (0.2, 0.45, 0.28), (0.3, 0.75, 0.5))
    b.add(shapes.ground(), Material.GRASS, np.eye(4), grass)
    path(b, rng, depth)
    borders(b, rng, foliage, half, depth)
    behind(b, rng, foliage, half, depth)
    middle(b, rng, foliage, half, depth)
    close(b, rng, foliage)
    blades = rng.integers(500, 1300) if rng.random() < 0.8 else 150
    plants.meadow(b, rng, (0, 0), lambda p: np.where(np.abs(p[:, 0] - 0.5) < 0.6, np.nan, 0.0), int(blades),
                  (0.03, rng.choice([0.07, 0.12, 0.3])), grass * 1.2, reach=rng.uniform(6, 14))  # fmt: skip
    lighting, air = light.outdoors(rng, (0, 8, 1), rng.uniform(11, 17), (120, 3000))
    return lambda r: sample(r, half, depth), lighting, air


def sample(rng: np.random.Generator, half: Number, depth: Number) -> Camera:
    """From near the origin into the garden."""
    x, low = rng.uniform(-0.5, 0.5) * half, rng.random() < 0.25
    height = rng.uniform(0.35, 0.9) if low else rng.normal(1.5, 0.2)
    yaw = 0.12 * x / half + rng.normal(0, 0.4)
    pitch = random_pitch(rng, mean=-2 if low else -8)
    return Camera(
        (x, rng.uniform(-1.5, 1.5), height), yaw, pitch, rng.normal(0, 0.025), random_fov(rng), 0.08
    )


def path(b: Builder, rng: np.random.Generator, depth: Number) -> None:
    """Slabs or a paved strip towards the far end, and a terrace."""
    stone = palette.pick(rng, palette.STONES)
    if rng.random() < 0.6:
        y = np.arange(0.5, depth, 0.75)
        at = np.column_stack([0.5 + rng.normal(0, 0.04, len(y)), y, 0 * y + 0.01])
        b.boxes(
            at,
            [0.6, 0.55, 0.06],
            Material.STONE,
            palette.vary(rng, stone, len(y)),
            rng.normal(0, 0.08, len(y)),
        )
    else:
        b.boxes([0.5, depth / 2, 0.0], [1.1, depth, 0.05], Material.PAVING, stone)
    if rng.random() < 0.4:
        b.boxes(
            [0, -2, 0.02],
            [12, 5, 0.1],
            one_of(rng, Material.PAVING, Material.PLANKS),
            palette.pick(rng, palette.WOODS),
        )


def borders(
    b: Builder, rng: np.random.Generator, foliage: plants.Foliage, half: Number, depth: Number
) -> None:
    """Fence, hedge or wall on both sides, with beds, bushes and trees in front."""
    for side in (-1, 1):
        start, end = [side * half, -2, 0], [side * half, depth, 0]
        what = rng.integers(3)
        if what == 0:
            structures.fence(
                b, rng, start, end, rng.uniform(1.2, 2.0), rng.choice(["boards", "pickets", "mesh", "bars"])
            )
        elif what == 1:
            plants.hedge(b, rng, foliage, start, end, (0.7, rng.uniform(1.0, 2.2)), 9)
        else:
            b.boxes(
                [side * half, depth / 2 - 1, 0.9],
                [0.25, depth + 2, 1.8],
                Material.BRICK,
                palette.pick(rng, palette.BRICKS),
            )
            b.boxes(
                [side * half, depth / 2 - 1, 1.83],
                [0.34, depth + 2, 0.07],
                Material.CONCRETE,
                palette.hsv(0.1, 0.05, 0.7),
            )
        for y in np.arange(1.5, depth, rng.uniform(1.6, 3)):
            at = [side * (half - rng.uniform(0.5, 1.4)), y + rng.uniform(-0.4, 0.4), 0]
            chance = rng.random()
            if chance < 0.45:
                plants.bush(b.at(at), rng, foliage, rng.uniform(0.3, 0.9), y)
            elif chance < 0.75:
                plants.flower_bed(b.at(at), rng, (1.2, 1.6), foliage)
            elif chance < 0.9:
                plants.tree(b.at(at), rng, foliage, rng.uniform(2.5, 6), max(y, 3))


def behind(
    b: Builder, rng: np.random.Generator, foliage: plants.Foliage, half: Number, depth: Number
) -> None:
    """The far end: a house, a shed or a fence, with trees and roofs beyond."""
    ends = [-half, depth, 0], [half, depth, 0]
    what = rng.integers(3)
    if what == 0:
        buildings.house(b.at([0, depth + 0.5, 0]), rng, 2 * half + 2, 9, int(rng.integers(1, 4)), 2)
    elif what == 1:
        structures.fence(b, rng, *ends, rng.uniform(1.2, 1.9))
    else:
        plants.hedge(b, rng, foliage, *ends, (0.8, rng.uniform(1.2, 2.4)), depth)
    if what:
        for _ in range(5):
            at = [rng.uniform(-30, 30), depth + rng.uniform(14, 50), 0]
            buildings.house(
                b.at(at, rng.choice([0, 0.5 * np.pi])), rng, rng.uniform(7, 12), 9, int(rng.integers(1, 4)), 0
            )
    for _ in range(14):
        at = [rng.uniform(-28, 28), depth + rng.uniform(11, 50), 0]
        kind = plants.conifer if rng.random() < 0.3 else plants.tree
        kind(b.at(at), rng, foliage, rng.uniform(5, 14), depth + 20)


def middle(
    b: Builder, rng: np.random.Generator, foliage: plants.Foliage, half: Number, depth: Number
) -> None:
    """Things on the lawn."""
    for _ in range(rng.integers(3, 7)):
        x = rng.uniform(-0.7, 0.7) * half
        at = b.at(
            [x if abs(x - 0.5) > 1 else x + 2.0, rng.uniform(2.5, depth * 0.85), 0], rng.uniform(0, 6.3)
        )
        distance = at.matrix[1, 3]
        what = rng.integers(8)
        if what < 2:
            plants.tree(at, rng, foliage, rng.uniform(3, 7), distance)
        elif what == 2:
            structures.bench(at, rng)
        elif what == 3:
            furniture.table(at, rng, (1.5, 0.85))
            for yaw in (0, np.pi):
                furniture.chair(at.at([0, -0.8 * np.cos(yaw), 0], yaw), rng)
        elif what == 4:
            plants.conifer(at, rng, foliage, rng.uniform(2, 6), distance)
        elif what == 5:
            shed(at, rng)
        elif what == 6:
            wheelbarrow(at, rng)
        else:
            stones = np.column_stack([rng.normal(0, 0.5, (7, 2)), np.zeros(7)])
            terrain.rocks(at, rng, stones, rng.uniform(0.12, 0.4, 7))


def close(b: Builder, rng: np.random.Generator, foliage: plants.Foliage) -> None:
    """Pots and plants near the camera."""
    for _ in range(rng.integers(1, 5)):
        angle, away = rng.uniform(-0.8, 0.8), rng.uniform(1.3, 4)
        at = b.at([np.sin(angle) * away, np.cos(angle) * away, 0], rng.uniform(0, 6))
        plants.pot_plant(at, rng, rng.uniform(0.4, 1.3))
    if rng.random() < 0.5:
        plants.flower_bed(
            b.at([rng.choice([-1, 1]) * 1.9, rng.uniform(2, 4), 0]), rng, (1.5, 2.2), foliage, 40
        )


def shed(b: Builder, rng: np.random.Generator) -> None:
    """A small plank hut."""
    wood = palette.pick(rng, palette.WOODS + palette.WALLS)
    b.boxes([0, 0, 1.0], [2.2, 1.8, 2.0], Material.PLANKS, wood)
    b.add(
        shapes.gable(),
        Material.ROOF,
        placement.placed([[0, 0, 2.0]], [2.5, 2.2, 0.7]),
        palette.pick(rng, palette.ROOFS),
    )
    furniture.door(b.at([-0.4, 0.9, 0.02]), rng, 1.8)
    b.boxes([0.6, 0.91, 1.3], [0.6, 0.04, 0.5], Material.GLASS, palette.hsv(0.6, 0.2, 0.25))


def wheelbarrow(b: Builder, rng: np.random.Generator) -> None:
    """A tray on a wheel and two handles."""
    tray = vehicles.loft([(-0.4, 0.28, 0.35, 0.4), (-0.35, 0.33, 0.3, 0.62), (0.45, 0.3, 0.4, 0.66)])
    b.add(tray, Material.METAL, np.eye(4), palette.any_colour(rng, 1.0))
    b.rods(
        [[s * 0.22, -1.0, 0.6] for s in (-1, 1)],
        [[s * 0.08, 0.75, 0.2] for s in (-1, 1)],
        0.02,
        Material.WOOD,
        palette.hsv(0.08, 0.5, 0.5),
    )
    b.rods(
        [[s * 0.2, -0.4, 0.45] for s in (-1, 1)],
        [[s * 0.22, -0.45, 0] for s in (-1, 1)],
        0.018,
        Material.METAL,
        palette.hsv(0, 0, 0.3),
    )
    vehicles.wheel(b, np.array([[0, 0.75, 0.19]]), 0.19, 0.08)
