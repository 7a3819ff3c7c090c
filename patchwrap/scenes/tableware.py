"""Small things on tables, each standing at the builder's origin."""

import numpy as np

from patchwrap.scenes import flowers, household, palette, placement
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder


@family("bottle")
def bottle(b: Builder, rng: np.random.Generator) -> None:
    """A bottle with a label and a cap."""
    h, r = rng.uniform(0.18, 0.34), rng.uniform(0.028, 0.048)
    neck, shoulder = r * rng.uniform(0.3, 0.5), rng.uniform(0.55, 0.75)
    profile = [
        [0, 0], [r, 0.002], [r, 0.01], [r, shoulder * h], [r * 0.85, (shoulder + 0.06) * h],
        [neck, (shoulder + 0.17) * h], [neck, h * 0.96], [neck * 1.2, h * 0.96], [neck * 1.2, h], [0, h],
    ]  # fmt: skip
    tints = [((0.25, 0.5, 0.1), (0.4, 0.9, 0.35)), ((0.05, 0.6, 0.2), (0.1, 0.9, 0.5)), ((0, 0, 0.4), (1, 0.6, 0.9))]
    colour = palette.pick(rng, tints)
    scale = np.diag([1, 1, h, 1.0])
    mesh = shapes.lathe(np.array(profile) / [1, h], 22)
    b.add(mesh, Material.LABEL, scale, colour)
    b.cylinders([0, 0, h], neck * 1.3, 0.02, Material.PAINT, palette.any_colour(rng, 1.0), 14)


@family("cup")
def cup(b: Builder, rng: np.random.Generator) -> None:
    """A cup or mug with its handle and a drink."""
    h, r, t = rng.uniform(0.06, 0.11), rng.uniform(0.03, 0.048), 0.004
    low = rng.uniform(0.6, 1.0)
    profile = [
        [0, 0], [r * low, 0], [r, h * 0.5], [r, h], [r - t, h], [r - t, h * 0.5], [r * low - t, t], [0, t],
    ]  # fmt: skip
    colour = palette.any_colour(rng, 1.0)
    b.add(shapes.lathe(profile, 24), Material.CERAMIC, np.eye(4), colour)
    drink = palette.hsv(0.06, 0.8, rng.uniform(0.1, 0.5))
    b.cylinders([0, 0, h * 0.7], (r - t) * 0.99, 0.001, Material.CERAMIC, drink, 22)
    angle = np.linspace(-1.5, 1.5, 9)
    ring = np.stack([r * 0.9 + h * 0.33 * np.cos(angle), 0 * angle, h * 0.5 + h * 0.3 * np.sin(angle)], axis=-1)
    b.rods(ring[:-1], ring[1:], 0.0045, Material.CERAMIC, colour, sides=7)


@family("glass")
def glass(b: Builder, rng: np.random.Generator) -> None:
    """A wine glass or tumbler (opaque tinted, since depth must be that of the glass)."""
    h, r = rng.uniform(0.1, 0.2), rng.uniform(0.03, 0.042)
    profile = [
        [0, 0],
        [r, 0.002],
        [r * 0.15, 0.008],
        [0.004, h * 0.15],
        [0.004, h * 0.45],
        [r * 0.7, h * 0.55],
        [r, h * 0.75],
        [r * 0.85, h],
        [r * 0.8, h],
        [r * 0.9, h * 0.75],
        [0, h * 0.6],
    ]
    b.add(
        shapes.lathe(profile, 22),
        Material.GLASS,
        np.eye(4),
        palette.hsv(rng.uniform(0.4, 0.6), 0.08, rng.uniform(0.5, 0.8)),
    )


@family("plate")
def plate(b: Builder, rng: np.random.Generator) -> float:
    """A plate; returns the height of its floor."""
    r = rng.uniform(0.09, 0.14)
    profile = [[0, 0.004], [r * 0.6, 0], [r, 0.018], [r, 0.021], [r * 0.65, 0.008], [0, 0.007]]
    b.add(shapes.lathe(profile, 32), Material.CERAMIC, np.eye(4), palette.any_colour(rng, 0.5) * 0.5 + 0.3)
    return 0.008


