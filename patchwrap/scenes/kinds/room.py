"""A furnished room with windows."""

from dataclasses import dataclass

import numpy as np

from patchwrap.scenes import buildings, furniture, light, palette, people, placement, plants, tableware
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.light import Atmosphere, Lamp, Lighting, develop, triple, warmth
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number, Values
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch


@dataclass(frozen=True)
class Shell:
    """Inner size of a room centred on the origin; its walls 0 to 3 look towards +y, -x, -y, +x."""

    width: float
    depth: float
    height: float

    def wall(self, b: Builder, index: int) -> tuple[Builder, float]:
        """A frame with x along the wall and y into the room, and the wall's length."""
        at = [(0, -self.depth / 2), (self.width / 2, 0), (0, self.depth / 2), (-self.width / 2, 0)][index]
        return b.at([*at, 0], index * np.pi / 2), self.depth if index % 2 else self.width


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    shell = Shell(rng.uniform(3, 7), rng.uniform(3.5, 9), rng.uniform(2.3, 3.2))
    floor_and_ceiling(b, rng, shell)
    paint, trim = (
        palette.pick(rng, palette.WALLS),
        palette.hsv(0.1, rng.uniform(0, 0.1), rng.uniform(0.75, 0.95)),
    )
    open_walls = set(rng.choice(4, rng.integers(1, 3), replace=False).tolist())
    for index in range(4):
        frame, length = shell.wall(b, index)
        colour = palette.pick(rng, palette.WALLS) if rng.random() < 0.2 else paint
        wall(frame, rng, length, shell.height, colour, trim, index in open_walls)
        along_wall(frame, rng, length, shell.height, index in open_walls)
    centrepiece(b, rng, shell)
    outside(b, rng)
    lighting, air = illuminate(b, rng, shell)
    return lambda r: sample(r, shell), lighting, air


def sample(rng: np.random.Generator, shell: Shell) -> Camera:
    """Near a wall or a corner, looking across."""
    angle = rng.uniform(0, 2 * np.pi)
    reach = np.array([shell.width / 2 - 0.35, shell.depth / 2 - 0.35])
    at = np.clip(np.array([np.cos(angle), np.sin(angle)]) * reach * 1.3, -reach, reach) * rng.uniform(0.6, 1)
    yaw = np.arctan2(at[0], -at[1]) + rng.normal(0, 0.3)
    height = np.clip(rng.normal(1.4, 0.25), 0.6, shell.height - 0.4)
    pitch = random_pitch(rng, mean=-6)
    return Camera((*at, height), yaw, pitch, rng.normal(0, 0.02), max(random_fov(rng), np.radians(52)), 0.05)


def floor_and_ceiling(b: Builder, rng: np.random.Generator, shell: Shell) -> None:
    """Boards, tiles or carpet, a ceiling, sometimes with beams, and rugs."""
    w, d, h = shell.width, shell.depth, shell.height
    material = one_of(
        rng, Material.PLANKS, Material.PLANKS, Material.TILES, Material.FABRIC, Material.CONCRETE
    )
    colour = palette.pick(
        rng, palette.WOODS if material == Material.PLANKS else palette.WALLS + palette.STONES
    )
    b.boxes([0, 0, -0.05], [w + 0.5, d + 0.5, 0.1], material, colour)
    b.boxes(
        [0, 0, h + 0.1],
        [w + 0.6, d + 0.6, 0.2],
        Material.PLASTER,
        palette.hsv(0.1, rng.uniform(0, 0.08), rng.uniform(0.8, 0.95)),
    )
    if rng.random() < 0.2:
        y = np.arange(-d / 2 + 0.5, d / 2, rng.uniform(0.7, 1.2))
        b.boxes(
            np.column_stack([0 * y, y, 0 * y + h - 0.08]),
            [w, 0.14, 0.16],
            Material.WOOD,
            palette.pick(rng, palette.WOODS),
        )
    if rng.random() < 0.6:
        b.boxes(
            [rng.normal(0, 0.3), rng.normal(0, 0.4), 0.006],
            [min(w * 0.6, 2.6), min(d * 0.5, 3.2), 0.012],
            Material.RUG,
            palette.any_colour(rng, 1.0),
        )


