"""Cars, vans, scooters and bicycles; never drives them."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number, Values
from patchwrap.scenes.scene import Builder

DARK = palette.hsv(0, 0, 0.12)
# Height in metres of the lower edge of a car's windows.
BELT = 0.88


def loft(sections: list[tuple[float, float, float, float]]) -> shapes.Mesh:
    """A shell along y through ``(y, half width, low, high)`` boxes, capped at its ends."""
    rings = np.array([[(-w, y, a), (w, y, a), (w, y, h), (-w, y, h)] for y, w, a, h in sections], float)
    faces = [
        [rings[i, j], rings[i, (j + 1) % 4], rings[i + 1, (j + 1) % 4], rings[i + 1, j]]
        for i in range(len(rings) - 1)
        for j in range(4)
    ]
    return shapes.flat(np.array([*faces, rings[0, ::-1], rings[-1]]))


def wheel(b: Builder, centres: Values, radius: Number, width: Number) -> None:
    """Tyres and rims with their axle along x."""
    left = np.asarray(centres, float) - [width / 2, 0, 0]
    b.add(
        shapes.cylinder(18),
        Material.FABRIC,
        placement.spanning(left, left + [width, 0, 0], radius),
        DARK * 0.6,
    )
    rim = placement.spanning(left - [0.01, 0, 0], left + [width + 0.01, 0, 0], radius * 0.6)
    b.add(shapes.cylinder(12), Material.METAL, rim, palette.hsv(0.6, 0.03, 0.65))


@family("car")
def car(b: Builder, rng: np.random.Generator) -> None:
    """A hatchback, saloon or estate that points along +y."""
    length, w, tall = rng.uniform(3.7, 4.8), rng.uniform(0.8, 0.92), rng.uniform(1.38, 1.6)
    paint = palette.any_colour(rng, 1.1) if rng.random() < 0.7 else palette.hsv(0, 0, rng.uniform(0.1, 0.95))
    f, back = length / 2, rng.choice([0.25, 0.6, 0.95])
    hull(b, f, w, paint)
    cabin(b, f, w, tall, back, paint)
    pillars(b, f, w, tall, back, paint)
    wheel(b, [[s * (w - 0.08), y * f, 0.31] for s in (-1, 1) for y in (-0.6, 0.62)], 0.31, 0.2)
    lights(b, f, w)
    bumpers(b, f, w)
    b.boxes([[s * (w + 0.09), f * 0.35, 0.95] for s in (-1, 1)], [0.2, 0.1, 0.13], Material.PAINT, paint)


def hull(b: Builder, f: Number, w: Number, paint: Values) -> None:
    """A car's body below its windows; ``f`` and ``w`` are half its length and width."""
    sections = [
        (-f, w * 0.86, 0.35, 0.78), (-f * 0.93, w * 0.97, 0.22, BELT), (f * 0.3, w, 0.2, BELT),
        (f * 0.88, w * 0.95, 0.22, 0.74), (f, w * 0.8, 0.35, 0.62),
    ]  # fmt: skip
    b.add(loft(sections), Material.PAINT, np.eye(4), paint)


def cabin(b: Builder, f: Number, w: Number, tall: Number, back: Number, paint: Values) -> None:
    """A car's windows and roof, which reach to the share ``back`` of its rear half."""
    panes = [
        (-f * back, w * 0.84, BELT, BELT + 0.02), (-f * back * 0.75, w * 0.78, BELT, tall - 0.04),
        (0.05 * f, w * 0.78, BELT, tall - 0.05), (f * 0.42, w * 0.86, BELT, BELT + 0.02),
    ]  # fmt: skip
    b.add(loft(panes), Material.GLASS, np.eye(4), palette.hsv(0.6, 0.15, 0.18))
    top = [(-f * back * 0.74, w * 0.76, tall - 0.05, tall), (0.05 * f, w * 0.76, tall - 0.06, tall - 0.01)]
    b.add(loft(top), Material.PAINT, np.eye(4), paint)


def pillars(b: Builder, f: Number, w: Number, tall: Number, back: Number, paint: Values) -> None:
    """The posts between a car's windows."""
    for x in (-1, 1):
        posts = [[x * w * 0.79, y, tall - 0.05] for y in (0.05 * f, -f * back * 0.75, -0.3 * f * back)]
        lower = ((0.87, f * 0.42), (0.85, -f * back), (0.86, -0.3 * f * back))
        feet = [[x * w * share, y, BELT] for share, y in lower]
        b.beams(feet, posts, 0.07, Material.PAINT, paint)


def lights(b: Builder, f: Number, w: Number) -> None:
    """A car's lamps, white in front and red behind."""
    white, red = palette.hsv(0.1, 0.05, 0.95), palette.hsv(0, 0.9, 0.6)
    b.boxes([[s * w * 0.62, f * 0.965, 0.62] for s in (-1, 1)], [0.34, 0.12, 0.14], Material.CERAMIC, white)
    b.boxes([[s * w * 0.72, -f * 0.97, 0.7] for s in (-1, 1)], [0.26, 0.12, 0.18], Material.CERAMIC, red)


def bumpers(b: Builder, f: Number, w: Number) -> None:
    """A car's bumpers and number plates."""
    b.boxes([[0, y * f * 1.0, 0.45] for y in (-1, 1)], [w * 1.6, 0.1, 0.2], Material.PAINT, DARK)
    plates = [[0, y * f * 1.02, 0.5] for y in (-1, 1)]
    b.boxes(plates, [0.5, 0.1, 0.11], Material.PAINT, palette.hsv(0.13, 0.1, 0.9))


