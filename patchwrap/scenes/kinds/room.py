"""A furnished room with windows."""

from dataclasses import dataclass

import numpy as np

from patchwrap.scenes import (
    animals,
    buildings,
    furniture,
    household,
    light,
    palette,
    people,
    placement,
    plants,
    playthings,
    roadside,
    seating,
    stationery,
    tableware,
    tools,
    vehicles,
)
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.families import family
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.light import Atmosphere, Lamp, Lighting, develop, triple, warmth
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number, Values
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch

FAMILIES = (
    "table", "chair", "sofa", "bed", "shelf", "books", "cabinet", "vase", "floor lamp", "pendant lamp", "picture", "screen",
    "door", "curtain", "window", "pot plant", "rug", "radiator", "guitar", "ceiling fan", "drying rack", "coat stand", "wall clock",
    "kitchen counter", "banister stairs", "basket", "mirror", "office chair", "stool", "ladder", "laptop", "desk lamp", "pen pot",
    "archway", "person", "cat", "dog", "ball", "toy blocks", "toy lorry", "tricycle", "bicycle", "bouquet", "teapot", "bowl",
    "pile of books", "candle", "cup", "carton", "broad-leaved tree", "house",
)  # fmt: skip


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
    taken = Layout()
    centrepiece(b, rng, shell, taken)
    loose(b, rng, shell, taken)
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
    material = one_of(rng, Material.PLANKS, Material.PLANKS, Material.TILES, Material.FABRIC, Material.CONCRETE)
    colour = palette.pick(rng, palette.WOODS if material == Material.PLANKS else palette.WALLS + palette.STONES)
    b.boxes([0, 0, -0.05], [w + 0.5, d + 0.5, 0.1], material, colour)
    white = palette.hsv(0.1, rng.uniform(0, 0.08), rng.uniform(0.8, 0.95))
    b.boxes([0, 0, h + 0.1], [w + 0.6, d + 0.6, 0.2], Material.PLASTER, white)
    if rng.random() < 0.2:
        joists(b, rng, shell)
    if rng.random() < 0.6:
        rug(b.at([rng.normal(0, 0.3), rng.normal(0, 0.4), 0]), rng, (min(w * 0.6, 2.6), min(d * 0.5, 3.2)))
    if rng.random() < 0.25:
        household.ceiling_fan(b.at([0, d * 0.22, 0]), rng, h)


def joists(b: Builder, rng: np.random.Generator, shell: Shell) -> None:
    """Beams under the ceiling."""
    y = np.arange(-shell.depth / 2 + 0.5, shell.depth / 2, rng.uniform(0.7, 1.2))
    at = np.column_stack([0 * y, y, 0 * y + shell.height - 0.08])
    b.boxes(at, [shell.width, 0.14, 0.16], Material.WOOD, palette.pick(rng, palette.WOODS))


@family("rug")
def rug(b: Builder, rng: np.random.Generator, size: tuple[Number, Number]) -> None:
    """A patterned carpet with fringes at its ends."""
    b.boxes([0, 0, 0.006], [*size, 0.012], Material.RUG, palette.any_colour(rng, 1.0))
    x = np.arange(-size[0] / 2 + 0.01, size[0] / 2, 0.03)
    for s in (-1, 1):
        root = np.stack([x, 0 * x + s * size[1] / 2, 0 * x + 0.006], -1)
        b.rods(root, root + np.stack([rng.normal(0, 0.008, len(x)), 0 * x + s * 0.06, 0 * x - 0.002], -1), 0.002, Material.FABRIC, palette.hsv(0.12, 0.2, 0.8), sides=3)


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
    pierced(b, rng, (length, height), material, colour, trim)