def wall(
    b: Builder,
    rng: np.random.Generator,
    length: Number,
    height: Number,
    colour: Values,
    trim: np.ndarray,
    window: bool,
) -> None:
    """A wall along x with its inner face at y = 0, perhaps with a window, and its skirting."""
    t, material = 0.22, one_of(rng, *[Material.PLASTER] * 6, Material.BRICK, Material.PLANKS)
    full = length + 2 * t
    b.boxes([0, 0.008, 0.05], [length, 0.016, 0.1], Material.PAINT, trim)
    if not window:
        b.boxes([0, -t / 2, height / 2], [full, t, height + 0.1], material, colour)
        return
    w = min(length * rng.uniform(0.25, 0.6), 3.0)
    x, low, high = (
        rng.uniform(-0.4, 0.4) * (length - w - 0.3),
        rng.choice([0.1, 0.8, 0.95]),
        height - rng.uniform(0.15, 0.5),
    )
    left, right = x - w / 2 + full / 2, full / 2 - x - w / 2
    b.boxes(
        [[-full / 2 + left / 2, -t / 2, height / 2], [full / 2 - right / 2, -t / 2, height / 2]],
        [[left, t, height + 0.1], [right, t, height + 0.1]],
        material,
        colour,
    )
    b.boxes(
        [[x, -t / 2, low / 2], [x, -t / 2, (high + height + 0.1) / 2]],
        [[w, t, low], [w, t, height + 0.1 - high]],
        material,
        colour,
    )
    panes = max(1, round(w / 0.8))
    bars = np.linspace(x - w / 2 + 0.03, x + w / 2 - 0.03, panes + 1)
    b.boxes([[v, -0.12, (low + high) / 2] for v in bars], [0.06, 0.06, high - low], Material.PAINT, trim)
    b.boxes(
        [[x, -0.12, v] for v in (low + 0.03, high - 0.03, low + (high - low) * 0.7)],
        [w, 0.05, 0.06],
        Material.PAINT,
        trim,
    )
    b.boxes([x, 0.04, low - 0.02], [w + 0.2, 0.25, 0.04], Material.WOOD, trim)
    if rng.random() < 0.55:
        cloth, side = palette.any_colour(rng), w * 0.28
        furniture.curtain(b.at([x - w / 2 - side * 0.6, 0.1, 0.05]), rng, side, height - 0.15, cloth)
        furniture.curtain(b.at([x + w / 2 - side * 0.4, 0.1, 0.05]), rng, side, height - 0.15, cloth)
        b.rods(
            [x - w * 0.8, 0.1, height - 0.1],
            [x + w * 0.8, 0.1, height - 0.1],
            0.015,
            Material.METAL,
            trim * 0.5,
        )
    if rng.random() < 0.4:
        plants.pot_plant(b.at([x + rng.uniform(-0.3, 0.3) * w, 0.06, low]), rng, rng.uniform(0.2, 0.45))


def along_wall(b: Builder, rng: np.random.Generator, length: Number, height: Number, window: bool) -> None:
    """Furniture with its back to the wall, left to right, and pictures above the low pieces."""
    x = -length / 2 + rng.uniform(0.7, 1.0)
    end = length / 2 - 0.6
    while x < end - 0.4:
        width = min(rng.uniform(0.6, 2.0), end - x)
        spot = b.at([x + width / 2, 0.03, 0])
        low = against(spot, rng, width, height, window)
        if low and not window and rng.random() < 0.7:
            frame = rng.uniform(0.3, 0.8)
            furniture.picture(
                b.at([x + width / 2, 0, rng.uniform(1.45, 1.65)]), rng, frame, frame * rng.uniform(0.6, 1.3)
            )
        x += width + rng.uniform(0.1, 0.7)


def against(b: Builder, rng: np.random.Generator, width: Number, height: Number, window: bool) -> bool:
    """One piece of furniture; returns whether the wall above it is free."""
    what = rng.integers(10)
    if what <= 1 and not window:
        furniture.shelf(b.at([0, 0.18, 0]), rng, width, min(rng.uniform(0.8, 2.2), height - 0.2))
        return False
    if what == 2:
        furniture.sofa(b.at([0, 0.52, 0]), rng, max(width, 0.9))
    elif what == 3 and not window and width > 0.9:
        furniture.door(b, rng)
        return False
    elif what in (4, 5):
        tall = rng.choice([0.5, 0.8, 0.95]) if window or rng.random() < 0.7 else 1.95
        furniture.cabinet(b.at([0, 0.27, 0]), rng, width, tall)
        dress(b.at([0, 0.27, tall]), rng, width)
        return bool(tall < 1.2)
    elif what == 6:
        furniture.table(b.at([0, 0.4, 0]), rng, (max(width, 0.8), 0.65))
        furniture.screen(b.at([0, 0.3, 0.74]), rng, 0.55)
        furniture.chair(b.at([rng.normal(0, 0.1), 0.95, 0], np.pi + rng.normal(0, 0.4)), rng)
    elif what == 7:
        plants.pot_plant(b.at([0, 0.35, 0]), rng, rng.uniform(0.6, 1.7))
    elif what == 8:
        furniture.floor_lamp(b.at([0, 0.3, 0]), rng, lit=rng.random() < 0.5)
    return True


