"""What children play with: swings, slides, climbing frames, nets, toys; standing at the builder's origin."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement, vehicles
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder

ROPE = palette.hsv(0.1, 0.25, 0.6)


def paint(rng: np.random.Generator) -> palette.Colour:
    """A bright colour."""
    return palette.hsv(rng.choice([0.0, 0.08, 0.14, 0.33, 0.58, 0.6, 0.85]), rng.uniform(0.6, 0.95), rng.uniform(0.5, 0.9))


@family("swing")
def swing(b: Builder, rng: np.random.Generator, seats: int = 2) -> None:
    """A beam on two A-frames with seats on chains, swung a little."""
    tall, half = rng.uniform(1.9, 2.5), 0.55 + 0.65 * seats
    post, colour = one_of(rng, Material.WOOD, Material.METAL), paint(rng) if rng.random() < 0.6 else palette.pick(rng, palette.WOODS)
    ends = np.array([[s * half, 0, tall] for s in (-1, 1)])
    for lean in (-0.8, 0.8):
        b.rods(ends * [1.12, 0, 0] + [0, lean, 0], ends, 0.045, post, colour, sides=9)
    b.rods(ends[0] * [1.05, 1, 1], ends[1] * [1.05, 1, 1], 0.05, post, colour, sides=9)
    for x in (np.arange(seats) - (seats - 1) / 2) * 1.1:
        angle = rng.normal(0, 0.3)
        low = np.array([x, np.sin(angle) * (tall - 0.5), tall - np.cos(angle) * (tall - 0.5)])
        sides = np.array([[-0.22, 0, 0], [0.22, 0, 0]])
        b.rods(np.array([x, 0, tall]) + sides, low + sides, 0.008, Material.METAL, palette.hsv(0, 0, 0.5), sides=4)
        b.boxes(low, [0.48, 0.18, 0.035], Material.PAINT, paint(rng))


@family("slide")
def slide(b: Builder, rng: np.random.Generator, height: Number | None = None) -> None:
    """A chute that bends out at its foot, with a ladder and handrails; comes down along +y."""
    h = height or rng.uniform(1.1, 2.2)
    t, w = np.linspace(0, 1, 14), 0.24
    line = np.stack([0 * t, t * h * 1.55, 0.18 + (h - 0.18) * (1 - t) ** 1.25], axis=-1)
    across = [(-w - 0.03, 0.16), (-w, 0.15), (-w * 0.9, 0.02), (0, 0.0), (w * 0.9, 0.02), (w, 0.15), (w + 0.03, 0.16)]
    sheet = line[:, None] + np.array([[x, 0, z] for x, z in across])
    b.add(shapes.surface(sheet), one_of(rng, Material.PAINT, Material.METAL), np.eye(4), paint(rng))
    frame = paint(rng)
    feet = np.array([[s * w, -0.5, 0] for s in (-1, 1)])
    top = np.array([[s * w, 0, h] for s in (-1, 1)])
    b.rods(feet, top, 0.025, Material.METAL, frame, sides=8)
    share = np.arange(0.2, h, 0.24)[:, None] / h
    b.rods(feet[0] + share * (top[0] - feet[0]), feet[1] + share * (top[1] - feet[1]), 0.016, Material.METAL, frame)
    b.rods([[s * w, 0.45 * h, 0] for s in (-1, 1)], [[s * w, 0.45 * h, h * 0.66] for s in (-1, 1)], 0.022, Material.METAL, frame)
    for foot, head in zip(feet, top, strict=True):
        grip = [foot * 0.35 + head * 0.65 + [0, -0.05, 0.1], head + [0, -0.1, 0.55], head + [0, 0.25, 0.45], head + [0, 0.4, 0.05]]
        b.tube(grip, 0.014, Material.METAL, frame)


@family("climbing dome")
def dome(b: Builder, rng: np.random.Generator) -> None:
    """Rings and struts over half a ball."""
    r, colour = rng.uniform(1.3, 2.2), paint(rng)
    rings, around = np.radians([0, 24, 48, 72]), np.linspace(0, 2 * np.pi, 13)
    nodes = [np.stack([r * np.cos(a) * np.cos(around + k * 0.26), r * np.cos(a) * np.sin(around + k * 0.26), 0 * around + r * np.sin(a)], -1)
             for k, a in enumerate(rings)]  # fmt: skip
    for low, high in zip(nodes[:-1], nodes[1:], strict=True):
        b.rods(low[:-1], high[:-1], 0.02, Material.METAL, colour)
        b.rods(low[1:], high[:-1], 0.02, Material.METAL, colour)
    for ring in nodes[1:]:
        b.tube(ring, 0.02, Material.METAL, colour)


@family("climbing net")
def net(b: Builder, rng: np.random.Generator) -> None:
    """A mast that holds a pyramid of ropes."""
    h, r, sides = rng.uniform(2.4, 4.2), rng.uniform(1.6, 2.6), 6
    b.cylinders([0, 0, 0], 0.07, h + 0.15, Material.METAL, paint(rng), 12)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    feet = np.stack([r * np.cos(angle), r * np.sin(angle), 0 * angle + 0.05], axis=-1)
    colour = paint(rng) * 0.7 if rng.random() < 0.5 else ROPE
    b.rods(feet[:-1], [0, 0, h], 0.016, Material.FABRIC, colour, sides=5)
    for share in np.arange(0.1, 0.95, 0.11):
        b.tube(feet * (1 - share) + np.array([0, 0, h]) * share, 0.01, Material.FABRIC, colour, 5)
    for share in (0.2, 0.4, 0.6):
        rung = feet[:-1] * (1 - share) + np.array([0, 0, h]) * share
        b.rods(rung, [0, 0, rung[0, 2] * 0.9 + 0.1], 0.01, Material.FABRIC, colour, sides=5)


@family("seesaw")
def seesaw(b: Builder, rng: np.random.Generator) -> None:
    """A tilted plank on a stand with handles."""
    tilt, half = rng.choice([-1, 1]) * 0.2, 1.5
    ends = np.array([[s * half, 0, 0.5 + s * half * tilt] for s in (-1, 1)])
    b.beams(ends[0], ends[1], 0.22, Material.WOOD, paint(rng), 0.05)
    b.rods([[0, s * 0.25, 0] for s in (-1, 1)], [[0, 0, 0.5]] * 2, 0.04, Material.METAL, paint(rng), sides=8)
    for seat in ends * [0.75, 1, 1]:
        b.tube(seat + [[0, -0.15, 0.25], [0, -0.15, 0.3], [0, 0.15, 0.3], [0, 0.15, 0.25]], 0.014, Material.METAL, palette.hsv(0, 0, 0.3))
        b.rods(seat, seat + [0, 0, 0.3], 0.014, Material.METAL, palette.hsv(0, 0, 0.3))


@family("spring rider")
def spring_rider(b: Builder, rng: np.random.Generator) -> None:
    """A flat horse on a coil spring."""
    t = np.linspace(0, 6 * 2 * np.pi, 70)
    b.tube(np.stack([0.09 * np.cos(t), 0.09 * np.sin(t), 0.02 + t * 0.0105], -1), 0.013, Material.METAL, palette.hsv(0, 0, 0.15), 5)
    colour = paint(rng)
    outline = ((-0.42, 0.0), (0.35, -0.02), (0.5, 0.2), (0.45, 0.32), (0.1, 0.12), (-0.45, 0.14))
    side = shapes.moved(shapes.prism(outline, -0.02, 0.02), np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]]))
    for x in (-0.13, 0.13):
        b.add(side, Material.PAINT, placement.placed([[x, 0, 0.42]]), colour)
    b.boxes([[0, -0.08, 0.56], [0, 0.0, 0.44]], [[0.26, 0.26, 0.04], [0.26, 0.5, 0.04]], Material.PAINT, paint(rng))
    b.rods([-0.24, 0.22, 0.68], [0.24, 0.22, 0.68], 0.014, Material.METAL, palette.hsv(0, 0, 0.3))


@family("sandbox")
def sandbox(b: Builder, rng: np.random.Generator) -> None:
    """A timber frame full of sand with moulds, a pail and heaps."""
    half, wood = rng.uniform(0.8, 1.6), palette.pick(rng, palette.WOODS)
    for yaw in (0, 0.5, 1, 1.5):
        b.at([0, 0, 0], yaw * np.pi).boxes([0, half, 0.12], [2 * half + 0.12, 0.12, 0.24], Material.WOOD, wood)
    sand = palette.hsv(0.11, 0.35, 0.8)
    b.boxes([0, 0, 0.05], [2 * half, 2 * half, 0.1], Material.PLASTER, sand)
    for _ in range(3):
        b.cylinders([*rng.uniform(-0.6, 0.6, 2) * half, 0.09], 0.2, rng.uniform(0.08, 0.2), Material.PLASTER, sand, 16, 0.25)
    for _ in range(4):
        at = b.at([*rng.uniform(-0.75, 0.75, 2) * half, 0.1])
        at.turned([[0, 0], [0.05, 0], [0.075, 0.13], [0.065, 0.12], [0.045, 0.01], [0, 0.01]], Material.PAINT, paint(rng), 16)


@family("monkey bars")
def monkey_bars(b: Builder, rng: np.random.Generator) -> None:
    """A high ladder on posts."""
    length, h, colour = rng.uniform(2, 3.5), rng.uniform(1.9, 2.4), paint(rng)
    rail = np.array([[s * 0.4, 0, h] for s in (-1, 1)])
    along = np.array([0, length, 0])
    b.rods(rail, rail + along, 0.03, Material.METAL, colour, sides=8)
    posts = np.concatenate([rail, rail + along])
    b.rods(posts * [1, 1, 0], posts, 0.04, Material.METAL, colour, sides=8)
    y = np.arange(0.15, length, 0.3)[:, None] * [0, 1, 0]
    b.rods(rail[0] + y, rail[1] + y, 0.016, Material.METAL, palette.hsv(0, 0, 0.6))
    z = np.arange(0.35, h, 0.35)[:, None] * [0, 0, 1]
    b.rods(rail[0] * [1, 1, 0] + z, rail[1] * [1, 1, 0] + z, 0.016, Material.METAL, palette.hsv(0, 0, 0.6))


@family("play tower")
def tower(b: Builder, rng: np.random.Generator) -> None:
    """A platform under a roof with a slide, a net of ropes and a railing."""
    deck, half, wood = rng.uniform(1.2, 1.8), 0.75, palette.pick(rng, palette.WOODS)
    posts = np.array([[s * half, u * half, 0] for s in (-1, 1) for u in (-1, 1)])
    b.beams(posts, posts + [0, 0, deck + 1.7], 0.1, Material.WOOD, wood)
    b.boxes([0, 0, deck], [2 * half, 2 * half, 0.05], Material.PLANKS, wood)
    b.add(shapes.gable(), Material.PLANKS, placement.placed([[0, 0, deck + 1.7]], [2 * half + 0.3, 2 * half + 0.4, 0.7]), paint(rng))
    for x in (-half, half):
        bars = np.stack([np.full(9, x), np.linspace(-half, half, 9), np.full(9, deck)], -1)
        b.rods(bars, bars + [0, 0, 0.75], 0.014, Material.WOOD, wood, sides=5)
        b.beams([x, -half, deck + 0.75], [x, half, deck + 0.75], 0.05, Material.WOOD, wood)
    slide(b.at([0, half, 0]), rng, deck)
    u = np.linspace(-half + 0.1, half - 0.1, 6)
    b.rods(np.stack([u, 0 * u - half - 0.9, 0 * u], -1), np.stack([u, 0 * u - half, 0 * u + deck], -1), 0.012, Material.FABRIC, ROPE, sides=5)
    share = np.linspace(0.12, 0.9, 6)[:, None]
    left, right = (np.array([s * (half - 0.1), -half - 0.9, 0]) + share * [0, 0.9, deck] for s in (-1, 1))
    b.rods(left, right, 0.012, Material.FABRIC, ROPE, sides=5)


@family("roundabout")
def roundabout(b: Builder, rng: np.random.Generator) -> None:
    """A turning disc with bars."""
    r, colour = rng.uniform(0.8, 1.2), paint(rng)
    b.cylinders([0, 0, 0.12], r, 0.05, Material.RIBBED, palette.hsv(0.6, 0.05, 0.5), 30)
    b.cylinders([0, 0, 0], 0.12, 0.85, Material.METAL, colour, 14)
    for a in np.arange(5) * 2 * np.pi / 5:
        c = b.at([0, 0, 0], float(a))
        c.tube([[0, 0.1, 0.8], [0, r * 0.9, 0.85], [0, r * 0.95, 0.75], [0, r * 0.95, 0.15]], 0.018, Material.METAL, colour)
    b.cylinders([0, 0, 0.84], 0.25, 0.03, Material.PAINT, paint(rng), 20)


@family("trampoline")
def trampoline(b: Builder, rng: np.random.Generator) -> None:
    """A round mat on legs inside a net on padded poles."""
    r, pad, dark = rng.uniform(1.2, 1.9), paint(rng), palette.hsv(0, 0, 0.12)
    b.cylinders([0, 0, 0.7], r * 0.85, 0.01, Material.FABRIC, dark, 40)
    outer = [[r * 0.84, 0.71], [r * 0.86, 0.735], [r, 0.735], [r * 1.02, 0.7]]
    b.turned(outer, Material.FABRIC, pad, 40)
    a = np.linspace(0, 2 * np.pi, 9)[:-1]
    feet = np.stack([r * np.cos(a), r * np.sin(a), 0 * a], -1)
    b.rods(feet, feet + [0, 0, 2.4], 0.03, Material.FABRIC, pad, sides=8)
    around = np.linspace(0, 2 * np.pi, 49)
    low = np.stack([r * np.cos(around), r * np.sin(around), 0 * around + 0.75], -1)
    b.rods(low[:-1], low[:-1] + [0, 0, 1.6], 0.003, Material.FABRIC, dark, sides=3)
    for z in np.arange(0.2, 1.61, 0.2):
        b.tube(low + [0, 0, z], 0.003, Material.FABRIC, dark, 3)


@family("ball")
def ball(b: Builder, rng: np.random.Generator, radius: Number | None = None) -> None:
    """A ball from tennis to beach size."""
    r = radius or rng.choice([0.034, 0.11, 0.12, 0.2])
    b.balls([0, 0, r], r, one_of(rng, Material.FABRIC, Material.PICTURE, Material.PAINT), paint(rng))


@family("tricycle")
def tricycle(b: Builder, rng: np.random.Generator) -> None:
    """A child's tricycle."""
    colour = paint(rng)
    vehicles.wheel(b, np.array([[0, 0.32, 0.15]]), 0.15, 0.05)
    vehicles.wheel(b, np.array([[s * 0.2, -0.28, 0.1] for s in (-1, 1)]), 0.1, 0.045)
    head = np.array([0, 0.22, 0.52])
    b.tube([[0, 0.32, 0.15], [0, 0.26, 0.36], head], 0.016, Material.METAL, colour)
    b.tube([[0, 0.26, 0.36], [0, 0.05, 0.22], [0, -0.28, 0.12]], 0.018, Material.METAL, colour)
    b.rods([-0.2, -0.28, 0.1], [0.2, -0.28, 0.1], 0.012, Material.METAL, colour)
    b.rods(head - [0.19, 0.03, 0], head + [0.19, -0.03, 0], 0.012, Material.METAL, palette.hsv(0, 0, 0.7))
    b.balls([0, -0.12, 0.3], [0.1, 0.13, 0.03], Material.PAINT, palette.hsv(0, 0, 0.1))
    b.rods([0, -0.12, 0.18], [0, -0.12, 0.3], 0.014, Material.METAL, colour)


