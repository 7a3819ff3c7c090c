"""Houses from the outside: walls with real window recesses, roofs, balconies, shops."""

from dataclasses import dataclass

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.structures import railing

WALLS = (
    Material.PLASTER,
    Material.PLASTER,
    Material.BRICK,
    Material.BRICK,
    Material.CONCRETE,
    Material.STONE,
)
RECESS = 0.18


@dataclass(frozen=True)
class Style:
    """What the windows of one house have in common."""

    wall: Material
    colour: np.ndarray
    trim: np.ndarray
    window: tuple[float, float]
    floor: float
    shutters: bool
    balconies: float
    bars: int


def style(rng: np.random.Generator) -> Style:
    """A random style."""
    wall = WALLS[rng.integers(len(WALLS))]
    ranges = {Material.BRICK: palette.BRICKS, Material.STONE: palette.STONES}.get(wall, palette.WALLS)
    trim = palette.hsv(rng.random(), 0.1, 0.9) if rng.random() < 0.7 else palette.any_colour(rng)
    window = (rng.uniform(0.8, 1.5), rng.uniform(1.1, 1.9))
    return Style(wall, palette.pick(rng, ranges), trim, window, rng.uniform(2.7, 3.5), rng.random() < 0.3,
                 rng.choice([0, 0, 0.3, 0.8]), int(rng.integers(0, 3)))  # fmt: skip


@family("house")
def house(
    b: Builder, rng: np.random.Generator, width: Number, depth: Number, floors: int, detail: int
) -> None:
    """A house with its front on the x axis, facing -y, its body behind.

    Args:
        detail: 2 close by, 1 in the middle, 0 far away.
    """
    look = style(rng)
    height = floors * look.floor + 0.5
    body = depth - RECESS - 0.06
    b.boxes(
        [0, depth / 2 + RECESS / 2 + 0.03, height / 2],
        [width - 0.05, body, height - 0.02],
        look.wall,
        look.colour,
    )
    facade(b, rng, look, width, floors, detail)
    for side, yaw in ((-1, -np.pi / 2), (1, np.pi / 2)):
        if detail and rng.random() < 0.5:
            wing = b.at([side * (width / 2 + 0.04), depth / 2, 0], yaw)
            facade(wing, rng, look, depth - 0.4, floors, min(detail, 1))
    roof(b, rng, width, depth, height, look)


def openings(rng: np.random.Generator, look: Style, width: Number) -> np.ndarray:
    """Window centres along the front."""
    count = max(1, int(width / (look.window[0] * rng.uniform(1.6, 2.4))))
    return (np.arange(count) + 0.5) / count * width - width / 2


def facade(
    b: Builder, rng: np.random.Generator, look: Style, width: Number, floors: int, detail: int
) -> None:
    """A wall in front of the body, pierced by windows on every floor."""
    centres = openings(rng, look, width)
    shop = detail and rng.random() < 0.3 and width > 5
    sills = np.arange(floors) * look.floor + 0.5 + 0.85
    levels = sills[1:] if shop else sills
    strips(b, look, width, levels, look.floor + 0.3 if shop else 0.0, floors * look.floor + 0.5)
    piers(b, look, width, centres, levels)
    x, z = (v.ravel() for v in np.meshgrid(centres, levels))
    windows(b, rng, look, np.column_stack([x, np.zeros_like(x), z]), detail)
    if shop:
        shop_front(b, rng, width, look.floor + 0.3)
    elif detail:
        door(b, rng, look, centres[rng.integers(len(centres))])
    rows = [floors] if rng.random() < 0.5 else list(range(1, floors + 1))
    ledges = [[0, -0.06, look.floor * k + 0.42] for k in rows]
    b.boxes(ledges, [width + 0.1, 0.2, 0.16], Material.PLASTER, look.trim * 0.8)


def strips(b: Builder, look: Style, width: Number, levels: np.ndarray, bottom: Number, top: Number) -> None:
    """The wall above, below and between the rows of windows, whose sills lie at ``levels``."""
    low = np.concatenate([[bottom], levels + look.window[1]])
    high = np.concatenate([levels, [top]])
    mid, tall = (low + high) / 2, high - low
    at = np.column_stack([np.zeros_like(mid), np.full_like(mid, RECESS / 2), mid])
    sizes = np.column_stack([np.full_like(mid, width), np.full_like(mid, RECESS), tall])
    b.boxes(at, sizes, look.wall, look.colour)


