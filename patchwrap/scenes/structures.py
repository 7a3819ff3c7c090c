"""Fences, railings, poles, wires, scaffolds, trusses, racks, stairs; thin things above all."""

import numpy as np

from patchwrap.scenes import palette
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number, Row, Values
from patchwrap.scenes.scene import Builder


def line(start: Values, end: Values, step: Number) -> np.ndarray:
    """Points at about ``step`` metres from start to end, both included."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    count = max(2, round(np.linalg.norm(end - start) / step) + 1)
    return start + np.linspace(0, 1, count)[:, None] * (end - start)


def direction(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Unit vector from start to end."""
    return (end - start) / max(np.linalg.norm(end - start), 1e-6)


@family("fence")
def fence(
    b: Builder, rng: np.random.Generator, start: Values, end: Values, height: Number, style: str | None = None
) -> None:
    """A fence of pickets, boards, bars, mesh or rails between two points on the ground."""
    style = style or rng.choice(["pickets", "boards", "bars", "rails", "mesh"])
    start, end = np.asarray(start, float), np.asarray(end, float)
    wood, up = palette.pick(rng, palette.WOODS + palette.WALLS[:1]), np.array([0, 0, 1.0])
    posts, axis = line(start, end, 2.0), direction(start, end)
    yaw = np.arctan2(axis[1], axis[0])
    b.boxes(posts + up * height * 0.5, [0.09, 0.09, height * 1.04], Material.WOOD, wood * 0.8, yaw)
    if style in ("pickets", "boards"):
        pickets(b, rng, start, end, height, style == "boards", wood)
    elif style == "bars":
        bars(b, rng, start, end, height)
    elif style == "mesh":
        netting(b, start, end, height)
    else:
        rails(b, start, end, height, (0.3, 0.6, 0.9), 0.08, Material.WOOD, wood)


def pickets(
    b: Builder,
    rng: np.random.Generator,
    start: np.ndarray,
    end: np.ndarray,
    height: Number,
    close: bool,
    wood: np.ndarray,
) -> None:
    """Pickets on two rails, or boards side by side where ``close``."""
    axis, up = direction(start, end), np.array([0, 0, 1.0])
    yaw, back = np.arctan2(axis[1], axis[0]), np.array([-axis[1], axis[0], 0]) * 0.05
    width = 0.14 if close else rng.uniform(0.06, 0.1)
    at = line(start, end, width * (1.06 if close else 1.9))
    tall = height * (1 + rng.normal(0, 0.008, len(at)))
    sizes = np.column_stack([np.full(len(at), width), np.full(len(at), 0.02), tall])
    colours = palette.vary(rng, wood, len(at), 0.1)
    b.boxes(at + up * tall[:, None] / 2 + up * 0.06 + back, sizes, Material.WOOD, colours, yaw)
    rails(b, start, end, height, (0.2, 0.8), 0.05, Material.WOOD, wood * 0.8)


def bars(b: Builder, rng: np.random.Generator, start: np.ndarray, end: np.ndarray, height: Number) -> None:
    """Thin metal bars between two rails."""
    metal = palette.pick(rng, palette.METALS)
    at, up = line(start, end, 0.12), np.array([0, 0, 1.0])
    b.rods(at, at + up * height, 0.009, Material.METAL, metal, sides=5)
    rails(b, start, end, height, (0.12, 0.92), 0.03, Material.METAL, metal)


def rails(
    b: Builder,
    start: Values,
    end: Values,
    height: Number,
    levels: Row,
    width: Number,
    material: Material,
    colour: Values,
) -> None:
    """Horizontal bars at shares of a height."""
    lift = np.array([[0, 0, height * level] for level in levels])
    b.beams(np.asarray(start, float) + lift, np.asarray(end, float) + lift, width, material, colour)


def netting(b: Builder, start: Values, end: Values, height: Number, step: Number = 0.16) -> None:
    """A wire mesh of crossing diagonals."""
    at, up = line(start, end, step), np.array([0, 0, height])
    shift = max(1, round(height / step))
    colour = palette.hsv(0.3, 0.15, 0.45)
    if len(at) > shift:
        b.rods(at[:-shift], at[shift:] + up, 0.003, Material.METAL, colour, sides=3)
        b.rods(at[shift:], at[:-shift] + up, 0.003, Material.METAL, colour, sides=3)
    rails(b, start, end, height, (0.02, 0.98), 0.02, Material.METAL, colour)


