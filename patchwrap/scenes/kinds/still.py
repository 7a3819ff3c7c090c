"""Still lifes: things crowded on a table before a close backdrop, seen nearly level; there is no floor to tell depth by."""

from collections.abc import Callable

import numpy as np

from patchwrap.scenes import (
    animals,
    furniture,
    household,
    light,
    machines,
    palette,
    plants,
    playthings,
    props,
    stationery,
    tableware,
    tools,
)
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.kinds import room, table
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.light import Atmosphere, Lamp, Lighting, develop, triple, warmth
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting

TOP = 0.75
FAMILIES = (
    "plaster bust", "cone", "ring on a stand", "leaning board", "roll", "jug", "sticks in a pot", "fleshy plant", "crumpled cloth",
    "backdrop cloth", "poster wall", "solids", "vase", "pot plant", "bottle", "bowl", "fruit", "teapot", "bouquet", "candle",
    "carton", "pile of books", "wire basket", "toy blocks", "toy lorry", "ball", "cat", "dog", "bird", "desk lamp", "camera",
    "paint tin", "watering can", "basket", "shelf", "window",
)  # fmt: skip
Put = Callable[[Builder, np.random.Generator], None]
# What stands on the table, the radius in metres that it needs, and the bounds of its enlargement.
THINGS: tuple[tuple[Put, Number, Number], ...] = (
    (props.bust, 0.13, 1.4), (props.bust, 0.13, 1.4), (props.cone, 0.12, 1.2), (props.ring, 0.14, 1.5), (props.ring, 0.14, 1.5),
    (props.board, 0.2, 1.3), (props.board, 0.2, 1.3), (props.roll, 0.2, 1.2), (props.jug, 0.14, 1.4), (props.jug, 0.14, 1.4),
    (props.sticks, 0.07, 1.5), (props.sticks, 0.07, 1.5), (props.succulent, 0.15, 1.4), (props.succulent, 0.15, 1.4),
    (props.crumpled, 0.16, 1.5), (props.solids, 0.1, 1.6), (props.solids, 0.1, 1.6),
    (lambda b, r: furniture.vase(b, r, r.uniform(0.15, 0.5)), 0.13, 1.3), (lambda b, r: plants.pot_plant(b, r, r.uniform(0.2, 0.7)), 0.14, 1.3),
    (tableware.bottle, 0.06, 1.5), (tableware.bowl, 0.1, 1.5), (tableware.fruit, 0.05, 1.8), (tableware.teapot, 0.14, 1.6),
    (tableware.bouquet, 0.08, 1.8), (tableware.candle, 0.06, 1.5), (tableware.box, 0.1, 2.2), (tableware.book_pile, 0.14, 1.3),
    (tableware.wire_basket, 0.15, 1.5), (playthings.blocks, 0.15, 1.8), (playthings.toy_lorry, 0.15, 1.6),
    (lambda b, r: playthings.ball(b, r, r.uniform(0.04, 0.13)), 0.09, 1.0), (stationery.desk_lamp, 0.12, 1.2),
    (stationery.photo_camera, 0.08, 1.8), (machines.tin, 0.1, 1.4), (tools.watering_can, 0.16, 1.0), (household.basket, 0.2, 0.9),
    (lambda b, r: (animals.cat, animals.dog, animals.bird)[r.integers(3)](b.at([0, 0, 0], 0, r.uniform(0.35, 0.7)), r), 0.17, 1.0),
)  # fmt: skip


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    half, deep = rng.uniform(0.45, 1.0), rng.uniform(0.4, 1.1)
    shell = room.Shell(rng.uniform(4, 6), rng.uniform(5, 8), rng.uniform(2.4, 3.2))
    table.behind(b, rng, shell)
    stand(b, rng, half, deep)
    behind(b.at([0, deep + rng.uniform(0.01, 0.5), TOP]), rng, deep)
    crowd(b, rng, half, deep)
    lighting, air = illuminate(b, rng, shell)
    return lambda r: sample(r, half, deep), lighting, air