def piers(b: Builder, look: Style, width: Number, centres: np.ndarray, levels: np.ndarray) -> None:
    """The wall beside and between the windows of each row."""
    w, h = look.window
    inner = np.repeat(centres, 2) + np.tile([-w / 2, w / 2], len(centres))
    edges = np.concatenate([[-width / 2], inner, [width / 2]])
    left, right = edges[::2], edges[1::2]
    x, z = (v.ravel() for v in np.meshgrid((left + right) / 2, levels + h / 2))
    wide = np.tile(right - left, len(levels))
    sizes = np.column_stack([wide, np.full(len(wide), RECESS), np.full(len(wide), h)])
    b.boxes(np.column_stack([x, np.full_like(x, RECESS / 2), z]), sizes, look.wall, look.colour)


def windows(b: Builder, rng: np.random.Generator, look: Style, at: np.ndarray, detail: int) -> None:
    """Glass, frames, sills, shutters, balconies; ``at`` holds the middle of each sill."""
    w, h = look.window
    middle = at + [0, 0, h / 2]
    dark = palette.vary(rng, palette.hsv(0.6, 0.2, 0.22), len(at), 0.6)
    b.boxes(middle + [0, RECESS - 0.02, 0], [w, 0.02, h], Material.GLASS, dark)
    if not detail:
        return
    frames(b, look, middle, detail)
    b.boxes(at + [0, -0.05, -0.04], [w + 0.16, 0.22, 0.06], Material.CONCRETE, look.trim * 0.8)
    if look.shutters:
        wings = np.concatenate([middle + [s * w * 0.75, -0.03, 0] for s in (-1, 1)])
        b.boxes(wings, [w * 0.48, 0.04, h], Material.RIBBED, palette.any_colour(rng))
    for spot in at[at[:, 2] > 2.5]:
        if rng.random() < look.balconies:
            balcony(b.at(spot - [0, 0, 0.7]), rng, w + 0.9)


def frames(b: Builder, look: Style, middle: np.ndarray, detail: int) -> None:
    """Frames of windows with their bars, around the middle of each."""
    w, h = look.window
    sides = np.concatenate([middle + [s * (w / 2 - 0.03), RECESS - 0.06, 0] for s in (-1, 1)])
    b.boxes(sides, [0.06, 0.06, h], Material.PAINT, look.trim)
    ends = np.concatenate([middle + [0, RECESS - 0.06, s * (h / 2 - 0.03)] for s in (-1, 1)])
    b.boxes(ends, [w, 0.06, 0.06], Material.PAINT, look.trim)
    b.boxes(middle + [0, RECESS - 0.05, 0], [0.05, 0.04, h], Material.PAINT, look.trim)
    if look.bars and detail > 1:
        shares = ((0.2,), (-0.15, 0.18))[look.bars - 1]
        rows = np.concatenate([middle + [0, RECESS - 0.05, h * v] for v in shares])
        b.boxes(rows, [w, 0.03, 0.035], Material.PAINT, look.trim)