@family("railing")
def railing(b: Builder, rng: np.random.Generator, start: Values, end: Values, height: Number = 1.05) -> None:
    """A hand rail on posts with bars or cables."""
    metal, up = palette.pick(rng, palette.METALS), np.array([0, 0, height])
    start, end = np.asarray(start, float), np.asarray(end, float)
    posts = line(start, end, 1.5)
    b.beams(posts, posts + up, 0.045, Material.METAL, metal)
    b.rods(start + up, end + up, 0.03, Material.METAL, metal, sides=8)
    if rng.random() < 0.6:
        bars = line(start, end, 0.13)
        b.rods(bars + [0, 0, 0.08], bars + up, 0.008, Material.METAL, metal, sides=5)
    else:
        rails(b, start, end, height, (0.2, 0.4, 0.6, 0.8), 0.018, Material.METAL, metal)


@family("cable")
def wire(
    b: Builder, start: Values, end: Values, sag: Number, radius: Number = 0.012, segments: int = 14
) -> None:
    """A hanging cable as a parabola."""
    start, end, t = np.asarray(start, float), np.asarray(end, float), np.linspace(0, 1, segments + 1)[:, None]
    points = start + t * (end - start) - np.array([0, 0, 4 * sag]) * t * (1 - t)
    b.rods(points[:-1], points[1:], radius, Material.PAINT, palette.hsv(0, 0, 0.1), sides=4)


@family("lamp post")
def lamp_post(b: Builder, rng: np.random.Generator, height: Number) -> None:
    """A street lamp with an arm or a lantern."""
    metal = palette.pick(rng, palette.METALS)
    b.cylinders([0, 0, 0], 0.09, height, Material.METAL, metal, 10, 0.55)
    b.cylinders([0, 0, 0], 0.14, 0.5, Material.METAL, metal, 10, 0.8)
    if rng.random() < 0.6:
        b.rods([0, 0, height - 0.05], [1.3, 0, height + 0.2], 0.04, Material.METAL, metal)
        b.boxes([1.45, 0, height + 0.2], [0.6, 0.22, 0.1], Material.PAINT, metal)
    else:
        b.cylinders([0, 0, height], 0.14, 0.4, Material.CERAMIC, palette.hsv(0.12, 0.1, 0.85), 8, 1.4)
        b.cylinders([0, 0, height + 0.4], 0.25, 0.18, Material.METAL, metal, 8, 0.1)


@family("utility pole")
def utility_pole(b: Builder, rng: np.random.Generator, height: Number) -> np.ndarray:
    """A wooden pole with a cross arm; returns where wires attach."""
    wood = palette.hsv(0.07, rng.uniform(0.2, 0.45), rng.uniform(0.25, 0.45))
    b.cylinders([0, 0, 0], 0.14, height, Material.BARK, wood, 9, 0.7)
    b.boxes([0, 0, height - 0.5], [2.0, 0.1, 0.12], Material.WOOD, wood)
    ends = np.array([[x, 0, height - 0.38] for x in (-0.9, -0.35, 0.35, 0.9)])
    b.cylinders(ends - [0, 0, 0.05], 0.035, 0.14, Material.CERAMIC, palette.hsv(0.55, 0.1, 0.5), 7)
    return ends


@family("truss")
def truss(
    b: Builder,
    start: Values,
    end: Values,
    depth: Number,
    colour: Values,
    bar: Number = 0.07,
    step: Number = 1.2,
) -> None:
    """A girder of two chords and zig-zag webs; ``depth`` hangs below the line."""
    top = line(start, end, step)
    low = top - [0, 0, depth]
    b.beams(top[0], top[-1], bar * 1.4, Material.METAL, colour)
    b.beams(low[0], low[-1], bar * 1.4, Material.METAL, colour)
    b.beams(top[:-1], low[1:], bar * 0.8, Material.METAL, colour)
    b.beams(top, low, bar * 0.7, Material.METAL, colour)


@family("steel column")
def column(b: Builder, base: Values, height: Number, colour: Values, width: Number = 0.3) -> None:
    """A steel column of H section."""
    base = np.asarray(base, float) + [0, 0, height / 2]
    flange = width * 0.09
    b.boxes([base + [0, s * width / 2, 0] for s in (-1, 1)], [width, flange, height], Material.METAL, colour)
    b.boxes(base, [flange, width, height], Material.METAL, colour)


