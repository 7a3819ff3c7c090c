"""Workshop equipment on the floor and on benches; at the origin, worked at from -y."""

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement, structures, tools, vehicles
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder

STEEL = palette.hsv(0.6, 0.05, 0.55)
DARK = palette.hsv(0.6, 0.1, 0.12)


def enamel(rng: np.random.Generator) -> palette.Colour:
    """The green, blue, grey or red of machine tools."""
    return palette.hsv(rng.choice([0.33, 0.42, 0.58, 0.6, 0.0, 0.1]), rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.7))


@family("workbench")
def workbench(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """A thick top on heavy legs with a shelf, a vise, tools, tins and shavings."""
    wood = palette.pick(rng, palette.WOODS[:3])
    b.boxes([[0, 0, 0.86], [0, 0, 0.25]], [[width, 0.7, 0.08], [width - 0.15, 0.6, 0.03]], Material.PLANKS, wood)
    legs = np.array([[s * (width / 2 - 0.1), u * 0.28, 0] for s in (-1, 1) for u in (-1, 1)])
    b.beams(legs, legs + [0, 0, 0.83], 0.09, Material.WOOD, wood)
    top = b.at([0, 0, 0.9])
    vise(top.at([-width / 2 + 0.3, -0.25, 0]), rng)
    small = (tools.hammer, tools.saw, tools.screwdrivers, tools.pliers, plane, tin, tin, lamp, spool)
    for x in np.arange(-width / 2 + 0.75, width / 2 - 0.1, 0.3):
        small[rng.integers(len(small))](top.at([x, rng.uniform(-0.2, 0.15), 0], rng.uniform(0, 6.3)), rng)
    for x in np.arange(-width / 2 + 0.35, width / 2 - 0.2, 0.45):
        (structures.crate(b, rng, [x, 0, 0.265], 0.32) if rng.random() < 0.5 else tools.bucket(b.at([x, 0, 0.265]), rng))


@family("vise")
def vise(b: Builder, rng: np.random.Generator) -> None:
    """Two jaws on a screw with its bar."""
    paint = enamel(rng)
    b.boxes([[0, 0.03, 0.06], [0, -0.1, 0.1], [0, 0.05, 0.13]], [[0.14, 0.2, 0.12], [0.14, 0.04, 0.1], [0.14, 0.06, 0.1]], Material.METAL, paint)
    b.rods([0, -0.25, 0.07], [0, 0.0, 0.07], 0.016, Material.METAL, STEEL, sides=8)
    b.rods([-0.11, -0.24, 0.1], [0.11, -0.24, 0.04], 0.007, Material.METAL, STEEL)


@family("plane")
def plane(b: Builder, rng: np.random.Generator) -> None:
    """A carpenter's plane with curls of wood."""
    b.boxes([0, 0, 0.025], [0.065, 0.25, 0.05], Material.WOOD, tools.ASH)
    b.balls([0, -0.09, 0.07], [0.02, 0.02, 0.035], Material.WOOD, tools.ASH * 0.6)
    b.beams([0, 0.02, 0.04], [0, -0.03, 0.13], 0.05, Material.METAL, STEEL, 0.005)
    t = np.linspace(0, 9, 28)
    for _ in range(4):
        curl = b.at([rng.normal(0, 0.12), rng.normal(0.15, 0.06), 0.022], rng.uniform(0, 6))
        curl.tube(np.stack([0.006 * t, 0.018 * np.cos(t), 0.018 * np.sin(t)], -1), 0.0035, Material.WOOD, tools.ASH * 1.2, 3)


@family("paint tin")
def tin(b: Builder, rng: np.random.Generator) -> None:
    """A tin with a brush across it."""
    r, h = rng.uniform(0.05, 0.09), rng.uniform(0.1, 0.2)
    b.turned([[0, 0], [r, 0], [r, h], [r * 1.03, h], [r * 0.85, h - 0.004], [0, h - 0.02]], Material.METAL, STEEL, 22)
    b.cylinders([0, 0, 0.02], r * 1.005, h * 0.7, Material.PICTURE, palette.any_colour(rng, 1.2), 22)
    b.rods([-r * 1.3, 0.02, h + 0.012], [r * 0.8, -0.02, h + 0.012], 0.008, Material.WOOD, tools.ASH)
    b.boxes([r * 1.1, -0.026, h + 0.012], [0.06, 0.035, 0.014], Material.FABRIC, DARK)


@family("bench lamp")
def lamp(b: Builder, rng: np.random.Generator) -> None:
    """A jointed work lamp."""
    paint = enamel(rng)
    b.boxes([0, 0.1, 0.02], [0.08, 0.08, 0.04], Material.METAL, paint)
    b.tube([[0, 0.1, 0.04], [0.1, 0.12, 0.4], [-0.05, -0.05, 0.66]], 0.009, Material.METAL, paint)
    b.add(shapes.pipe(16, 2.4), Material.PAINT, placement.spanning([[-0.05, -0.05, 0.66]], [[-0.08, -0.1, 0.53]], 0.04), paint)
    b.balls([-0.07, -0.085, 0.57], 0.03, Material.GLOW, palette.hsv(0.12, 0.2, 1.0))


@family("cable drum")
def spool(b: Builder, rng: np.random.Generator) -> None:
    """A reel with cable and a loose end."""
    for x in (-0.05, 0.05):
        disc = placement.spanning([[x - 0.004, 0, 0.09]], [[x + 0.004, 0, 0.09]], 0.09)
        b.add(shapes.cylinder(22), Material.PAINT, disc, palette.hsv(0.1, 0.6, 0.5))
    b.add(shapes.cylinder(18), Material.RIBBED, placement.spanning([[-0.05, 0, 0.09]], [[0.05, 0, 0.09]], 0.065), palette.any_colour(rng, 1.1))
    u = np.linspace(0, 1, 20)
    b.tube(np.stack([0.03 + 0.2 * u, 0.08 * np.sin(u * 9) + 0.09, 0 * u + 0.005], -1), 0.005, Material.PAINT, DARK, 5)


@family("pillar drill")
def drill(b: Builder, rng: np.random.Generator) -> None:
    """A drill press on the floor: foot, column, table, head, quill wheel."""
    paint = enamel(rng)
    b.boxes([[0, 0, 0.04], [0, -0.18, 0.85], [0, -0.1, 1.55]], [[0.45, 0.6, 0.08], [0.35, 0.35, 0.04], [0.26, 0.6, 0.32]], Material.METAL, paint)
    b.cylinders([0, 0.12, 0], 0.05, 1.75, Material.METAL, STEEL, 14)
    b.boxes([0, 0.0, 1.78], [0.26, 0.66, 0.14], Material.PAINT, DARK)
    b.rods([0, -0.28, 1.4], [0, -0.28, 1.12], 0.03, Material.METAL, STEEL, sides=10, top=0.6)
    b.rods([0, -0.28, 1.12], [0, -0.28, 1.0], 0.006, Material.METAL, STEEL)
    for a in np.arange(3) * 2.09:
        tip = np.array([0.18, -0.28 + 0.2 * np.cos(a), 1.45 + 0.2 * np.sin(a)])
        b.rods([0.15, -0.28, 1.45], tip, 0.007, Material.METAL, STEEL)
        b.balls(tip, 0.02, Material.PAINT, DARK)


@family("lathe")
def lathe(b: Builder, rng: np.random.Generator) -> None:
    """A lathe with headstock, chuck, bed, carriage and tailstock."""
    paint = enamel(rng)
    b.boxes([[-0.6, 0, 0.4], [0.65, 0, 0.4]], [[0.45, 0.5, 0.8], [0.35, 0.45, 0.8]], Material.PAINT, paint)
    b.boxes([[0, 0, 0.85], [-0.68, 0, 1.1], [0.68, 0, 1.05], [0.1, -0.05, 0.97]], [[1.7, 0.3, 0.12], [0.4, 0.45, 0.45], [0.22, 0.25, 0.3], [0.25, 0.5, 0.14]], Material.METAL, paint)
    for start, end, r in ((-0.48, -0.38, 0.12), (-0.38, 0.4, 0.04), (0.4, 0.6, 0.025)):
        b.rods([start, 0, 1.15], [end, 0, 1.15], r, Material.METAL, STEEL, sides=14)
    for x, z in ((0.1, 0.9), (0.85, 1.05)):
        b.hoop([x, -0.32, z], 0.09, 0.011, 1, Material.METAL, STEEL, 18)
        b.rods([[x - 0.09, -0.32, z], [x, -0.32, z - 0.09]], [[x + 0.09, -0.32, z], [x, -0.32, z + 0.09]], 0.007, Material.METAL, STEEL)
    b.rods([-0.8, -0.2, 0.75], [0.8, -0.2, 0.75], 0.014, Material.METAL, STEEL)


@family("band saw")
def band_saw(b: Builder, rng: np.random.Generator) -> None:
    """Two wheel cases, a table and the thin blade."""
    paint = enamel(rng)
    b.boxes([[0, 0, 0.3], [0.28, 0.02, 1.0]], [[0.7, 0.5, 0.6], [0.14, 0.16, 1.6]], Material.PAINT, paint)
    for z in (0.55, 1.6):
        case = placement.spanning([[0.05, -0.1, z]], [[0.05, 0.1, z]], 0.3)
        b.add(shapes.cylinder(26), Material.PAINT, case, paint)
    b.boxes([-0.15, -0.05, 0.97], [0.6, 0.55, 0.035], Material.METAL, STEEL)
    b.boxes([-0.22, 0, 1.2], [0.014, 0.002, 1.0], Material.METAL, STEEL)
    b.boxes([-0.22, 0, 1.4], [0.08, 0.06, 0.3], Material.METAL, DARK)


@family("trestle")
def trestle(b: Builder, rng: np.random.Generator) -> None:
    """Two saw horses with boards across."""
    wood, w = palette.pick(rng, palette.WOODS[:3]), 0.8
    for y in (-0.7, 0.7):
        b.boxes([0, y, 0.78], [w, 0.09, 0.07], Material.WOOD, wood)
        feet = np.array([[s * w * 0.42, y + u * 0.26, 0] for s in (-1, 1) for u in (-1, 1)])
        b.beams(feet, np.array([[s * w * 0.38, y, 0.77] for s in (-1, 1) for _ in (0, 1)]), 0.05, Material.WOOD, wood)
        b.beams(feet[::2] + [0, 0.12, 0.3], feet[1::2] + [0, -0.12, 0.3], 0.03, Material.WOOD, wood)
    for k in range(rng.integers(1, 5)):
        b.boxes([rng.normal(0, 0.12), rng.normal(0, 0.1), 0.835 + 0.03 * k], [0.18, 2.4, 0.027], Material.WOOD, palette.vary(rng, wood, 1)[0], rng.normal(0, 0.05))


@family("timber stack")
def lumber(b: Builder, rng: np.random.Generator) -> None:
    """Boards and laths leaning on a wall at y = 0."""
    n = int(rng.integers(8, 22))
    x = np.sort(rng.uniform(-0.8, 0.8, n))
    foot = np.column_stack([x, -rng.uniform(0.3, 0.8, n), 0 * x])
    top = np.column_stack([x + rng.normal(0, 0.12, n), 0 * x - 0.03, rng.uniform(1.4, 2.5, n)])
    b.beams(foot, top, rng.uniform(0.03, 0.18, n), Material.WOOD, palette.vary(rng, palette.pick(rng, palette.WOODS), n), 0.025)


@family("tool wall")
def tool_wall(b: Builder, rng: np.random.Generator, width: Number) -> None:
    """A pegboard with spanners, saws, hammers and clamps in rows on a wall at y = 0."""
    b.boxes([0, -0.012, 1.55], [width, 0.02, 1.0], Material.WOOD, palette.pick(rng, palette.WOODS + palette.WALLS))
    for z in (1.95, 1.55, 1.25):
        kind, x = int(rng.integers(4)), -width / 2 + 0.12
        while x < width / 2 - 0.1:
            hang(b.at([x, -0.035, z], 0.0, rng.uniform(0.8, 1.2)), rng, kind)
            x += 0.11 if kind != 1 else 0.3


def hang(b: Builder, rng: np.random.Generator, kind: int) -> None:
    """One tool on its hook."""
    b.rods([0, 0.02, 0], [0, -0.02, 0.0], 0.003, Material.METAL, STEEL, sides=4)
    if kind == 0:
        b.rods([0, 0, -0.2], [0, 0, -0.02], 0.007, Material.METAL, STEEL)
        b.hoop([0, 0, 0], 0.018, 0.006, 1, Material.METAL, STEEL, 12)
        b.rods([[0, 0, -0.2]] * 2, [[s * 0.018, 0, -0.235] for s in (-1, 1)], 0.006, Material.METAL, STEEL)
    elif kind == 1:
        b.tube([[-0.06, 0, 0.0], [0.1, 0, 0], [0.1, 0, -0.22], [-0.06, 0, -0.22]], 0.008, Material.METAL, enamel(rng))
        b.rods([-0.06, 0, -0.25], [-0.06, 0, -0.05], 0.006, Material.METAL, STEEL)
    elif kind == 2:
        b.rods([0, 0, -0.26], [0, 0, 0.0], 0.012, Material.WOOD, tools.ASH)
        b.boxes([0, 0, 0.02], [0.1, 0.026, 0.03], Material.METAL, STEEL)
    else:
        b.rods([0, 0, -0.09], [0, 0, 0.0], 0.013, Material.PAINT, palette.any_colour(rng, 1.2), sides=8)
        b.rods([0, 0, -0.2], [0, 0, -0.09], 0.004, Material.METAL, STEEL)


@family("engine hoist")
def hoist(b: Builder, rng: np.random.Generator) -> None:
    """A crane on castors with an engine on its chain."""
    paint = enamel(rng)
    b.beams([[s * 0.45, -0.9, 0.12] for s in (-1, 1)], [[s * 0.3, 0.6, 0.12] for s in (-1, 1)], 0.08, Material.METAL, paint)
    b.beams([0, 0.5, 0.1], [0, 0.5, 1.6], 0.1, Material.METAL, paint)
    b.boxes([0, 0.5, 0.13], [0.8, 0.1, 0.1], Material.METAL, paint)
    b.beams([0, 0.55, 1.55], [0, -0.75, 1.95], 0.09, Material.METAL, paint)
    b.rods([0, 0.42, 0.7], [0, -0.05, 1.72], 0.035, Material.METAL, STEEL, sides=10)
    b.rods([0, -0.75, 1.92], [0, -0.75, 1.2], 0.012, Material.METAL, DARK)
    b.boxes([[0, -0.75, 1.0], [0, -0.75, 1.17]], [[0.45, 0.55, 0.35], [0.3, 0.5, 0.1]], Material.METAL, STEEL * 0.6)
    pulleys = np.array([[x, -1.04, z] for x, z in ((0, 1.0), (-0.14, 1.12), (0.14, 1.1))])
    b.add(shapes.cylinder(18), Material.METAL, placement.spanning(pulleys, pulleys + [0, 0.05, 0], 0.08), STEEL)
    b.balls([[s * x, y, 0.045] for s in (-1, 1) for x, y in ((0.45, -0.85), (0.36, 0.5))], np.full(4, 0.05), Material.PAINT, DARK)


@family("compressor")
def compressor(b: Builder, rng: np.random.Generator) -> None:
    """A lying tank with a motor, wheels and a coiled hose."""
    paint = enamel(rng)
    b.add(shapes.cylinder(20), Material.PAINT, placement.spanning([[-0.45, 0, 0.35]], [[0.45, 0, 0.35]], 0.2), paint)
    b.balls([[s * 0.45, 0, 0.35] for s in (-1, 1)], np.tile([0.08, 0.2, 0.2], (2, 1)), Material.PAINT, paint)
    b.boxes([[0.15, 0, 0.63], [-0.2, 0, 0.63]], [[0.25, 0.25, 0.2], [0.2, 0.22, 0.16]], Material.METAL, DARK)
    vehicles.wheel(b, np.array([[0.35, s * 0.22, 0.12] for s in (-1, 1)]), 0.12, 0.05)
    t = np.linspace(0, 40, 130)
    b.tube(np.stack([-0.5 - 0.008 * t, 0.06 * np.cos(t), 0.35 - 0.005 * t + 0.06 * np.sin(t)], -1), 0.006, Material.PAINT, palette.hsv(0.0, 0.8, 0.6), 4)


@family("tool trolley")
def trolley(b: Builder, rng: np.random.Generator) -> None:
    """A chest of drawers on castors, one drawer open, tools on top."""
    paint = palette.hsv(rng.choice([0.0, 0.6, 0.08]), 0.85, 0.55)
    b.boxes([0, 0, 0.5], [0.65, 0.42, 0.72], Material.PAINT, paint)
    z = np.linspace(0.22, 0.78, 6)
    open_ = np.where(np.arange(6) == rng.integers(6), -0.22, 0.0)
    b.boxes(np.stack([0 * z, open_ - 0.215, z], -1), [0.6, 0.02, 0.095], Material.PAINT, paint * 0.8)
    b.boxes(np.stack([0 * z, open_ - 0.235, z + 0.025], -1), [0.5, 0.025, 0.014], Material.METAL, STEEL)
    b.balls([[s * 0.28, u * 0.16, 0.07] for s in (-1, 1) for u in (-1, 1)], np.full(4, 0.065), Material.PAINT, DARK)
    for x, put in ((-0.2, tools.hammer), (0.0, tools.screwdrivers), (0.2, tools.pliers)):
        put(b.at([x, 0, 0.865], rng.normal(0, 0.4)), rng)


@family("repair stand")
def repair_stand(b: Builder, rng: np.random.Generator) -> None:
    """A bicycle clamped at working height."""
    b.rods([[0.25 * np.cos(a), 0.25 * np.sin(a), 0] for a in (0, 2.1, 4.2)], [0, 0, 0.25], 0.016, Material.METAL, STEEL)
    b.rods([0, 0, 0.2], [0, 0, 1.35], 0.022, Material.METAL, STEEL, sides=8)
    b.rods([0, 0, 1.32], [0.25, 0, 1.35], 0.018, Material.METAL, DARK)
    vehicles.bicycle(b.at([0.3, 0.2, 0.62]), rng)


@family("welding set")
def welding(b: Builder, rng: np.random.Generator) -> None:
    """Two gas cylinders on a hand truck with hoses and a torch."""
    for x, hue in ((-0.14, 0.6), (0.14, 0.0)):
        tank = [[0, 0], [0.11, 0.0], [0.11, 1.05], [0.06, 1.18], [0.03, 1.2], [0.03, 1.3], [0, 1.3]]
        b.turned(tank, Material.PAINT, palette.hsv(hue, 0.7, 0.4), 18, (x, 0, 0.1))
    b.rods([[s * 0.28, 0.12, 0.1] for s in (-1, 1)], [[s * 0.24, 0.18, 1.25] for s in (-1, 1)], 0.014, Material.METAL, DARK)
    b.rods([-0.24, 0.18, 1.25], [0.24, 0.18, 1.25], 0.014, Material.METAL, DARK)
    vehicles.wheel(b, np.array([[s * 0.32, 0.12, 0.13] for s in (-1, 1)]), 0.13, 0.04)
    t = np.linspace(0, 1, 40)
    for x in (-0.14, 0.14):
        b.tube(np.stack([x + 0.2 * np.sin(t * 6) * t, -0.1 - 0.6 * t, 1.3 - 1.28 * np.minimum(t * 2, 1)], -1), 0.007, Material.PAINT, palette.hsv(0.0 if x > 0 else 0.6, 0.8, 0.4), 5)


@family("chain hoist")
def chain_hoist(b: Builder, rng: np.random.Generator, height: Number) -> None:
    """A block under a beam at ``height``, its chain links and hook."""
    b.boxes([0, 0, height - 0.2], [0.3, 0.22, 0.3], Material.PAINT, palette.hsv(0.13, 0.85, 0.8))
    low = rng.uniform(0.9, height * 0.6)
    z = np.arange(low, height - 0.35, 0.055)
    for k, level in enumerate(z):
        b.hoop([0, 0, level], 0.03, 0.006, k % 2, Material.METAL, STEEL, 8)
    a = np.linspace(0.5, 5.2, 12)
    b.tube(np.stack([0.06 * np.sin(a), 0 * a, low - 0.09 + 0.06 * np.cos(a)], -1), 0.014, Material.METAL, DARK)


@family("conveyor")
def conveyor(b: Builder, rng: np.random.Generator) -> None:
    """Rollers between rails on legs, with cartons."""
    length, rail = rng.uniform(3, 7), enamel(rng)
    y = np.arange(0, length, 0.12)
    b.rods(np.stack([0 * y - 0.35, y, 0 * y + 0.8], -1), np.stack([0 * y + 0.35, y, 0 * y + 0.8], -1), 0.03, Material.METAL, STEEL, sides=8)
    b.beams([[s * 0.38, 0, 0.8] for s in (-1, 1)], [[s * 0.38, length, 0.8] for s in (-1, 1)], 0.04, Material.METAL, rail, 0.12)
    legs = np.array([[s * 0.38, v, 0] for s in (-1, 1) for v in np.arange(0.2, length, 1.5)])
    b.beams(legs, legs + [0, 0, 0.76], 0.05, Material.METAL, rail)
    for v in np.arange(0.4, length - 0.3, rng.uniform(0.7, 1.4)):
        size = rng.uniform(0.25, 0.5, 3)
        b.boxes([rng.normal(0, 0.03), v, 0.83 + size[2] / 2], size, Material.PAINT, palette.hsv(0.08, 0.45, 0.65), rng.normal(0, 0.2))


@family("spiral stairs")
def spiral_stairs(b: Builder, rng: np.random.Generator, height: Number) -> None:
    """Wedge treads around a pole with a winding rail."""
    n, metal = int(height / 0.19), palette.pick(rng, palette.METALS)
    k = np.arange(n)
    a, z = k * 0.42, (k + 1) * height / n
    b.cylinders([0, 0, 0], 0.07, height + 1.0, Material.METAL, metal, 12)
    out = np.stack([np.cos(a), np.sin(a), 0 * a], -1)
    wedge = shapes.prism(((0, -0.05), (0.85, -0.2), (0.85, 0.2), (0, 0.05)), -0.02, 0.02)
    b.add(wedge, Material.RIBBED, placement.placed(np.stack([0 * z, 0 * z, z], -1), np.ones(n), a), metal)
    foot = out * 0.82 + np.stack([0 * z, 0 * z, z], -1)
    b.rods(foot, foot + [0, 0, 0.95], 0.012, Material.METAL, metal)
    b.tube(foot + [0, 0, 0.95], 0.02, Material.METAL, metal, 7)


@family("silo")
def silo(b: Builder, rng: np.random.Generator, height: Number) -> None:
    """A tank on legs with a cone below, a ladder and pipes."""
    r, low, paint = rng.uniform(0.7, 1.4), height * 0.3, palette.pick(rng, palette.METALS)
    b.turned([[0.12, low * 0.5], [r, low], [r, height * 0.9], [r * 0.5, height], [0, height]], Material.METAL, paint, 26)
    a = np.arange(4) * np.pi / 2 + 0.7
    foot = np.stack([r * np.cos(a), r * np.sin(a), 0 * a], -1)
    b.rods(foot, foot + [0, 0, low + 0.3], 0.05, Material.METAL, paint)
    for s in (-0.2, 0.2):
        b.rods([s, -r - 0.12, 0], [s, -r - 0.12, height], 0.018, Material.METAL, STEEL)
    z = np.arange(0.3, height, 0.3)
    b.rods(np.stack([0 * z - 0.2, 0 * z - r - 0.12, z], -1), np.stack([0 * z + 0.2, 0 * z - r - 0.12, z], -1), 0.012, Material.METAL, STEEL)
    for level in np.arange(2.2, height, 0.8):
        t = np.linspace(-1.57, 1.57, 9)
        b.tube(np.stack([0.35 * np.sin(t), -r - 0.12 - 0.6 * np.cos(t), 0 * t + level], -1), 0.012, Material.METAL, STEEL, 5)