@family("bowl")
def bowl(b: Builder, rng: np.random.Generator) -> None:
    """A bowl, mostly with fruit."""
    r = rng.uniform(0.07, 0.15)
    t = np.linspace(0, np.pi / 2, 9)
    outer = np.column_stack([0.3 * r + 0.7 * r * np.sin(t), 0.55 * r * (1 - np.cos(t))])
    inner = (outer - [0, 0]) * [0.95, 0.96] + [0, 0.05 * r]
    profile = np.concatenate([[[0, 0]], outer, inner[::-1], [[0, 0.05 * r]]])
    b.add(shapes.lathe(profile, 28), Material.CERAMIC, np.eye(4), palette.any_colour(rng))
    if rng.random() < 0.75:
        for k in range(rng.integers(3, 7)):
            a, d = k * 2.4, r * 0.45 * (k > 0)
            fruit(b.at([d * np.cos(a), d * np.sin(a), 0.22 * r + (0.03 if k == 0 else 0)]), rng, r * 0.36)


@family("fruit")
def fruit(b: Builder, rng: np.random.Generator, radius: Number | None = None) -> None:
    """An apple, orange, lemon or pear resting on the ground."""
    r = radius or rng.uniform(0.028, 0.045)
    t = np.linspace(-np.pi / 2, np.pi / 2, 11)
    kind = rng.integers(4)
    width = r * np.cos(t) * (1 + (0.12 if kind == 0 else -0.25 if kind == 3 else 0) * np.sin(t))
    height = r * (np.sin(t) * (0.92, 1.0, 1.3, 1.25)[kind] + (0.92, 1.0, 1.3, 1.25)[kind])
    if kind == 0:
        height -= r * 0.25 * np.exp(-((width / (0.35 * r)) ** 2)) * (t > 0)
    hue = [(0.97, 0.85, 0.6), (0.07, 0.9, 0.95), (0.14, 0.8, 0.9), (0.2, 0.65, 0.7)][kind]
    hue = (0.25, 0.6, 0.7) if kind == 0 and rng.random() < 0.3 else hue
    b.add(shapes.lathe(np.column_stack([width, height]), 20), Material.FRUIT, np.eye(4), palette.hsv(*hue))
    b.rods(
        [0, 0, height[-1] - 0.004],
        [0.006, 0, height[-1] + 0.012],
        0.0016,
        Material.BARK,
        palette.hsv(0.07, 0.5, 0.3),
    )


@family("pile of books")
def book_pile(b: Builder, rng: np.random.Generator) -> None:
    """Books lying on each other, pages visible."""
    z = 0.0
    for _ in range(rng.integers(1, 5)):
        w, d, t = rng.uniform(0.12, 0.2), rng.uniform(0.18, 0.27), rng.uniform(0.012, 0.045)
        c, colour = (
            b.at([rng.normal(0, 0.008), rng.normal(0, 0.008), z], rng.normal(0, 0.2)),
            palette.any_colour(rng, 1.0),
        )
        c.boxes([[0, 0, 0.002], [0, 0, t - 0.002]], [w, d, 0.004], Material.PAINT, colour)
        c.boxes([-w / 2 + 0.002, 0, t / 2], [0.004, d, t], Material.PAINT, colour)
        c.boxes(
            [0.002, 0, t / 2], [w - 0.012, d - 0.01, t - 0.008], Material.WOOD, palette.hsv(0.12, 0.08, 0.93)
        )
        c.boxes(
            [0, d * 0.15, t + 0.0006],
            [w * 0.6, d * 0.25, 0.001],
            Material.PICTURE,
            palette.any_colour(rng, 1.0),
        )
        z += t + 0.001


@family("cutlery")
def cutlery(b: Builder, rng: np.random.Generator) -> None:
    """A knife, a fork or a spoon along y."""
    steel = palette.hsv(0.6, 0.03, 0.75)
    b.boxes([0, -0.05, 0.004], [0.012, 0.1, 0.004], Material.METAL, steel)
    kind = rng.integers(3)
    if kind == 0:
        b.boxes([0.002, 0.055, 0.004], [0.018, 0.11, 0.002], Material.METAL, steel)
    elif kind == 1:
        b.boxes([0, 0.02, 0.006], [0.007, 0.05, 0.003], Material.METAL, steel)
        b.boxes([[0, 0.055, 0.008]], [0.024, 0.022, 0.003], Material.METAL, steel)
        b.boxes(
            [[x, 0.085, 0.01] for x in (-0.01, -0.0033, 0.0033, 0.01)],
            [0.0035, 0.05, 0.002],
            Material.METAL,
            steel,
        )
    else:
        b.boxes([0, 0.02, 0.006], [0.006, 0.05, 0.003], Material.METAL, steel)
        b.balls([0, 0.065, 0.007], [0.019, 0.03, 0.006], Material.METAL, steel)