@family("scaffold")
def scaffold(b: Builder, rng: np.random.Generator, bays: int, levels: int) -> None:
    """Tubes, boards and braces along x from the origin."""
    steel, w, d, h = palette.hsv(0.58, 0.08, rng.uniform(0.4, 0.7)), 2.0, 0.9, 2.0
    x, y = (v.ravel() for v in np.meshgrid(np.arange(bays + 1) * w, [0, d], indexing="ij"))
    feet = np.column_stack([x, y, np.zeros_like(x)])
    b.rods(feet, feet + [0, 0, levels * h + 1], 0.025, Material.METAL, steel, sides=6)
    for level in range(1, levels + 1):
        for rise in (0, 0.5, 1.0):
            ends = np.array([[0, 0, level * h + rise], [0, d, level * h + rise]])
            b.rods(ends, ends + [bays * w, 0, 0], 0.024, Material.METAL, steel, sides=6)
        boards = np.array([[bays * w / 2, v, level * h + 0.05] for v in (0.15, 0.45, 0.75)])
        b.boxes(
            boards, [bays * w, 0.26, 0.04], Material.WOOD, palette.vary(rng, palette.hsv(0.09, 0.4, 0.6), 3)
        )
        even = np.arange(level % 2, bays, 2)[:, None] * [w, 0, 0] + [0, -0.03, (level - 1) * h]
        b.rods(even, even + [w, 0, h], 0.022, Material.METAL, steel, sides=5)


@family("pallet rack")
def rack(b: Builder, rng: np.random.Generator, bays: int, levels: int) -> None:
    """Warehouse shelving along x, loaded with boxes, drums and pallets."""
    w, d, h = 2.7, 1.1, rng.uniform(1.2, 1.9)
    upright, beam = (
        palette.hsv(rng.choice([0.6, 0.33, 0.0]), 0.7, 0.45),
        palette.hsv(rng.uniform(0.04, 0.1), 0.85, 0.8),
    )
    x, y = (v.ravel() for v in np.meshgrid(np.arange(bays + 1) * w, [0, d], indexing="ij"))
    feet = np.column_stack([x, y, np.zeros_like(x)])
    b.beams(feet, feet + [0, 0, levels * h + 0.3], 0.09, Material.METAL, upright)
    front = feet[::2]
    zig = np.concatenate([front + [0, 0, i * 0.9] for i in range(int(levels * h / 0.9))])
    b.rods(zig, zig + [0, d, 0.9], 0.015, Material.METAL, upright, sides=4)
    for level in range(1, levels + 1):
        ends = np.array([[0, v, level * h] for v in (0, d)])
        b.beams(ends, ends + [bays * w, 0, 0], 0.11, Material.METAL, beam)
    for bay in range(bays):
        for level in range(levels + 1):
            if rng.random() < 0.8:
                load(
                    b.at([bay * w + w / 2, d / 2, level * h + (0.06 if level else 0)]),
                    rng,
                    (w * 0.85, d * 0.95, h * 0.8),
                )


@family("pallet")
def load(b: Builder, rng: np.random.Generator, size: tuple[float, float, float]) -> None:
    """A pallet with a grid of boxes on it."""
    b.boxes(
        [[0, 0, 0.03], [0, 0, 0.12]], [size[0], size[1], 0.03], Material.WOOD, palette.hsv(0.09, 0.4, 0.55)
    )
    b.boxes(
        [[v * size[0] * 0.45, 0, 0.075] for v in (-1, 0, 1)],
        [0.1, size[1], 0.06],
        Material.WOOD,
        palette.hsv(0.09, 0.4, 0.5),
    )
    nx, ny, nz = rng.integers(1, 5), 2, rng.integers(1, 4)
    cell = np.array([size[0] / nx, size[1] / ny, (size[2] - 0.15) * rng.uniform(0.5, 1) / nz])
    grid = np.stack(np.meshgrid(range(nx), range(ny), range(nz), indexing="ij"), -1).reshape(-1, 3)
    grid = grid[(grid[:, 2] < nz - 1) | (rng.random(len(grid)) < 0.7)]
    centres = (grid + 0.5) * cell - [size[0] / 2, size[1] / 2, -0.14]
    colour = palette.hsv(0.08, 0.45, 0.65) if rng.random() < 0.6 else palette.any_colour(rng)
    b.boxes(centres, cell * [0.95, 0.95, 0.99], Material.LABEL if rng.random() < 0.1 else Material.PAINT,
            palette.vary(rng, colour, len(centres), 0.12))  # fmt: skip