def sample(rng: np.random.Generator, half: Number, deep: Number) -> Camera:
    """From an easel: before the table's edge, level or looking down a little."""
    away, lift = rng.uniform(0.3, 1.1), rng.uniform(0.06, 0.5)
    at = np.array([rng.uniform(-0.5, 0.5) * half, -away])
    aim = np.array([rng.uniform(-0.3, 0.3) * half, rng.uniform(0.2, 0.8) * deep, rng.uniform(0.1, 0.4)])
    toward = aim[:2] - at
    pitch = np.arctan2(aim[2] - lift, np.linalg.norm(toward)) + rng.normal(0, 0.03)
    fov = np.radians(np.clip(rng.normal(50, 9), 40, 80))
    return Camera((*at, TOP + lift), np.arctan2(-toward[0], toward[1]), pitch, rng.normal(0, 0.02), float(fov), 0.03)


def stand(b: Builder, rng: np.random.Generator, half: Number, deep: Number) -> None:
    """What everything stands on, from y = 0 to ``deep``: a table, a chest, or a stone slab."""
    material, colour = props.surface_of(rng)
    if rng.random() < 0.4:
        b.boxes([0, deep / 2, TOP / 2], [2 * half, deep, TOP - 0.002], material, colour)
        return
    b.boxes([0, deep / 2, TOP - 0.022], [2 * half, deep, 0.04], material, colour)
    furniture.legs(b.at([0, deep / 2, 0]), (2 * half, deep), TOP - 0.04, 0.06, Material.WOOD, colour * 0.8)


def behind(b: Builder, rng: np.random.Generator, deep: Number) -> None:
    """A cloth, a wall with or without posters, a shelf, or the open room, behind a table whose top is z = 0."""
    width, height = rng.uniform(2.2, 3.6), rng.uniform(1.0, 1.7)
    what = rng.random()
    if what < 0.4:
        props.backdrop(b, rng, (width, height), deep * rng.uniform(0.3, 1.2))
    elif what < 0.85:
        material = one_of(rng, Material.PLASTER, Material.BRICK, Material.PLANKS, Material.PAINT, Material.PRINT, Material.FABRIC)
        colour = palette.pick(rng, palette.BRICKS if material == Material.BRICK else palette.WALLS)
        b.boxes([0, 0.05, height / 2 - 0.3], [width, 0.1, height + 0.6], material, colour)
        if what < 0.7:
            props.posters(b, rng, (width, height))
    elif what < 0.92:
        furniture.shelf(b.at([0, 0.2, -TOP]), rng, 2.4, 2.1)


def crowd(b: Builder, rng: np.random.Generator, half: Number, deep: Number) -> None:
    """Things from back to front, the tall ones rather behind, none into another."""
    taken = Layout()
    for _ in range(rng.integers(12, 50)):
        put, radius, most = THINGS[rng.integers(len(THINGS))]
        scale = rng.uniform(0.8, 1.15 * most)
        at = np.array([rng.uniform(-0.95, 0.95) * half, rng.uniform(0.06, 0.94) * deep])
        if taken.claim(at, 0.75 * radius * scale):
            turned = rng.normal(0, 0.5) if put in FACING else rng.uniform(0, 2 * np.pi)
            put(b.at([*at, TOP + 0.002], turned, scale), rng)


FACING = (props.board, props.roll, props.ring)


def illuminate(b: Builder, rng: np.random.Generator, shell: room.Shell) -> tuple[Lighting, Atmosphere]:
    """A studio's soft lamps from above and the side, or the light of the room."""
    if rng.random() < 0.35:
        return room.illuminate(b, rng, shell)
    _, air = light.outdoors(rng, (0, 0, 1), 4.0, (300, 3000))
    bulb = warmth(rng.uniform(2900, 6500))
    soft = rng.uniform(0.12, 0.6)
    places = [(rng.uniform(-1.8, 1.8), rng.uniform(-1.5, 0.5), rng.uniform(1.2, 2.3)) for _ in range(2)]
    lamps = tuple(Lamp(triple(p), triple(bulb * rng.uniform(0.05, 0.3)), 1.5) for p in places)
    key = (rng.uniform(-1.6, 1.6), rng.uniform(-1.6, -0.2), rng.uniform(1.5, 2.3))
    lighting = Lighting(
        (0.3, 0.2, 0.93), triple(bulb * rng.uniform(0.2, 1.0)), triple(bulb * soft), triple(bulb * soft * 0.8),
        lamps, key, (0, 0.4, 1), 3.0, rng.uniform(0.2, 0.5),
    )  # fmt: skip
    return lighting, Atmosphere(air.zenith, air.horizon, air.haze, 1e-3, air.clouds, air.cloud_seed, **develop(rng))