@family("candle")
def candle(b: Builder, rng: np.random.Generator) -> None:
    """A candle on a turned stick."""
    h = rng.uniform(0.05, 0.25)
    profile = np.array([[0.045, 0], [0.045, 0.006], [0.01, 0.02], [0.01, h - 0.02], [0.02, h], [0, h]])
    b.add(shapes.lathe(profile, 16), Material.METAL, np.eye(4), palette.pick(rng, palette.METALS))
    b.cylinders([0, 0, h], 0.011, rng.uniform(0.05, 0.2), Material.PAINT, palette.hsv(0.12, 0.1, 0.92), 12)


@family("carton")
def box(b: Builder, rng: np.random.Generator) -> None:
    """A printed carton."""
    size = rng.uniform(0.05, 0.2, 3) * [0.8, 0.5, 1.2]
    b.boxes([0, 0, size[2] / 2], size, Material.PICTURE, palette.any_colour(rng, 1.0))


@family("bread")
def bread(b: Builder, rng: np.random.Generator) -> None:
    """A loaf on a board, one end cut to slices."""
    wood = palette.pick(rng, palette.WOODS)
    b.boxes([0, 0, 0.01], [0.34, 0.2, 0.02], Material.WOOD, wood)
    crust = palette.hsv(0.08, 0.6, rng.uniform(0.45, 0.7))
    b.balls([0.04, 0, 0.06], [0.11, 0.055, 0.045], Material.STONE, crust)
    for k in range(3):
        tilt = placement.spanning([[-0.08 - k * 0.02, 0, 0.02]], [[-0.095 - k * 0.02, 0, 0.1]], 0.09, 0.012)
        tilt[:, :3, 3] += 0.5 * tilt[:, :3, 2]
        b.add(shapes.box(), Material.STONE, tilt, palette.hsv(0.11, 0.3, 0.85))


@family("teapot")
def teapot(b: Builder, rng: np.random.Generator) -> None:
    """A round pot with spout, handle and lid."""
    r, colour = rng.uniform(0.065, 0.09), palette.any_colour(rng)
    t = np.linspace(-1.3, 1.35, 12)
    b.turned(np.stack([r * np.cos(t), r * 0.85 * (np.sin(t) + 0.97)], -1), Material.CERAMIC, colour, 26)
    b.balls([0, 0, r * 1.72], r * 0.14, Material.CERAMIC, colour)
    b.rods([r * 0.8, 0, r * 0.7], [r * 1.7, 0, r * 1.5], r * 0.2, Material.CERAMIC, colour, sides=10, top=0.55)
    a = np.linspace(-1.3, 1.3, 10)
    b.tube(np.stack([-r * 0.85 - r * 0.6 * np.cos(a), 0 * a, r * 0.85 + r * 0.55 * np.sin(a)], -1), r * 0.09, Material.CERAMIC, colour, 8)


@family("whisk")
def whisk(b: Builder, rng: np.random.Generator) -> None:
    """A balloon whisk standing in a jug."""
    b.turned([[0, 0], [0.05, 0], [0.06, 0.06], [0.045, 0.13], [0.05, 0.15], [0.044, 0.15], [0.05, 0.06], [0, 0.02]], Material.CERAMIC, palette.any_colour(rng), 24)
    for lean, sides in ((0.02, 0.0), (-0.018, 2.0)):
        c = b.at([lean * np.cos(sides), lean * np.sin(sides), 0.14])
        c.rods([0, 0, -0.1], [lean, 0, 0.06], 0.006, Material.WOOD, palette.hsv(0.09, 0.4, 0.6))
        household.whisk_wires(c.at([lean, 0, 0.06]), palette.hsv(0.6, 0.04, 0.7))


@family("bouquet")
def bouquet(b: Builder, rng: np.random.Generator) -> None:
    """Cut flowers in a glass vase."""
    h, r = rng.uniform(0.14, 0.22), rng.uniform(0.035, 0.05)
    b.turned([[0, 0], [r, 0], [r * 0.8, h * 0.5], [r * 1.2, h], [r * 1.1, h], [r * 0.7, h * 0.5], [0, 0.01]], Material.GLASS, palette.hsv(0.5, 0.15, 0.5), 22)
    kinds = (flowers.tulip, flowers.daisy, flowers.poppy)
    kind = kinds[rng.integers(3)]
    for _ in range(rng.integers(3, 7)):
        spot = b.at([*rng.normal(0, r * 0.3, 2), h * 0.55], rng.uniform(0, 6), 0.6)
        kind(spot.tilted(flowers.tilt(rng.normal(0, 0.25))), rng)