def dress(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """Small things on a piece of furniture."""
    for x in rng.uniform(-0.4, 0.4, rng.integers(1, 4)) * width:
        small = [tableware.book_pile, tableware.bowl, tableware.candle, tableware.cup, tableware.box]
        spot = b.at([x, rng.uniform(-0.08, 0.08), 0.0], rng.uniform(0, 6))
        if rng.random() < 0.4:
            furniture.vase(spot, rng, rng.uniform(0.15, 0.4))
        else:
            small[rng.integers(len(small))](spot, rng)


def centrepiece(b: Builder, rng: np.random.Generator, shell: Shell) -> None:
    """What stands in the middle: a dining table, a sofa group or a bed."""
    spot = b.at([rng.normal(0, 0.2), rng.normal(0, 0.3), 0], rng.choice([0, 0.5, 1, 1.5]) * np.pi)
    what = rng.integers(4)
    if what <= 1:
        size = (rng.uniform(1.0, 1.8), rng.uniform(0.75, 1.0))
        furniture.table(spot, rng, size)
        wood = palette.pick(rng, palette.WOODS)
        for side in (0, np.pi):
            for x in np.linspace(-1, 1, max(1, int(size[0] / 0.62))) * (size[0] / 2 - 0.35):
                y = -(size[1] / 2 + rng.uniform(-0.05, 0.3))
                furniture.chair(
                    spot.at([x * np.cos(side), y * np.cos(side), 0], side + rng.normal(0, 0.15)), rng, wood
                )
        dress(spot.at([0, 0, 0.74]), rng, size[0])
    elif what == 2:
        furniture.table(spot.at([0, 0, 0]), rng, (1.0, 0.6), 0.42)
        dress(spot.at([0, 0, 0.42]), rng, 0.9)
        furniture.sofa(spot.at([0, -1.1, 0]), rng, rng.uniform(1.5, 2.2))
        furniture.sofa(spot.at([1.3, 0.3, 0], 1.8), rng, 0.9)
    else:
        furniture.bed(spot, rng)
    if rng.random() < 0.12:
        people.person(
            b.at(
                [rng.uniform(-0.3, 0.3) * shell.width, rng.uniform(-0.3, 0.3) * shell.depth, 0],
                rng.uniform(0, 6),
            ),
            rng,
        )


def outside(b: Builder, rng: np.random.Generator) -> None:
    """What the windows look out on."""
    # Below the floor: at its height the two would fight for the same pixels.
    lawn = placement.placed([[0, 0, -0.6]])
    b.add(shapes.ground(), Material.GRASS, lawn, palette.hsv(0.25, 0.5, 0.4))
    drop = b.at([0, 0, -0.6])
    foliage = plants.Foliage(rng)
    for k in range(7):
        angle, away = k * 0.9 + rng.uniform(0, 0.5), rng.uniform(11, 40)
        at = drop.at([np.cos(angle) * away, np.sin(angle) * away, 0], angle + np.pi / 2 * 3 + np.pi)
        if rng.random() < 0.5:
            plants.tree(at, rng, foliage, rng.uniform(5, 10), 40)
        else:
            buildings.house(at.at([0, 0, 0]), rng, 9, 8, 2, 0)


def illuminate(b: Builder, rng: np.random.Generator, shell: Shell) -> tuple[Lighting, Atmosphere]:
    """Daylight through the windows, or lamps in the evening."""
    w, d, h = shell.width, shell.depth, shell.height
    day = rng.random() < 0.6
    sky, air = light.outdoors(rng, (0, 0, 1), max(w, d), (300, 3000))
    drop = rng.uniform(0.3, 0.8)
    furniture.pendant(b.at([0, 0, 0]), rng, h, drop)
    bulb = warmth(rng.uniform(2700, 4500))
    places = [
        (rng.uniform(-0.4, 0.4) * w, rng.uniform(-0.4, 0.4) * d, rng.uniform(1.2, h - 0.2)) for _ in range(2)
    ]
    lamps = tuple(Lamp(triple(p), triple(bulb * rng.uniform(0.05, 0.25)), 1.3) for p in places)
    develop_ = develop(rng)
    if day:
        ambient = np.asarray(sky.above) * rng.uniform(0.25, 0.5) + 0.04
        direction = np.asarray(sky.direction)
        lighting = Lighting(
            triple(direction),
            triple(np.asarray(sky.key) * 1.6),
            triple(ambient),
            triple(ambient * 0.75),
            lamps,
            None,
            (0, 0, 1.2),
            max(w, d) * 0.75 + 1.5,
            rng.uniform(0.35, 0.6),
        )
        return lighting, Atmosphere(
            air.zenith, air.horizon, air.haze, 1e-3, air.clouds, air.cloud_seed, **develop_
        )
    ambient = bulb * rng.uniform(0.05, 0.14)
    night = rng.random() < 0.6
    dim = 0.03 if night else 0.5
    lighting = Lighting(
        (0.3, 0.2, 0.93),
        triple(bulb * rng.uniform(0.6, 1.0)),
        triple(ambient),
        triple(ambient * 0.9),
        lamps,
        (0.0, 0.0, h - drop - 0.25),
        (0, 0, 1),
        5,
        rng.uniform(0.35, 0.6),
    )
    return lighting, Atmosphere(
        triple(np.asarray(air.zenith) * dim),
        triple(np.asarray(air.horizon) * dim),
        air.haze,
        1e-4,
        0.2,
        0,
        **develop_,
    )
