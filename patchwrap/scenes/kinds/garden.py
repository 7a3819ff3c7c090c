"""A garden behind a house, or a wood."""

from collections.abc import Callable

import numpy as np

from patchwrap.scenes import (
    animals,
    buildings,
    closeups,
    flowers,
    furniture,
    household,
    landmarks,
    light,
    palette,
    people,
    placement,
    plants,
    playthings,
    roadside,
    seating,
    structures,
    terrain,
    tools,
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
    "broad-leaved tree", "conifer", "bush", "hedge", "grass", "flower bed", "pot plant", "dandelion", "daisy", "tulip", "poppy",
    "sunflower", "mushroom", "fern", "clover", "lavender", "pumpkin", "windfalls", "leaf litter", "rock", "fence", "shed", "house", "bench",
    "table", "chair", "deck chair", "garden lounger", "hammock", "parasol", "swing", "slide", "trampoline", "sandbox", "ball",
    "tricycle", "toy lorry", "wheelbarrow", "spade", "rake", "watering can", "bucket", "hose", "ladder", "clothes line",
    "greenhouse", "barbecue", "bird bath", "pergola", "pond", "person", "dog", "cat", "bird", "fallen log", "stump",
    "archway", "stone steps", "axe in a block",
)  # fmt: skip
Put = Callable[[Builder, np.random.Generator], None]
# Things on a lawn and the radius in metres that they need.
LAWN: tuple[tuple[Put, Number], ...] = (
    (structures.bench, 0.9), (seating.deck_chair, 0.8), (seating.lounger, 0.9), (seating.hammock, 1.9), (tools.wheelbarrow, 0.9),
    (tools.ladder, 1.0), (tools.hose, 0.9), (tools.watering_can, 0.4), (tools.chopping_block, 0.9), (household.clothes_line, 2.2),
    (household.barbecue, 0.5), (household.bird_bath, 0.5), (household.greenhouse, 2.2), (household.pergola, 1.9),
    (playthings.swing, 2.2), (playthings.slide, 2.2), (playthings.trampoline, 2.0), (playthings.sandbox, 1.8),
    (playthings.ball, 0.3), (playthings.tricycle, 0.6), (playthings.toy_lorry, 0.3), (people.person, 0.5), (people.person, 0.5),
    (animals.dog, 0.6), (animals.cat, 0.4), (animals.bird, 0.3), (flowers.sunflower, 0.4), (flowers.lavender, 0.5),
    (flowers.pumpkin, 0.5), (landmarks.log, 2.0), (landmarks.stump, 0.6),
)  # fmt: skip
FOREST_FLOOR: tuple[Put, ...] = (
    flowers.fern, flowers.fern, flowers.fern, flowers.mushroom, flowers.clover, landmarks.stump, landmarks.log, animals.bird,
)  # fmt: skip


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    close = rng.random() < 0.22
    return forest(b, rng, close) if rng.random() < 0.2 else backyard(b, rng, close)


def level(points: np.ndarray) -> np.ndarray:
    """The height of flat ground."""
    return np.zeros(len(points))


def backyard(b: Builder, rng: np.random.Generator, near: bool) -> Setting:
    """Lawn, beds and things between fences; ``near`` puts the camera close to the ground."""
    foliage = plants.Foliage(rng)
    half, depth = rng.uniform(4.5, 9), rng.uniform(9, 24)
    grass = palette.between(rng, (0.2, 0.45, 0.28), (0.3, 0.75, 0.5))
    b.add(shapes.ground(), Material.GRASS, np.eye(4), grass)
    borders(b, rng, foliage, half, depth)
    behind(b, rng, foliage, half, depth)
    lighting, air = light.outdoors(rng, (0, 5 if near else 8, 1), 8 if near else rng.uniform(11, 17), (120, 3000))
    if near:
        closeups.arrange(b, rng, level, grass)
        middle(b, rng, foliage, half, depth, 5.5)
        return lambda r: closeups.sample(r, level), lighting, air
    path(b, rng, depth)
    middle(b, rng, foliage, half, depth, 2.5)
    pots(b, rng, foliage)
    blades = rng.integers(500, 1300) if rng.random() < 0.8 else 150
    plants.meadow(b, rng, (0, 0), lambda p: np.where(np.abs(p[:, 0] - 0.5) < 0.6, np.nan, 0.0), int(blades),
                  (0.03, rng.choice([0.07, 0.12, 0.3])), grass * 1.2, reach=rng.uniform(6, 14))  # fmt: skip
    return lambda r: sample(r, half, depth), lighting, air