@family("van")
def van(b: Builder, rng: np.random.Generator) -> None:
    """A delivery van or lorry that points along +y."""
    paint, w, tall = palette.any_colour(rng), 1.0, rng.uniform(2.1, 3.2)
    b.boxes([0, -0.6, 0.4 + tall / 2], [2 * w, 3.6, tall - 0.3], Material.PAINT, paint)
    cab = [
        (1.2, w * 0.97, 0.35, 2.0),
        (2.0, w * 0.95, 0.35, 1.95),
        (2.55, w * 0.93, 0.35, 1.25),
        (2.8, w * 0.9, 0.4, 1.1),
    ]
    b.add(loft(cab), Material.PAINT, np.eye(4), paint if rng.random() < 0.5 else palette.any_colour(rng))
    pane = [(1.35, w * 0.985, 1.2, 1.85), (2.0, w * 0.965, 1.2, 1.85)]
    b.add(loft(pane), Material.GLASS, np.eye(4), palette.hsv(0.6, 0.1, 0.15))
    shield = placement.spanning([[0, 2.06, 1.92]], [[0, 2.56, 1.3]], 1.6, 0.06)
    b.add(shapes.cylinder(4), Material.GLASS, shield @ np.diag([0.6, 0.6, 1, 1]), palette.hsv(0.6, 0.1, 0.15))
    wheel(b, [[s * (w - 0.1), y, 0.36] for s in (-1, 1) for y in (-1.6, 1.9)], 0.36, 0.22)
    b.boxes(
        [[s * 0.7, 2.8, 0.75] for s in (-1, 1)],
        [0.3, 0.1, 0.2],
        Material.CERAMIC,
        palette.hsv(0.1, 0.05, 0.95),
    )


@family("bicycle")
def bicycle(b: Builder, rng: np.random.Generator) -> None:
    """A bicycle that points along +y: rims, spokes, frame, saddle, bar."""
    paint, r = palette.any_colour(rng, 1.1), 0.34
    hubs = np.array([[0, -0.52, r], [0, 0.52, r]])
    for hub in hubs:
        spoked_wheel(b, hub, r)
    crank, seat, head = np.array([0, -0.08, 0.3]), np.array([0, -0.22, 0.85]), np.array([0, 0.36, 0.85])
    starts = np.array([crank, crank, seat * [1, 1, 0.92], hubs[0], hubs[0], hubs[1], seat])
    ends = np.array([seat, head, head, crank, seat * [1, 1, 0.9], head + [0, -0.04, 0.12], seat + [0, -0.03, 0.1]])
    b.rods(starts, ends, 0.018, Material.PAINT, paint, sides=6)
    b.boxes(seat + [0, -0.03, 0.12], [0.14, 0.26, 0.05], Material.FABRIC, DARK)
    left, right = head + [-0.28, -0.05, 0.15], head + [0.28, -0.05, 0.15]
    b.rods(left, right, 0.014, Material.METAL, palette.hsv(0, 0, 0.6))


def spoked_wheel(b: Builder, hub: np.ndarray, radius: Number) -> None:
    """A thin tyre and spokes around a hub, their axle along x."""
    angle = np.linspace(0, 2 * np.pi, 19)
    ring = np.stack([np.zeros(19), np.cos(angle), np.sin(angle)], axis=-1) * radius
    b.rods(hub + ring[:-1], hub + ring[1:], 0.018, Material.PAINT, DARK, sides=5)
    middle, steel = np.repeat(hub[None], 18, axis=0), palette.hsv(0, 0, 0.7)
    b.rods(middle, hub + ring[:-1], 0.0022, Material.METAL, steel, sides=3)


@family("motor scooter")
def scooter(b: Builder, rng: np.random.Generator) -> None:
    """A parked scooter that points along +y."""
    paint = palette.any_colour(rng, 1.1)
    wheel(b, np.array([[0, -0.6, 0.22], [0, 0.6, 0.22]]), 0.22, 0.1)
    b.balls([0, -0.5, 0.5], [0.18, 0.42, 0.2], Material.PAINT, paint)
    b.boxes([0, 0.0, 0.24], [0.3, 0.5, 0.05], Material.PAINT, paint * 0.7)
    shield = placement.spanning([[0, 0.28, 0.26]], [[0, 0.42, 0.95]], 0.36, 0.05)
    shield[:, :3, 3] += 0.5 * shield[:, :3, 2]
    b.add(shapes.box(), Material.PAINT, shield, paint)
    b.rods([0, 0.6, 0.22], [0, 0.42, 1.0], 0.03, Material.METAL, palette.hsv(0, 0, 0.6))
    b.rods([-0.33, 0.36, 1.0], [0.33, 0.36, 1.0], 0.016, Material.METAL, DARK)
    b.balls([0, 0.45, 0.93], [0.09, 0.07, 0.08], Material.CERAMIC, palette.hsv(0.12, 0.05, 0.95))
    b.balls([0, -0.42, 0.7], [0.15, 0.38, 0.06], Material.FABRIC, DARK)
    for s in (-1, 1):
        b.rods([s * 0.2, 0.36, 1.0], [s * 0.28, 0.34, 1.2], 0.006, Material.METAL, DARK)
        b.balls([s * 0.28, 0.34, 1.22], [0.05, 0.02, 0.035], Material.GLASS, palette.hsv(0.6, 0.1, 0.5))