@family("cake")
def cake(b: Builder, rng: np.random.Generator) -> None:
    """A cake on a stand with candles or berries."""
    r, cream = rng.uniform(0.09, 0.13), palette.pick(rng, [((0.08, 0.1, 0.85), (0.12, 0.3, 0.97)), ((0.04, 0.6, 0.2), (0.07, 0.8, 0.4)), ((0.9, 0.2, 0.8), (0.97, 0.4, 0.95))])
    b.turned([[0.06, 0], [0.015, 0.02], [0.015, 0.08], [r * 1.3, 0.09], [r * 1.3, 0.095], [0, 0.095]], Material.CERAMIC, palette.hsv(0.1, 0.05, 0.9), 28)
    b.cylinders([0, 0, 0.095], r, 0.075, Material.PLASTER, cream, 30)
    a = np.arange(12) * np.pi / 6
    rim = np.stack([r * 0.85 * np.cos(a), r * 0.85 * np.sin(a), 0 * a + 0.178], -1)
    b.balls(rim, np.full(12, 0.013), Material.FRUIT, palette.hsv(rng.choice([0.98, 0.75, 0.12]), 0.8, 0.6))
    if rng.random() < 0.5:
        b.rods(rim[::2] * [0.6, 0.6, 1], rim[::2] * [0.6, 0.6, 1] + [0, 0, 0.07], 0.003, Material.PAINT, palette.vary(rng, palette.any_colour(rng, 1.2), 6, 0.4), sides=6)


@family("wire basket")
def wire_basket(b: Builder, rng: np.random.Generator) -> None:
    """A basket of wires with eggs, onions or fruit."""
    r, wire = rng.uniform(0.1, 0.15), palette.pick(rng, palette.METALS)
    t = np.linspace(0, np.pi / 2, 8)
    for a in np.arange(18) * np.pi / 9:
        rib = np.stack([r * (0.5 + 0.5 * np.sin(t)) * np.cos(a), r * (0.5 + 0.5 * np.sin(t)) * np.sin(a), r * 0.8 * (1 - np.cos(t))], -1)
        b.tube(rib, 0.0015, Material.METAL, wire, 4)
    b.hoop([0, 0, r * 0.8], r, 0.004, 2, Material.METAL, wire, 30)
    b.hoop([0, 0, 0.002], r * 0.5, 0.003, 2, Material.METAL, wire, 24)
    for k in range(7):
        a, d = k * 2.4, 0.052 * (k > 0)
        fruit(b.at([d * np.cos(a), d * np.sin(a), 0.008 + 0.012 * (k == 0)]), rng, 0.027)


@family("pepper mill")
def mill(b: Builder, rng: np.random.Generator) -> None:
    """A turned mill for pepper or salt."""
    h, t = rng.uniform(0.12, 0.3), np.linspace(0, 1, 16)
    radius = 0.024 * (0.75 + 0.25 * np.cos(t * 11)) * (t < 0.97)
    b.turned(np.stack([np.concatenate([radius, [0]]), np.concatenate([t, [1.0]]) * h], -1), Material.WOOD, palette.pick(rng, palette.WOODS))


@family("cutting board")
def cutting_board(b: Builder, rng: np.random.Generator) -> None:
    """A board with a knife and sliced vegetables."""
    b.boxes([0, 0, 0.009], [0.34, 0.22, 0.018], Material.WOOD, palette.pick(rng, palette.WOODS))
    steel = palette.hsv(0.6, 0.03, 0.75)
    b.add(shapes.prism(((0, -0.02), (0.17, -0.02), (0.2, 0.015), (0, 0.02)), 0.019, 0.021), Material.METAL, placement.placed([[-0.02, -0.07, 0]]), steel)
    b.rods([-0.13, -0.07, 0.026], [-0.02, -0.07, 0.026], 0.011, Material.WOOD, palette.hsv(0.06, 0.6, 0.2), sides=8)
    x = np.arange(6) * 0.016 - 0.1
    tops = np.stack([x, 0 * x + 0.04, 0 * x + 0.05], -1)
    disc = placement.spanning(tops, tops + [0.006, 0, 0.003], 0.03)
    b.add(shapes.cylinder(18), Material.FRUIT, disc, palette.hsv(rng.choice([0.0, 0.27, 0.08]), 0.7, 0.75))
    fruit(b.at([0.1, 0.05, 0.018]), rng, 0.035)