def forest(b: Builder, rng: np.random.Generator, near: bool) -> Setting:
    """Trunks, ferns, logs and a path under a canopy."""
    foliage, earth = plants.Foliage(rng), palette.between(rng, (0.08, 0.3, 0.25), (0.2, 0.5, 0.4))
    b.add(shapes.ground(), Material.GRASS, np.eye(4), earth)
    taken = Layout()
    trunks(b, rng, foliage, taken)
    undergrowth(b, rng, foliage, taken)
    at = taken.find(rng, [-3, 4], [3, 18], 0.5)
    if at is not None and rng.random() < 0.5:
        people.person(b.at(at, rng.uniform(0, 6)), rng)
    flowers.leaf_litter(b, rng, np.column_stack([rng.normal([0, 5], [3, 3.5], (700, 2)), np.zeros(700)]))
    blades, green = int(rng.choice([80, 400, 900])), palette.hsv(0.25, 0.5, 0.45)
    plants.meadow(b, rng, (0, 0), level, blades, (0.05, 0.2), green, reach=10)
    lighting, air = light.outdoors(rng, (0, 8, 2), 16, (60, 900))
    if near:
        closeups.arrange(b, rng, level, palette.hsv(0.25, 0.5, 0.4), (*FOREST_FLOOR, flowers.daisy))
        return lambda r: closeups.sample(r, level), lighting, air
    return lambda r: sample(r, 3.0, 20.0), lighting, air


def trunks(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, taken: Layout) -> None:
    """Tall trees on both sides of a winding path."""
    pine, tall = rng.choice([0.0, 0.3, 0.9]), rng.uniform(7, 15)
    for _ in range(70):
        away = 3.0 + 45 * rng.uniform(0, 1) ** 1.2
        angle = rng.uniform(-1.2, 1.2)
        at = away * np.array([np.sin(angle), np.cos(angle)])
        if abs(at[0] - 0.6 * np.sin(at[1] / 6)) > 1.1 and taken.claim(at, 0.9):
            kind = plants.conifer if rng.random() < pine else plants.tree
            # The camera stands among the trunks, where a distant tree's detail is enough.
            kind(b.at([*at, -0.02], rng.uniform(0, 6)), rng, foliage, tall * rng.uniform(0.6, 1.3), away + 8)


def undergrowth(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, taken: Layout) -> None:
    """Ferns, mushrooms, logs and bushes between the trunks."""
    for _ in range(rng.integers(30, 70)):
        away, angle = 1.3 + 14 * rng.uniform(0, 1) ** 1.5, rng.uniform(-1.1, 1.1)
        at = away * np.array([np.sin(angle), np.cos(angle)])
        if taken.claim(at, 0.3):
            FOREST_FLOOR[rng.integers(len(FOREST_FLOOR))](b.at([*at, 0], rng.uniform(0, 6)), rng)
    for _ in range(8):
        at = taken.find(rng, [-8, 4], [8, 22], 0.8)
        if at is not None:
            plants.bush(b.at(at), rng, foliage, rng.uniform(0.4, 1.2), float(at[1]))


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
        barrier(b, rng, foliage, side * half, depth)
        beds(b, rng, foliage, side, half, depth)


def barrier(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, x: Number, depth: Number) -> None:
    """A fence, a hedge or a brick wall along y at ``x``."""
    start, end = [x, -2, 0], [x, depth, 0]
    what = rng.integers(3)
    if what == 0:
        tall, style = rng.uniform(1.2, 2.0), rng.choice(["boards", "pickets", "mesh", "bars"])
        structures.fence(b, rng, start, end, tall, style)
    elif what == 1:
        plants.hedge(b, rng, foliage, start, end, (0.7, rng.uniform(1.0, 2.2)), 9)
    else:
        bricks, coping = palette.pick(rng, palette.BRICKS), palette.hsv(0.1, 0.05, 0.7)
        b.boxes([x, depth / 2 - 1, 0.9], [0.25, depth + 2, 1.8], Material.BRICK, bricks)
        b.boxes([x, depth / 2 - 1, 1.83], [0.34, depth + 2, 0.07], Material.CONCRETE, coping)


def beds(
    b: Builder, rng: np.random.Generator, foliage: plants.Foliage, side: int, half: Number, depth: Number
) -> None:
    """Bushes, flower beds and small trees along one side."""
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
    if rng.random() < 0.2:
        roadside.archway(b.at([0.5, depth - 0.8, 0]), rng, 1.6, 2.6, 0.4)
    if rng.random() < 0.2:
        roadside.steps(b.at([0.5, depth - 2.2, 0]), rng, int(rng.integers(2, 5)), 1.4)
    if rng.random() < 0.4:
        shed(b.at([rng.choice([-1, 1]) * (half - 1.6), depth - 1.6, 0], np.pi), rng)
    beyond(b, rng, foliage, depth, 5 if what else 0)


