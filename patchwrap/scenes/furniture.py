"""Indoor furniture, each piece standing at the builder's origin and facing +y."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number, Row, Values
from patchwrap.scenes.scene import Builder

# A square with its corners cut.
PAD = (
    (-0.5, -0.42), (-0.42, -0.5), (0.42, -0.5), (0.5, -0.42), (0.5, 0.42), (0.42, 0.5), (-0.42, 0.5), (-0.5, 0.42),
)  # fmt: skip


def legs(b: Builder, size: Row, height: Number, thick: Number, material: Material, colour: Values) -> None:
    """Four legs at the corners of a rectangle."""
    x, y = size[0] / 2 - thick, size[1] / 2 - thick
    at = np.array([[s * x, u * y, 0] for s in (-1, 1) for u in (-1, 1)])
    b.beams(at, at * [0.97, 0.97, 1] + [0, 0, height], thick, material, colour)


@family("table")
def table(b: Builder, rng: np.random.Generator, size: Row = (1.4, 0.8), height: Number = 0.74) -> None:
    """A table with legs and an apron, or round on one foot."""
    wood = palette.pick(rng, palette.WOODS)
    if rng.random() < 0.25:
        b.cylinders([0, 0, height - 0.03], size[1] * 0.62, 0.03, Material.WOOD, wood, 28)
        b.cylinders([0, 0, 0.03], 0.045, height - 0.05, Material.METAL, wood * 0.5, 12)
        b.cylinders([0, 0, 0], 0.28, 0.03, Material.METAL, wood * 0.5, 20)
        return
    b.boxes([0, 0, height - 0.02], [*size, 0.04], Material.WOOD, wood)
    legs(b, size, height - 0.04, rng.uniform(0.035, 0.08), Material.WOOD, wood * 0.9)
    apron = [[0, s * (size[1] / 2 - 0.06), height - 0.09] for s in (-1, 1)]
    b.boxes(apron, [size[0] - 0.1, 0.02, 0.09], Material.WOOD, wood * 0.85)


@family("chair")
def chair(b: Builder, rng: np.random.Generator, wood: Values | None = None) -> None:
    """A chair with slats, a panel or padding."""
    wood = palette.pick(rng, palette.WOODS) if wood is None else wood
    seat, top, w = 0.45, rng.uniform(0.8, 1.0), 0.42
    b.boxes([0, 0, seat], [w, w, 0.03], Material.WOOD, wood)
    legs(b, (w, w), seat, 0.035, Material.WOOD, wood)
    lean = 0.07
    feet = np.array([[s * (w / 2 - 0.03), -w / 2 + 0.02, seat] for s in (-1, 1)])
    b.beams(feet, feet + [0, -lean, top - seat], 0.032, Material.WOOD, wood)
    style = rng.integers(3)
    if style == 0:
        rows = np.linspace(0.25, 0.95, 4)[:, None] * [0, -lean, top - seat] + [0, -w / 2 + 0.02, seat]
        b.boxes(rows, [w - 0.05, 0.018, 0.06], Material.WOOD, wood)
    elif style == 1:
        x = np.linspace(-w / 2 + 0.07, w / 2 - 0.07, 5)[:, None] * [1, 0, 0] + [0, -w / 2 + 0.02, seat]
        b.rods(x, x + [0, -lean, top - seat - 0.03], 0.009, Material.WOOD, wood)
        b.boxes([0, -w / 2 + 0.02 - lean, top - 0.04], [w - 0.04, 0.025, 0.08], Material.WOOD, wood)
    else:
        cloth = palette.any_colour(rng)
        b.boxes([0, -w / 2 - 0.02, top - 0.2], [w - 0.06, 0.05, 0.32], Material.FABRIC, cloth)
        b.boxes([0, 0, seat + 0.035], [w - 0.02, w - 0.02, 0.05], Material.FABRIC, cloth)
    rails = np.array([[s * (w / 2 - 0.035), 0, 0.2] for s in (-1, 1)])
    b.boxes(rails, [0.02, w - 0.05, 0.025], Material.WOOD, wood)


@family("books")
def books(
    b: Builder, rng: np.random.Generator, start: Values, length: Number, height: Number, depth: Number
) -> None:
    """A row of books along x from a point."""
    count = max(1, int(length / 0.034))
    thick = rng.uniform(0.015, 0.05, count)
    x = np.cumsum(thick) - thick / 2
    keep = x + thick < length * rng.uniform(0.5, 1.0)
    x, thick = x[keep], thick[keep]
    tall, deep = height * rng.uniform(0.6, 0.95, len(x)), depth * rng.uniform(0.6, 0.85, len(x))
    centres = np.asarray(start, float) + np.column_stack([x, depth / 2 - deep / 2 - 0.03 + 0 * x, tall / 2])
    colours = np.stack([palette.any_colour(rng, 1.0) for _ in x]) if len(x) else np.zeros((0, 3))
    b.boxes(centres, np.column_stack([thick * 0.94, deep, tall]), Material.PAINT, colours)
    b.boxes(
        centres + np.column_stack([0 * x, deep / 2, 0 * x]),
        np.column_stack([thick * 0.6, 0.004 + 0 * x, tall * 0.4]),
        Material.PAINT,
        colours[::-1] * 0.7 + 0.2,
    )


@family("shelf")
def shelf(b: Builder, rng: np.random.Generator, width: Number, height: Number, depth: Number = 0.32) -> None:
    """A bookcase with books, boxes and vases."""
    wood, levels = palette.pick(rng, palette.WOODS + palette.WALLS[:1]), max(2, round(height / 0.37))
    sides = [[s * (width / 2 - 0.012), 0, height / 2] for s in (-1, 1)]
    b.boxes(sides, [0.024, depth, height], Material.WOOD, wood)
    boards = np.linspace(0.06, height - 0.012, levels + 1)
    b.boxes([[0, 0, z] for z in boards], [width - 0.05, depth - 0.01, 0.024], Material.WOOD, wood * 0.95)
    if rng.random() < 0.7:
        back = [width - 0.04, 0.008, height - 0.05]
        b.boxes([0, -depth / 2 + 0.006, height / 2], back, Material.WOOD, wood * 0.7)
    gap = boards[1] - boards[0] - 0.03
    for z in boards[:-1] + 0.012:
        stock(b, rng, z, width, gap, depth)


def stock(b: Builder, rng: np.random.Generator, z: Number, width: Number, gap: Number, depth: Number) -> None:
    """Books, vases or boxes on a board of a bookcase, ``gap`` the height that is free above it."""
    kind = rng.random()
    if kind < 0.65:
        books(b, rng, [-width / 2 + 0.04, 0, z], width - 0.1, gap, depth)
    elif kind < 0.85:
        for x in rng.uniform(-0.35, 0.35, 3) * width:
            vase(b.at([x, 0, z]), rng, gap * rng.uniform(0.4, 0.9))
    else:
        w = width * 0.28
        at = [[x * width, 0, z + gap * 0.35] for x in (-0.28, 0.05)]
        b.boxes(at, [w, depth * 0.8, gap * 0.7], Material.FABRIC, palette.any_colour(rng))


@family("vase")
def vase(b: Builder, rng: np.random.Generator, height: Number) -> None:
    """A turned vase."""
    t = np.linspace(0, 1, 12)
    wave = 0.55 + 0.3 * np.sin(t * rng.uniform(3, 6) + rng.uniform(0, 3)) + 0.1 * rng.uniform(-1, 1)
    radius = height * rng.uniform(0.25, 0.4) * np.clip(wave, 0.25, 1)
    profile = np.column_stack([np.concatenate([[0], radius]), np.concatenate([[0], t * height])])
    b.add(shapes.lathe(profile, 16), Material.CERAMIC, np.eye(4), palette.any_colour(rng, 1.0))


@family("sofa")
def sofa(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """A sofa or an armchair with cushions."""
    cloth, d = palette.any_colour(rng), 0.9
    b.boxes([0, 0, 0.22], [width, d, 0.24], Material.FABRIC, cloth)
    b.boxes([0, -d / 2 + 0.1, 0.58], [width, 0.2, 0.5], Material.FABRIC, cloth)
    arms = [[s * (width / 2 - 0.09), 0, 0.46] for s in (-1, 1)]
    b.boxes(arms, [0.18, d, 0.28], Material.FABRIC, cloth * 0.95)
    seats(b, width, d, cloth * 1.08)
    legs(b, (width * 0.95, d * 0.9), 0.1, 0.05, Material.WOOD, palette.hsv(0.07, 0.5, 0.3))
    cushions(b, rng, width)


def seats(b: Builder, width: Number, depth: Number, cloth: Values) -> None:
    """The padded seats of a sofa, side by side."""
    count = max(1, round((width - 0.4) / 0.7))
    x = (np.arange(count) - (count - 1) / 2) * (width - 0.38) / count
    at = np.column_stack([x, 0 * x + 0.08, 0 * x + 0.41])
    size = [(width - 0.4) / count * 0.98, depth - 0.24, 0.15]
    pad = shapes.prism(PAD, -0.5, 0.5, 0.94)
    b.add(pad, Material.FABRIC, placement.placed(at, np.tile(size, (count, 1))), cloth)


def cushions(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """Up to three cushions against the back of a sofa."""
    for _ in range(rng.integers(0, 4)):
        c = b.at([rng.uniform(-0.4, 0.4) * (width - 0.5), -0.14, 0.62], rng.uniform(-0.3, 0.3))
        c.balls([0, 0, 0], [0.22, 0.09, 0.2], Material.FABRIC, palette.any_colour(rng, 1.0))


@family("bed")
def bed(b: Builder, rng: np.random.Generator) -> None:
    """A double bed with its head at -y."""
    w, cloth, wood = rng.uniform(1.0, 1.8), palette.any_colour(rng), palette.pick(rng, palette.WOODS)
    b.boxes([[0, 0, 0.22], [0, -1.04, 0.5]], [[w, 2.0, 0.2], [w + 0.06, 0.05, 1.0]], Material.WOOD, wood)
    b.boxes([0, 0, 0.42], [w * 0.97, 1.96, 0.2], Material.FABRIC, palette.hsv(0.1, 0.05, 0.9))
    b.boxes([0, 0.3, 0.47], [w * 1.02, 1.45, 0.16], Material.FABRIC, cloth)
    for x in (-w / 4, w / 4):
        b.balls([x, -0.7, 0.58], [w * 0.2, 0.22, 0.09], Material.FABRIC, palette.hsv(0.1, 0.06, 0.92))
    legs(b, (w, 2.0), 0.13, 0.07, Material.WOOD, wood * 0.8)


@family("cabinet")
def cabinet(b: Builder, rng: np.random.Generator, width: Number, height: Number, depth: Number = 0.5) -> None:
    """A chest of drawers, a sideboard, a wardrobe or a kitchen unit."""
    colour = palette.pick(rng, palette.WOODS + palette.WALLS)
    b.boxes([0, 0, height / 2 + 0.03], [width, depth, height - 0.06], Material.WOOD, colour)
    nx, nz = max(1, round(width / 0.55)), int(rng.integers(1, 5)) if height < 1.3 else int(rng.integers(1, 3))
    cell = np.array([width / nx, (height - 0.1) / nz])
    x, z = (
        v.ravel()
        for v in np.meshgrid(
            (np.arange(nx) + 0.5) * cell[0] - width / 2, (np.arange(nz) + 0.5) * cell[1] + 0.05
        )
    )
    front = np.column_stack([x, 0 * x + depth / 2 + 0.008, z])
    b.boxes(
        front,
        [cell[0] - 0.016, 0.02, cell[1] - 0.016],
        Material.WOOD,
        palette.vary(rng, colour, len(x), 0.05),
    )
    knobs = front + [0, 0.03, 0] + ([0, 0, cell[1] * 0.25] if nz > 1 else [cell[0] * 0.38, 0, 0])
    b.boxes(knobs, [rng.choice([0.03, 0.14]), 0.025, 0.02], Material.METAL, palette.pick(rng, palette.METALS))


@family("floor lamp")
def floor_lamp(b: Builder, rng: np.random.Generator, height: Number = 1.6, lit: bool = True) -> None:
    """A lamp on a thin stand."""
    metal = palette.pick(rng, palette.METALS)
    b.cylinders([0, 0, 0], 0.14, 0.025, Material.METAL, metal, 20)
    b.rods([0, 0, 0], [0, 0, height - 0.1], 0.012, Material.METAL, metal)
    shade = palette.hsv(0.1, rng.uniform(0.1, 0.4), 0.95)
    b.add(
        shapes.pipe(20, rng.uniform(0.5, 0.9)),
        Material.GLOW if lit else Material.FABRIC,
        placement.placed([[0, 0, height - 0.25]], [0.19, 0.19, 0.28]),
        shade,
    )


@family("pendant lamp")
def pendant(b: Builder, rng: np.random.Generator, ceiling: Number, drop: Number) -> None:
    """A hanging lamp at ``ceiling - drop``."""
    b.rods([0, 0, ceiling - drop], [0, 0, ceiling], 0.005, Material.PAINT, palette.hsv(0, 0, 0.1), sides=4)
    r = rng.uniform(0.12, 0.26)
    if rng.random() < 0.5:
        b.balls([0, 0, ceiling - drop], r, Material.GLOW, palette.hsv(0.11, 0.2, 0.95))
    else:
        shade = placement.placed([[0, 0, ceiling - drop - 0.04]], [r, r, r * 0.9])
        b.add(shapes.pipe(20, 0.25), Material.PAINT, shade, palette.any_colour(rng))
        b.balls([0, 0, ceiling - drop], r * 0.35, Material.GLOW, palette.hsv(0.11, 0.2, 1.0))


@family("picture")
def picture(b: Builder, rng: np.random.Generator, width: Number, height: Number) -> None:
    """A framed picture on a wall at y = 0, its middle at the origin."""
    frame = palette.pick(rng, palette.WOODS + palette.METALS)
    b.boxes([0, 0.012, 0], [width, 0.024, height], Material.WOOD, frame)
    b.boxes([0, 0.02, 0], [width - 0.06, 0.02, height - 0.06], Material.PAINT, palette.hsv(0.1, 0.05, 0.9))
    b.boxes(
        [0, 0.024, 0], [width * 0.75, 0.018, height * 0.75], Material.PICTURE, palette.any_colour(rng, 1.0)
    )


@family("screen")
def screen(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """A television or monitor on a foot."""
    h = width * 0.56
    dark = palette.hsv(0, 0, 0.1)
    b.boxes([0, 0, h / 2 + 0.08], [width, 0.04, h], Material.PAINT, dark)
    b.boxes(
        [0, 0.021, h / 2 + 0.08],
        [width - 0.03, 0.004, h - 0.03],
        one_of(rng, Material.GLASS, Material.PICTURE),
        palette.hsv(0.6, 0.3, 0.2),
    )
    b.boxes(
        [[0, -0.01, 0.04], [0, 0, 0.01]], [[0.06, 0.03, 0.1], [width * 0.35, 0.2, 0.02]], Material.PAINT, dark
    )


@family("door")
def door(b: Builder, rng: np.random.Generator, height: Number = 2.03) -> None:
    """A closed panel door in its frame on a wall at y = 0."""
    colour, trim = palette.pick(rng, palette.WOODS + palette.WALLS), palette.hsv(0.1, 0.05, 0.9)
    b.boxes(
        [[s * 0.47, 0.03, height / 2] for s in (-1, 1)], [0.08, 0.06, height + 0.08], Material.PAINT, trim
    )
    b.boxes([0, 0.03, height + 0.04], [1.02, 0.06, 0.08], Material.PAINT, trim)
    b.boxes([0, 0.015, height / 2], [0.86, 0.03, height], Material.WOOD, colour)
    panels = [[x, 0.03, z * height] for x in (-0.2, 0.2) for z in (0.27, 0.72)]
    b.boxes(panels, [0.3, 0.02, height * 0.36], Material.WOOD, colour * 0.85)
    b.rods([[0.36, 0.03, 1.02]], [[0.36, 0.09, 1.02]], 0.01, Material.METAL, palette.METALS[0][1])
    b.boxes([0.31, 0.09, 1.02], [0.12, 0.015, 0.02], Material.METAL, palette.hsv(0.1, 0.1, 0.6))


@family("curtain")
def curtain(b: Builder, rng: np.random.Generator, width: Number, height: Number, colour: Values) -> None:
    """Hanging folds along x, their top at ``height``."""
    x = np.linspace(0, 1, 48)
    fold = 0.035 * np.sin(x * rng.uniform(30, 60)) + 0.015 * np.sin(x * 17)
    z = np.array([0.03, height])
    points = np.stack(
        [
            np.broadcast_to(x * width, (2, 48)),
            np.stack([fold * 1.3, fold]),
            np.broadcast_to(z[:, None], (2, 48)),
        ],
        -1,
    )
    b.add(shapes.surface(points), Material.FABRIC, np.eye(4), colour)