@family("balcony")
def balcony(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """A slab with a railing."""
    b.boxes([0, -0.45, 0], [width, 0.9, 0.14], Material.CONCRETE, palette.hsv(0.1, 0.05, 0.7))
    x, y = width / 2 - 0.05, -0.86
    railing(b.at([0, 0, 0.07]), rng, [-x, y, 0], [x, y, 0], 0.95)
    for side in (-x, x):
        b.rods([side, 0, 1.0], [side, y, 1.0], 0.025, Material.METAL, palette.hsv(0, 0, 0.2))


def door(b: Builder, rng: np.random.Generator, look: Style, x: Number) -> None:
    """A door with a frame and steps, in front of the wall."""
    colour = palette.any_colour(rng)
    b.boxes([x, -0.02, 1.3], [1.25, 0.14, 2.5], Material.PAINT, look.trim)
    b.boxes([x, -0.07, 1.25], [1.0, 0.1, 2.1], Material.WOOD, colour)
    b.boxes([[x - 0.22, -0.13, z] for z in (0.75, 1.7)] + [[x + 0.22, -0.13, z] for z in (0.75, 1.7)],
            [0.34, 0.03, 0.7], Material.WOOD, colour * 0.8)  # fmt: skip
    b.balls([x + 0.4, -0.16, 1.15], 0.035, Material.METAL, palette.hsv(0.12, 0.5, 0.7))
    b.boxes(
        [[x, -0.35, 0.1], [x, -0.2, 0.18]],
        [[1.6, 0.6, 0.16], [1.4, 0.3, 0.16]],
        Material.CONCRETE,
        look.trim * 0.6,
    )


@family("shop front")
def shop_front(b: Builder, rng: np.random.Generator, width: Number, height: Number) -> None:
    """Large panes between posts, a sign and perhaps an awning."""
    colour = palette.any_colour(rng, 1.0)
    b.boxes(
        [0, RECESS - 0.03, height / 2],
        [width - 0.1, 0.03, height - 0.1],
        Material.GLASS,
        palette.hsv(0.6, 0.2, 0.3),
    )
    posts = np.linspace(-width / 2 + 0.1, width / 2 - 0.1, max(3, round(width / 1.6)))
    b.boxes([[x, 0.08, height / 2] for x in posts], [0.12, 0.18, height], Material.PAINT, colour)
    b.boxes([0, 0.08, 0.25], [width, 0.17, 0.5], Material.PAINT, colour * 0.8)
    b.boxes([0, 0.0, height - 0.3], [width, 0.3, 0.6], Material.PICTURE, palette.any_colour(rng, 1.0))
    if rng.random() < 0.6:
        awning = placement.spanning([[0, 0, height - 0.6]], [[0, -1.2, height - 1.1]], width * 0.9, 0.03)
        awning[:, :3, 3] += 0.5 * awning[:, :3, 2]
        b.add(shapes.box(), Material.FABRIC, awning, palette.any_colour(rng, 1.0))


def roof(
    b: Builder, rng: np.random.Generator, width: Number, depth: Number, height: Number, look: Style
) -> None:
    """A gable, a hip or a parapet, with chimneys."""
    tiles, middle = palette.pick(rng, palette.ROOFS), [0, depth / 2, height]
    kind = rng.choice(["gable", "hip", "flat"], p=[0.45, 0.25, 0.3])
    if kind == "flat":
        edges = [[0, 0.1, height + 0.25], [0, depth - 0.1, height + 0.25]]
        b.boxes(edges, [width, 0.22, 0.5], look.wall, look.colour * 0.9)
        b.boxes(
            [rng.uniform(-0.3, 0.3) * width, depth / 2, height + 0.7],
            [2, 1.5, 1.4],
            Material.PAINT,
            look.colour * 0.7,
        )
        return
    rise = depth * rng.uniform(0.25, 0.5)
    mesh = shapes.gable() if kind == "gable" else shapes.hip()
    b.add(mesh, Material.ROOF, placement.placed([middle], [width + 0.5, depth + 0.7, rise]), tiles)
    b.boxes(np.add(middle, [0, 0, -0.05]), [width + 0.5, depth + 0.7, 0.12], Material.PAINT, look.trim * 0.8)
    stack = np.array([rng.uniform(-0.35, 0.35) * width, depth * 0.5 + 0.5, height + rise * 0.9])
    b.boxes(stack, [0.7, 0.5, 1.6], Material.BRICK, palette.pick(rng, palette.BRICKS))
    b.cylinders(
        stack + [[-0.15, 0, 0.8], [0.15, 0, 0.8]], 0.1, 0.3, Material.CERAMIC, palette.hsv(0.04, 0.6, 0.6), 8
    )


@family("block of flats")
def skyline(b: Builder, rng: np.random.Generator, count: int, near: Number, far: Number) -> None:
    """Far blocks of flats with a texture of windows."""
    radius, angle = rng.uniform(near, far, count), rng.uniform(0, 2 * np.pi, count)
    width, tall = rng.uniform(12, 40, count), rng.uniform(8, 60, count) * rng.uniform(0.3, 1, count)
    at = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), tall / 2])
    colours = np.stack([palette.pick(rng, palette.WALLS) for _ in range(count)])
    b.boxes(at, np.column_stack([width, width * 0.7, tall]), Material.TILES, colours * 0.7)