def beyond(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, depth: Number, houses: int) -> None:
    """Houses and trees of the neighbours, behind the far end."""
    for _ in range(houses):
        at = [rng.uniform(-30, 30), depth + rng.uniform(14, 50), 0]
        spot = b.at(at, rng.choice([0, 0.5 * np.pi]))
        buildings.house(spot, rng, rng.uniform(7, 12), 9, int(rng.integers(1, 4)), 0)
    for _ in range(14):
        at = [rng.uniform(-28, 28), depth + rng.uniform(11, 50), 0]
        kind = plants.conifer if rng.random() < 0.3 else plants.tree
        kind(b.at(at), rng, foliage, rng.uniform(5, 14), depth + 20)


def middle(
    b: Builder, rng: np.random.Generator, foliage: plants.Foliage, half: Number, depth: Number, begin: Number
) -> None:
    """Things on the lawn, from ``begin`` metres on."""
    taken = Layout()
    for _ in range(rng.integers(6, 15)):
        put, radius = LAWN[rng.integers(len(LAWN))]
        x, y = rng.uniform(-0.75, 0.75) * half, rng.uniform(begin, max(depth * 0.9, begin + 3))
        if (abs(x - 0.5) > 0.6 + 0.6 * radius or rng.random() < 0.2) and taken.claim([x, y], radius):
            put(b.at([x, y, 0], rng.uniform(0, 6.3)), rng)
    for _ in range(rng.integers(0, 4)):
        at = taken.find(rng, [-0.7 * half, begin + 1], [0.7 * half, max(depth * 0.85, begin + 4)], 1.2)
        if at is not None:
            grow(b.at(at, rng.uniform(0, 6)), rng, foliage, float(at[1]))


def grow(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, distance: Number) -> None:
    """A tree, stones, a pond, or a laid table on the lawn."""
    what = rng.integers(6)
    if what < 2:
        plants.tree(b, rng, foliage, rng.uniform(3, 7), distance)
    elif what == 2:
        plants.conifer(b, rng, foliage, rng.uniform(2, 6), distance)
    elif what == 3:
        dinner(b, rng)
    elif what == 4:
        water.pond(b, rng, rng.uniform(0.6, 1.3))
    else:
        stones = np.column_stack([rng.normal(0, 0.5, (7, 2)), np.zeros(7)])
        terrain.rocks(b, rng, stones, rng.uniform(0.12, 0.4, 7))


def dinner(b: Builder, rng: np.random.Generator) -> None:
    """A table with chairs, people on some, perhaps a parasol."""
    furniture.table(b, rng, (1.5, 0.85))
    for yaw in (0.0, np.pi):
        for x in (-0.4, 0.4):
            seat = b.at([x * np.cos(yaw), -0.75 * np.cos(yaw), 0], yaw)
            furniture.chair(seat, rng)
            if rng.random() < 0.3:
                people.person(seat.at([0, -0.02, -0.03]), rng, 1.7, "sit")
    if rng.random() < 0.4:
        roadside.parasol(b.at([0, 0.0, 0]), rng)


def pots(b: Builder, rng: np.random.Generator, foliage: plants.Foliage) -> None:
    """Pots, flowers and tools near the camera."""
    taken = Layout()
    plantings: tuple[Put, ...] = (
        lambda at, r: plants.pot_plant(at, r, r.uniform(0.4, 1.3)), lambda at, r: plants.pot_plant(at, r, r.uniform(0.3, 0.8)),
        flowers.tulip, flowers.dandelion, flowers.sunflower, flowers.lavender, flowers.poppy, tools.spade, tools.bucket,
        tools.rake, tools.watering_can, playthings.ball,
    )  # fmt: skip
    for _ in range(rng.integers(2, 8)):
        angle, away = rng.uniform(-0.9, 0.9), rng.uniform(1.3, 4)
        at = away * np.array([np.sin(angle), np.cos(angle)])
        if taken.claim(at, 0.35):
            plantings[rng.integers(len(plantings))](b.at([*at, 0], rng.uniform(0, 6)), rng)
    if rng.random() < 0.5 and taken.claim([2.1, 3], 1.0):
        plants.flower_bed(b.at([rng.choice([-1, 1]) * 2.1, 3, 0]), rng, (1.5, 2.2), foliage, 40)


@family("shed")
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
