"""Arrangements on the ground for a camera close to them, with the background far behind."""

from collections.abc import Callable

import numpy as np

from patchwrap.scenes import (
    animals,
    flowers,
    furniture,
    household,
    landmarks,
    palette,
    people,
    placement,
    plants,
    playthings,
    seating,
    structures,
    tableware,
    terrain,
    tools,
)
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.families import family
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.materials import Material
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import random_fov

Put = Callable[[Builder, np.random.Generator], None]
HeightAt = Callable[[np.ndarray], np.ndarray]
# What there is to see from a hand's breadth to an arm's length.
SMALL: tuple[Put, ...] = (
    flowers.dandelion, flowers.dandelion, flowers.dandelion, flowers.daisy, flowers.daisy, flowers.tulip, flowers.poppy,
    flowers.mushroom, flowers.fern, flowers.clover, flowers.lavender, flowers.pumpkin, flowers.wheat, animals.bird,
    tools.watering_can, tools.bucket, tools.hose, tools.hammer, tools.saw, playthings.ball, playthings.toy_lorry,
    playthings.blocks, tableware.cup, tableware.wire_basket, tableware.bowl, tableware.teapot,
)  # fmt: skip
# What fills the frame from one to four metres.
LARGE: tuple[Put, ...] = (
    structures.bench, playthings.slide, playthings.tricycle, tools.wheelbarrow, tools.spade, tools.chopping_block,
    seating.deck_chair, seating.lounger, seating.stool, household.bird_bath, household.barbecue, household.basket,
    furniture.chair, landmarks.log, landmarks.stump, flowers.sunflower, flowers.reeds, animals.dog, animals.cat, people.person,
)  # fmt: skip


@family("windfalls")
def windfalls(b: Builder, rng: np.random.Generator, at: np.ndarray) -> None:
    """Apples or pears that fell from a tree, at ``(count, 3)`` points on the ground."""
    for point in at:
        tableware.fruit(b.at(point - [0, 0, 0.004], rng.uniform(0, 6)), rng)


def arrange(b: Builder, rng: np.random.Generator, height_at: HeightAt, grass: np.ndarray, small: tuple[Put, ...] = SMALL,
            large: tuple[Put, ...] = LARGE) -> None:  # fmt: skip
    """Fill the ground in front of the origin, small things close by and large ones behind them."""
    taken, crowd = Layout(), [small[rng.integers(len(small))] for _ in range(3)]
    for _ in range(rng.integers(5, 16)):
        away, angle = rng.uniform(0.55, 2.2), rng.uniform(-0.75, 0.75)
        at = away * np.array([np.sin(angle), np.cos(angle)])
        if taken.claim(at, 0.22):
            standing(b, at, height_at, rng, crowd[rng.integers(3)])
    for _ in range(rng.integers(1, 5)):
        away, angle = rng.uniform(2.0, 4.5), rng.uniform(-0.8, 0.8)
        at = away * np.array([np.sin(angle), np.cos(angle)])
        if taken.claim(at, 0.8):
            standing(b, at, height_at, rng, large[rng.integers(len(large))])
    turf(b, rng, height_at, grass)


def standing(b: Builder, at: np.ndarray, height_at: HeightAt, rng: np.random.Generator, put: Put) -> None:
    """One thing with any heading on the ground."""
    z = float(np.nan_to_num(height_at(at[None]))[0])
    put(b.at([*at, z], rng.uniform(0, 2 * np.pi)), rng)


def turf(b: Builder, rng: np.random.Generator, height_at: HeightAt, grass: np.ndarray) -> None:
    """Dense blades, small stones, fallen leaves and low flowers close to the eye."""
    count, tall = int(rng.choice([300, 900, 1800])), rng.choice([0.05, 0.09, 0.2])
    radius, angle = 0.3 + 3.5 * rng.uniform(0, 1, count) ** 1.3, rng.uniform(-1.1, 1.1, count)
    points = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=-1)
    z = np.nan_to_num(height_at(points))
    size = tall * rng.uniform(0.5, 1.3, count) * np.clip(radius, 0.4, 1.5)
    scales = np.column_stack([size * 0.5 + 0.02, size * 0.5 + 0.02, size])
    at = np.column_stack([points, z - 0.005])
    b.add(plants.grass_tuft(rng, 14), Material.LEAF, placement.placed(at, scales, rng.uniform(0, 6.3, count)),
          palette.vary(rng, grass * 1.2, count, 0.2))  # fmt: skip
    stones = at[rng.integers(count, size=14)]
    terrain.rocks(b, rng, stones, rng.uniform(0.01, 0.07, 14))
    if rng.random() < 0.4:
        flowers.leaf_litter(b, rng, on(height_at, rng.normal([0, 1.6], [0.8, 0.7], (120, 2))))
    if rng.random() < 0.3:
        middle = np.array([rng.normal(0, 0.3), 1.1])
        windfalls(b, rng, on(height_at, rng.normal(middle, 0.22, (int(rng.integers(4, 12)), 2))))


def on(height_at: HeightAt, points: np.ndarray) -> np.ndarray:
    """Points with the height of the ground under them."""
    return np.column_stack([points, np.nan_to_num(height_at(points))])


def sample(rng: np.random.Generator, height_at: HeightAt) -> Camera:
    """From 15 to 80 cm above the ground, level or looking down a little."""
    at = np.array([rng.normal(0, 0.12), rng.normal(0, 0.1)])
    lift = rng.uniform(0.15, 0.8)
    pitch = np.radians(np.clip(rng.normal(-4 - 16 * lift, 6), -32, 12))
    z = float(np.nan_to_num(height_at(at[None]))[0]) + lift
    return Camera((*at, z), rng.normal(0, 0.25), pitch, rng.normal(0, 0.035), random_fov(rng), 0.05)