@family("window")
def pierced(
    b: Builder, rng: np.random.Generator, size: tuple[Number, Number], material: Material, colour: Values, trim: np.ndarray
) -> None:
    """The wall around a window, and what belongs to that."""
    length, height = size
    w = min(length * rng.uniform(0.25, 0.6), 3.0)
    x, low = rng.uniform(-0.4, 0.4) * (length - w - 0.3), rng.choice([0.1, 0.8, 0.95])
    opening = (x, w, low, height - rng.uniform(0.15, 0.5))
    masonry(b, size, opening, material, colour)
    glazing(b, opening, trim)
    if rng.random() < 0.55:
        curtains(b, rng, (x, w, height), trim)
    elif rng.random() < 0.5:
        household.radiator(b.at([x, 0, 0]), rng, min(w, 1.6))
    if rng.random() < 0.4:
        plants.pot_plant(b.at([x + rng.uniform(-0.3, 0.3) * w, 0.06, low]), rng, rng.uniform(0.2, 0.45))


def masonry(
    b: Builder,
    size: tuple[Number, Number],
    opening: tuple[Number, Number, Number, Number],
    material: Material,
    colour: Values,
) -> None:
    """A wall of a length and a height around an ``(x, width, low, high)`` opening."""
    (length, height), (x, w, low, high), t = size, opening, 0.22
    full = length + 2 * t
    left, right = x - w / 2 + full / 2, full / 2 - x - w / 2
    beside = [[-full / 2 + left / 2, -t / 2, height / 2], [full / 2 - right / 2, -t / 2, height / 2]]
    b.boxes(beside, [[left, t, height + 0.1], [right, t, height + 0.1]], material, colour)
    over = [[x, -t / 2, low / 2], [x, -t / 2, (high + height + 0.1) / 2]]
    b.boxes(over, [[w, t, low], [w, t, height + 0.1 - high]], material, colour)


def glazing(b: Builder, opening: tuple[Number, Number, Number, Number], trim: np.ndarray) -> None:
    """Frame, bars and sill of an ``(x, width, low, high)`` opening."""
    x, w, low, high = opening
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


def curtains(b: Builder, rng: np.random.Generator, opening: tuple[Number, Number, Number], trim: np.ndarray) -> None:
    """Two curtains on a rail beside an ``(x, width)`` opening, ``height`` the room's."""
    (x, w, height), cloth = opening, palette.any_colour(rng)
    side = w * 0.28
    for left in (x - w / 2 - side * 0.6, x + w / 2 - side * 0.4):
        furniture.curtain(b.at([left, 0.1, 0.05]), rng, side, height - 0.15, cloth)
    ends = np.array([[x + s * w * 0.8, 0.1, height - 0.1] for s in (-1, 1)])
    b.rods(ends[0], ends[1], 0.015, Material.METAL, trim * 0.5)


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
    tall = TALL[rng.integers(len(TALL))] if not window and rng.random() < 0.45 else None
    if tall is not None:
        tall(b, rng, width, height)
        return False
    LOW[rng.integers(len(LOW))](b, rng, width)
    return True


def bookcase(b: Builder, rng: np.random.Generator, width: Number, height: Number) -> None:
    """A shelf as high as fits."""
    furniture.shelf(b.at([0, 0.18, 0]), rng, width, min(rng.uniform(0.8, 2.2), height - 0.2))


def doorway(b: Builder, rng: np.random.Generator, width: Number, height: Number) -> None:
    """A door, or a niche under an arch."""
    if width < 1.0:
        bookcase(b, rng, width, height)
    elif rng.random() < 0.7:
        furniture.door(b, rng)
    else:
        roadside.archway(b.at([0, 0.1, 0]), rng, min(width - 0.9, 1.0), min(2.1, height - 0.5), 0.2)


def wardrobe(b: Builder, rng: np.random.Generator, width: Number, height: Number) -> None:
    """A tall cupboard."""
    furniture.cabinet(b.at([0, 0.27, 0]), rng, width, min(1.95, height - 0.2))


def kitchenette(b: Builder, rng: np.random.Generator, width: Number, height: Number) -> None:
    """A kitchen counter, or a mirror where it would be too narrow."""
    if width > 1.1:
        household.kitchen(b, rng, width)
    else:
        household.mirror(b.at([0, 0.1, 0]), rng)