@family("toy lorry")
def toy_lorry(b: Builder, rng: np.random.Generator) -> None:
    """A tipper for the sandpit."""
    cab, tray = paint(rng), paint(rng)
    b.boxes([[0, 0.12, 0.1], [0, 0.115, 0.16]], [[0.13, 0.1, 0.09], [0.12, 0.07, 0.06]], Material.PAINT, cab)
    b.boxes([0, 0, 0.055], [0.11, 0.34, 0.02], Material.PAINT, palette.hsv(0, 0, 0.15))
    b.add(vehicles.loft([(-0.18, 0.07, 0.08, 0.17), (0.03, 0.07, 0.07, 0.15)]), Material.PAINT, np.eye(4), tray)
    vehicles.wheel(b, np.array([[s * 0.065, y, 0.037] for s in (-1, 1) for y in (-0.12, 0.11)]), 0.037, 0.03)


@family("toy blocks")
def blocks(b: Builder, rng: np.random.Generator) -> None:
    """A leaning tower of wooden blocks with some beside it."""
    z = 0.0
    for _ in range(rng.integers(2, 6)):
        size = rng.uniform(0.03, 0.05)
        b.boxes([*rng.normal(0, 0.006, 2), z + size / 2], size, Material.WOOD, paint(rng), rng.normal(0, 0.25))
        z += size
    for _ in range(5):
        at = rng.normal(0, 0.13, 2)
        if np.linalg.norm(at) > 0.07:
            b.boxes([*at, 0.02], 0.04, Material.WOOD, paint(rng), rng.uniform(0, 1.5))


@family("football goal")
def goal(b: Builder, rng: np.random.Generator) -> None:
    """A frame with a net."""
    w, h, d = rng.uniform(1.2, 2.6), rng.uniform(1.0, 2.0), rng.uniform(0.6, 1.0)
    white = palette.hsv(0, 0, 0.9)
    b.tube([[-w, 0, 0], [-w, 0, h], [w, 0, h], [w, 0, 0]], 0.045, Material.METAL, white, 9)
    x = np.arange(-w, w + 0.01, 0.16)[:, None] * [1, 0, 0]
    b.rods(x + [0, 0, h], x + [0, -d, 0], 0.003, Material.FABRIC, white, sides=3)
    t = np.arange(0.1, 1.0, 0.1)[:, None]
    b.rods([-w, 0, h] + t * [0, -d, -h], [w, 0, h] + t * [0, -d, -h], 0.003, Material.FABRIC, white, sides=3)
    for side in (-w, w):
        b.rods([side, 0, 0] + t * [0, -d, 0], [side, 0, h] + t * [0, 0, 0], 0.003, Material.FABRIC, white, sides=3)
    b.tube([[-w, 0, h], [-w, -d, 0], [w, -d, 0], [w, 0, h]], 0.02, Material.METAL, white)