@family("steel stairs")
def stairs(b: Builder, rng: np.random.Generator, steps: int, width: Number = 1.0) -> None:
    """Open steel stairs that climb along y from the origin."""
    metal = palette.pick(rng, palette.METALS)
    n = np.arange(steps)
    treads = np.column_stack([np.zeros(steps), n * 0.27 + 0.13, (n + 1) * 0.18])
    b.boxes(treads, [width, 0.25, 0.04], Material.METAL, metal)
    top = np.array([0, steps * 0.27, steps * 0.18])
    for side in (-width / 2, width / 2):
        shift = np.array([side, 0, 0])
        b.beams(shift, shift + top, 0.06, Material.METAL, metal, 0.2)
        railing(b, rng, shift, shift + top, 1.0)


@family("barrel")
def barrel(b: Builder, rng: np.random.Generator, at: Values) -> None:
    """An oil drum with hoops."""
    colour = palette.any_colour(rng, 1.0)
    b.cylinders(at, 0.29, 0.88, Material.PAINT, colour, 18)
    hoops = np.asarray(at, float) + [[0, 0, z] for z in (0.02, 0.3, 0.58, 0.85)]
    b.cylinders(hoops, 0.3, 0.025, Material.METAL, colour * 0.8, 18)


@family("crate")
def crate(b: Builder, rng: np.random.Generator, at: Values, size: Number, yaw: Number = 0.0) -> None:
    """A wooden crate with battens."""
    wood = palette.pick(rng, palette.WOODS[:3])
    c = b.at(at, yaw)
    c.boxes([0, 0, size / 2], size, Material.WOOD, wood * 0.8)
    edge, t = size / 2, size * 0.09
    rim = [[s * edge, u * edge, size / 2] for s in (-1, 1) for u in (-1, 1)]
    c.boxes(rim, [t, t, size * 1.01], Material.WOOD, wood)
    bars = [[0, s * edge, z] for s in (-1, 1) for z in (t / 2, size - t / 2)]
    c.boxes(bars, [size, t * 1.1, t], Material.WOOD, wood)
    c.boxes(
        [[s * edge, 0, z] for s in (-1, 1) for z in (t / 2, size - t / 2)],
        [t * 1.1, size, t],
        Material.WOOD,
        wood,
    )


@family("bench")
def bench(b: Builder, rng: np.random.Generator) -> None:
    """A slatted park bench facing +y."""
    wood, metal = palette.pick(rng, palette.WOODS), palette.pick(rng, palette.METALS)
    slats = [[0, y, 0.45] for y in (-0.18, -0.06, 0.06, 0.18)] + [
        [0, -0.26 - 0.03 * i, 0.58 + 0.13 * i] for i in range(3)
    ]
    sizes = [[1.5, 0.095, 0.035]] * 4 + [[1.5, 0.03, 0.1]] * 3
    b.boxes(slats, sizes, Material.WOOD, palette.vary(rng, wood, 7, 0.08))
    for x in (-0.6, 0.6):
        legs = np.array([[x, -0.2, 0], [x, 0.2, 0], [x, -0.24, 0.4], [x, -0.2, 0.42]])
        tops = np.array([[x, -0.2, 0.44], [x, 0.2, 0.44], [x, -0.36, 0.9], [x, 0.2, 0.42]])
        b.beams(legs, tops, 0.045, Material.METAL, metal)


@family("pipe")
def pipe(b: Builder, rng: np.random.Generator, length: Number) -> None:
    """A pipe along y with flanges and a branch down to z = -(its height in the world)."""
    r, colour = rng.choice([0.04, 0.08, 0.15, 0.3]), palette.pick(rng, palette.METALS + palette.WALLS)
    b.rods([0, 0, 0], [0, length, 0], r, Material.METAL, colour, sides=12)
    y = np.arange(2, length, 4.0)
    at = np.column_stack([0 * y, y, 0 * y])
    b.rods(at, at + [0, 0.1, 0], r * 1.25, Material.METAL, colour * 0.7, sides=12)
    drop = np.array([0, rng.uniform(3, length - 1), 0])
    b.rods(drop, drop - [0, 0, b.matrix[2, 3]], r * 0.8, Material.METAL, colour, sides=10)
