"""Close-ups of a table top with a room behind."""

import numpy as np

from patchwrap.scenes import furniture, palette, plants, tableware
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.kinds import room
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov

TOP = 0.75
SMALL = (
    tableware.bottle,
    tableware.bottle,
    tableware.cup,
    tableware.cup,
    tableware.glass,
    tableware.bowl,
    tableware.fruit,
    tableware.fruit,
    tableware.book_pile,
    tableware.candle,
    tableware.box,
    tableware.bread,
)


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    shell = room.Shell(rng.uniform(3, 6), rng.uniform(3.5, 8), rng.uniform(2.4, 3.2))
    behind(b, rng, shell)
    half = np.array([rng.uniform(0.45, 1.1), rng.uniform(0.4, 0.7)])
    desk(b, rng, half)
    spread(b, rng, half)
    lighting, air = room.illuminate(b, rng, shell)
    return lambda r: sample(r, half), lighting, air


def sample(rng: np.random.Generator, half: np.ndarray) -> Camera:
    """From a seated person's eye or closer, looking down at the table."""
    away, lift = rng.uniform(0.05, 0.6), rng.uniform(0.12, 0.6)
    at = np.array([rng.uniform(-0.6, 0.6) * half[0], -half[1] - away + 0.25])
    aim = np.array([rng.uniform(-0.4, 0.4) * half[0], rng.uniform(-0.3, 0.5) * half[1]])
    toward = aim - at
    pitch = -np.arctan2(lift - 0.05, np.linalg.norm(toward)) * rng.uniform(0.3, 0.95)
    yaw = np.arctan2(-toward[0], toward[1])
    return Camera(
        (*at, TOP + lift), yaw, max(pitch, np.radians(-38)), rng.normal(0, 0.03), random_fov(rng), 0.03
    )


def behind(b: Builder, rng: np.random.Generator, shell: room.Shell) -> None:
    """The room around the table."""
    room.floor_and_ceiling(b, rng, shell)
    paint, trim = palette.pick(rng, palette.WALLS), palette.hsv(0.1, 0.05, 0.9)
    open_wall = int(rng.integers(4))
    for index in range(4):
        frame, length = shell.wall(b, index)
        room.wall(frame, rng, length, shell.height, paint, trim, index == open_wall)
        if index:
            room.along_wall(frame, rng, length, shell.height, index == open_wall)
    room.outside(b, rng)


def desk(b: Builder, rng: np.random.Generator, half: np.ndarray) -> None:
    """The table itself, with a cloth or a runner, and chairs on the other sides."""
    material = one_of(
        rng, Material.PLANKS, Material.WOOD, Material.WOOD, Material.STONE, Material.PAINT, Material.FABRIC
    )
    colour = (
        palette.pick(rng, palette.WOODS)
        if material in (Material.PLANKS, Material.WOOD)
        else palette.any_colour(rng)
    )
    b.boxes([0, 0, TOP - 0.02], [*(2 * half), 0.04], material, colour)
    furniture.legs(b, 2 * half, TOP - 0.04, 0.06, Material.WOOD, colour * 0.8)
    if rng.random() < 0.4:
        b.boxes(
            [0, 0, TOP + 0.001],
            [*(2 * half * rng.uniform(0.4, 0.8, 2)), 0.003],
            Material.RUG,
            palette.any_colour(rng, 1.0),
        )
    wood = palette.pick(rng, palette.WOODS)
    furniture.chair(b.at([rng.uniform(-0.3, 0.3), half[1] + 0.25, 0], np.pi), rng, wood)
    for side in (-1, 1):
        furniture.chair(b.at([side * (half[0] + 0.3), rng.normal(0, 0.1), 0], side * np.pi / 2), rng, wood)


def spread(b: Builder, rng: np.random.Generator, half: np.ndarray) -> None:
    """Things on the table, none into another."""
    taken: list[np.ndarray] = []
    for _ in range(rng.integers(10, 32)):
        at = rng.uniform(-0.88, 0.88, 2) * half
        if all(np.linalg.norm(at - other) > 0.15 for other in taken):
            taken.append(at)
            put(b.at([*at, TOP + 0.003], rng.uniform(0, 6.3)), rng)
    for _ in range(rng.integers(0, 6)):
        at = rng.uniform(-0.85, 0.85, 2) * half
        tableware.cutlery(b.at([*at, TOP + 0.003], rng.normal(0, 0.3)), rng)


def put(b: Builder, rng: np.random.Generator) -> None:
    """One thing, or a plate with something on it, or a plant."""
    what = rng.random()
    if what < 0.12:
        height = tableware.plate(b, rng)
        if rng.random() < 0.6:
            (tableware.fruit if rng.random() < 0.6 else tableware.bowl)(b.at([0, 0, height]), rng)
    elif what < 0.2:
        plants.pot_plant(b, rng, rng.uniform(0.14, 0.4))
    elif what < 0.26:
        furniture.vase(b, rng, rng.uniform(0.12, 0.3))
    else:
        SMALL[rng.integers(len(SMALL))](b, rng)
