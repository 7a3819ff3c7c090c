"""Close-ups of a table top with a room behind."""

from collections.abc import Callable

import numpy as np

from patchwrap.scenes import (
    furniture,
    machines,
    palette,
    people,
    placement,
    plants,
    playthings,
    stationery,
    tableware,
    tools,
)
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.families import family
from patchwrap.scenes.kinds import room
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov

TOP = 0.75
FAMILIES = (
    "bottle", "cup", "glass", "plate", "bowl", "fruit", "pile of books", "cutlery", "candle", "carton", "bread", "teapot", "whisk",
    "bouquet", "cake", "wire basket", "pepper mill", "cutting board", "laptop", "spectacles", "scissors", "pen pot", "headphones",
    "desk lamp", "phone", "camera", "toy blocks", "toy lorry", "ball", "hammer", "screwdrivers", "pliers", "paint tin", "plane",
    "pot plant", "vase", "chair", "napkin", "person", "cabinet", "window",
)  # fmt: skip
MEAL = (
    tableware.bottle, tableware.bottle, tableware.cup, tableware.cup, tableware.glass, tableware.glass, tableware.bowl,
    tableware.fruit, tableware.fruit, tableware.candle, tableware.box, tableware.bread, tableware.teapot, tableware.whisk,
    tableware.bouquet, tableware.cake, tableware.wire_basket, tableware.mill, tableware.cutting_board,
)  # fmt: skip
WORK = (
    tableware.book_pile, tableware.book_pile, tableware.cup, tableware.box, stationery.laptop, stationery.spectacles,
    stationery.scissors, stationery.pen_pot, stationery.headphones, stationery.desk_lamp, stationery.phone,
    stationery.photo_camera, tableware.bouquet, tableware.fruit,
)  # fmt: skip
CRAFT = (
    playthings.blocks, playthings.toy_lorry, playthings.ball, tools.hammer, tools.screwdrivers, tools.pliers, machines.tin,
    machines.plane, stationery.scissors, stationery.pen_pot, tableware.cup, tableware.box,
)  # fmt: skip


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
    away, lift = rng.uniform(0.26, 0.75), rng.uniform(0.1, 0.6)
    at = np.array([rng.uniform(-0.6, 0.6) * half[0], -half[1] - away])
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
    wooden = material in (Material.PLANKS, Material.WOOD)
    colour = palette.pick(rng, palette.WOODS) if wooden else palette.any_colour(rng)
    b.boxes([0, 0, TOP - 0.02], [*(2 * half), 0.04], material, colour)
    furniture.legs(b, 2 * half, TOP - 0.04, 0.06, Material.WOOD, colour * 0.8)
    if rng.random() < 0.4:
        size = [*(2 * half * rng.uniform(0.4, 0.8, 2)), 0.003]
        b.boxes([0, 0, TOP + 0.001], size, Material.RUG, palette.any_colour(rng, 1.0))
    chairs(b, rng, half)


def chairs(b: Builder, rng: np.random.Generator, half: np.ndarray) -> None:
    """Three chairs around the table, now and then with somebody on one."""
    wood = palette.pick(rng, palette.WOODS)
    seats = [b.at([rng.uniform(-0.3, 0.3), half[1] + 0.25, 0], np.pi)]
    seats += [b.at([side * (half[0] + 0.3), rng.normal(0, 0.1), 0], side * np.pi / 2) for side in (-1, 1)]
    for seat in seats:
        furniture.chair(seat, rng, wood)
        if rng.random() < 0.15:
            people.person(seat.at([0, -0.05, -0.04]), rng, 1.7, "sit")


def spread(b: Builder, rng: np.random.Generator, half: np.ndarray) -> None:
    """Things on the table, none into another, most of one theme."""
    things = (MEAL, MEAL, WORK, CRAFT)[rng.integers(4)]
    taken = Layout()
    for _ in range(rng.integers(12, 40)):
        at = rng.uniform(-0.86, 0.86, 2) * half
        what = things if rng.random() < 0.85 else (*MEAL, *WORK)
        index = rng.integers(len(what))
        if taken.claim(at, 0.17 if what[index] in WIDE else 0.085):
            put(b.at([*at, TOP + 0.003], rng.uniform(0, 6.3)), rng, what[index])
    for _ in range(rng.integers(0, 7)):
        at = rng.uniform(-0.85, 0.85, 2) * half
        if taken.claim(at, 0.06):
            tableware.cutlery(b.at([*at, TOP + 0.003], rng.normal(0, 0.3)), rng)
    if rng.random() < 0.3:
        at = rng.uniform(-0.7, 0.7, 2) * half
        if taken.claim(at, 0.1):
            napkin(b.at([*at, TOP + 0.003], rng.uniform(0, 6)), rng)


WIDE = (stationery.laptop, tableware.bread, tableware.cutting_board, tableware.cake, tableware.wire_basket, tableware.bowl,
        playthings.blocks, tools.screwdrivers, tableware.teapot, playthings.toy_lorry, machines.plane)  # fmt: skip


@family("napkin")
def napkin(b: Builder, rng: np.random.Generator) -> None:
    """A cloth dropped in folds."""
    u = np.linspace(-0.11, 0.11, 19)
    x, y = np.meshgrid(u, u)
    folds = 0.012 * np.sin(x * rng.uniform(40, 90) + y * rng.uniform(-60, 60)) + 0.01 * np.sin(y * 70 + 2)
    points = np.stack([x, y, 0.024 + folds * np.exp(-((x**2 + y**2) / 0.008))], -1)
    points[..., 2] -= points[..., 2].min() - 0.002
    b.add(shapes.surface(points), Material.FABRIC, placement.placed([[0, 0, 0]]), palette.any_colour(rng, 1.0))


def put(b: Builder, rng: np.random.Generator, thing: Callable[[Builder, np.random.Generator], None]) -> None:
    """One thing, or a plate with something on it, or a plant."""
    what = rng.random()
    if what < 0.1:
        height = tableware.plate(b, rng)
        if rng.random() < 0.6:
            (tableware.fruit if rng.random() < 0.6 else tableware.bowl)(b.at([0, 0, height]), rng)
    elif what < 0.16:
        plants.pot_plant(b, rng, rng.uniform(0.14, 0.4))
    elif what < 0.21:
        furniture.vase(b, rng, rng.uniform(0.12, 0.3))
    elif thing is playthings.ball:
        playthings.ball(b, rng, 0.034)
    else:
        thing(b, rng)