def upstairs(b: Builder, rng: np.random.Generator, width: Number, height: Number) -> None:
    """Stairs along the wall, or a clock over a coat stand."""
    if width > 1.5:
        household.staircase(b.at([-width / 2, -0.02, 0]), rng, height)
    else:
        household.clock(b.at([0, 0, 1.75]), rng)
        household.coat_stand(b.at([0, 0.35, 0]), rng)


def desk(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """A table with a screen or a laptop, a lamp, pens and a chair."""
    furniture.table(b.at([0, 0.4, 0]), rng, (max(width, 0.9), 0.65))
    furniture.screen(b.at([0, 0.3, 0.74]), rng, 0.55) if rng.random() < 0.5 else stationery.laptop(b.at([0, 0.4, 0.745], np.pi), rng)
    stationery.desk_lamp(b.at([-0.33, 0.25, 0.745], rng.uniform(0, 1.5)), rng)
    stationery.pen_pot(b.at([0.33, 0.25, 0.745]), rng)
    seat = b.at([rng.normal(0, 0.1), 1.0, 0], np.pi + rng.normal(0, 0.4))
    (seating.office_chair if rng.random() < 0.5 else furniture.chair)(seat, rng)
    if rng.random() < 0.2:
        people.person(seat.at([0, 0, -0.04]), rng, 1.7, "sit")


def sideboard(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """A low cabinet with things on it."""
    tall = rng.choice([0.5, 0.8, 0.95])
    furniture.cabinet(b.at([0, 0.27, 0]), rng, width, tall)
    dress(b.at([0, 0.27, tall]), rng, width)


def couch(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """A sofa or an armchair, sometimes with somebody on it."""
    furniture.sofa(b.at([0, 0.52, 0]), rng, max(width, 0.9))
    if rng.random() < 0.2:
        people.person(b.at([0, 0.56, -0.02]), rng, 1.7, "sit")


def corner(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """One slim thing on the floor."""
    slim = (
        lambda at: plants.pot_plant(at, rng, rng.uniform(0.6, 1.7)), lambda at: plants.pot_plant(at, rng, rng.uniform(0.6, 1.7)),
        lambda at: furniture.floor_lamp(at, rng, lit=rng.random() < 0.5), lambda at: household.guitar(at.at([0, -0.15, 0]), rng),
        lambda at: household.basket(at, rng), lambda at: household.coat_stand(at, rng), lambda at: seating.stool(at, rng),
        lambda at: household.radiator(at.at([0, -0.35, 0]), rng, max(width * 0.7, 0.5)),
    )  # fmt: skip
    slim[rng.integers(len(slim))](b.at([0, 0.36, 0]))


TALL = (bookcase, bookcase, doorway, doorway, wardrobe, kitchenette, upstairs)
LOW = (couch, couch, sideboard, sideboard, desk, desk, corner, corner, corner)


def dress(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """Small things on a piece of furniture."""
    for x in rng.uniform(-0.4, 0.4, rng.integers(1, 4)) * width:
        small = (tableware.book_pile, tableware.bowl, tableware.candle, tableware.cup, tableware.box, tableware.bouquet,
                 tableware.teapot, tableware.wire_basket, stationery.desk_lamp, stationery.photo_camera)  # fmt: skip
        spot = b.at([x, rng.uniform(-0.08, 0.08), 0.0], rng.uniform(0, 6))
        if rng.random() < 0.4:
            furniture.vase(spot, rng, rng.uniform(0.15, 0.4))
        else:
            small[rng.integers(len(small))](spot, rng)


def centrepiece(b: Builder, rng: np.random.Generator, shell: Shell, taken: Layout) -> None:
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
    taken.claim(spot.matrix[:2, 3], 1.5 if what > 1 else 1.25)


def loose(b: Builder, rng: np.random.Generator, shell: Shell, taken: Layout) -> None:
    """People, pets, toys and things left standing on the free floor."""
    things = (
        (people.person, 0.35), (people.person, 0.35), (people.person, 0.35), (animals.cat, 0.3), (animals.dog, 0.45),
        (playthings.ball, 0.15), (playthings.blocks, 0.3), (playthings.toy_lorry, 0.25), (playthings.tricycle, 0.5),
        (household.drying_rack, 0.95), (household.basket, 0.3), (seating.stool, 0.3), (vehicles.bicycle, 0.9), (tools.ladder, 0.9),
        (seating.office_chair, 0.4),
    )  # fmt: skip
    half = np.array([shell.width / 2 - 0.9, shell.depth / 2 - 0.9])
    for _ in range(rng.integers(0, 5)):
        put, radius = things[rng.integers(len(things))]
        at = taken.find(rng, -half, half, radius, 4) if half.min() > 0.2 else None
        if at is not None:
            put(b.at(at, rng.uniform(0, 6)), rng)


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
    day = rng.random() < 0.6
    sky, air = light.outdoors(rng, (0, 0, 1), max(shell.width, shell.depth), (300, 3000))
    drop = rng.uniform(0.3, 0.8)
    furniture.pendant(b.at([0, 0, 0]), rng, shell.height, drop)
    bulb = warmth(rng.uniform(2700, 4500))
    lamps = small_lamps(rng, shell, bulb)
    developed = develop(rng)
    if day:
        return daylight(rng, shell, sky, lamps), Atmosphere(
            air.zenith, air.horizon, air.haze, 1e-3, air.clouds, air.cloud_seed, **developed
        )
    return evening(rng, air, bulb, lamps, shell.height - drop - 0.25, developed)


def small_lamps(rng: np.random.Generator, shell: Shell, bulb: np.ndarray) -> tuple[Lamp, ...]:
    """Two weak lamps somewhere in the room."""
    w, d, h = shell.width, shell.depth, shell.height
    places = [
        (rng.uniform(-0.4, 0.4) * w, rng.uniform(-0.4, 0.4) * d, rng.uniform(1.2, h - 0.2)) for _ in range(2)
    ]
    return tuple(Lamp(triple(p), triple(bulb * rng.uniform(0.05, 0.25)), 1.3) for p in places)


def daylight(rng: np.random.Generator, shell: Shell, sky: Lighting, lamps: tuple[Lamp, ...]) -> Lighting:
    """The sun through the windows, and what the room reflects of it."""
    ambient = np.asarray(sky.above) * rng.uniform(0.25, 0.5) + 0.04
    return Lighting(sky.direction, triple(np.asarray(sky.key) * 1.6), triple(ambient), triple(ambient * 0.75), lamps,
                    None, (0, 0, 1.2), max(shell.width, shell.depth) * 0.75 + 1.5, rng.uniform(0.35, 0.6))  # fmt: skip


def evening(
    rng: np.random.Generator,
    air: Atmosphere,
    bulb: np.ndarray,
    lamps: tuple[Lamp, ...],
    height: Number,
    developed: dict,
) -> tuple[Lighting, Atmosphere]:
    """A lamp under the ceiling at ``height``, and dusk or night outside."""
    ambient = bulb * rng.uniform(0.05, 0.14)
    dim = 0.03 if rng.random() < 0.6 else 0.5
    lighting = Lighting((0.3, 0.2, 0.93), triple(bulb * rng.uniform(0.6, 1.0)), triple(ambient), triple(ambient * 0.9),
                        lamps, (0.0, 0.0, height), (0, 0, 1), 5, rng.uniform(0.35, 0.6))  # fmt: skip
    zenith, horizon = (triple(np.asarray(colour) * dim) for colour in (air.zenith, air.horizon))
    return lighting, Atmosphere(zenith, horizon, air.haze, 1e-4, 0.2, 0, **developed)
