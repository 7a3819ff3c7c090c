"""Trees, bushes, hedges, grass, flowers and pot plants; never more detail than their distance needs."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material
from patchwrap.scenes.mesh import Mesh
from patchwrap.scenes.placement import Number, Values
from patchwrap.scenes.scene import Builder


def clump(rng: np.random.Generator, leaves: int, size: Number, shape: Mesh | None = None) -> Mesh:
    """Leaves in a ball of radius 1; normals lean outward so that the crown shades like a soft solid."""
    shape = shape or shapes.leaf(rng.uniform(0.3, 0.7), rng.uniform(0.1, 0.4), rng.uniform(0, 0.4))
    direction = rng.normal(size=(leaves, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    centres = direction * rng.uniform(0.35, 1.0, (leaves, 1)) ** 0.6
    sizes = size * rng.uniform(0.7, 1.3, leaves)
    matrices = placement.stack(placement.random_rotations(rng, leaves) * sizes[:, None, None], centres)
    merged = shapes.merge([shapes.moved(shape, matrix) for matrix in matrices])
    outward = np.repeat(direction, len(shape.positions), axis=0)
    return shapes.make(merged.positions, merged.normals * 0.6 + outward, merged.triangles)


def branches(rng: np.random.Generator, height: Number, spread: Number, levels: int) -> tuple[np.ndarray, ...]:
    """Segments of a tree, ``(starts, ends, radii, tips)``, by repeated forking."""
    starts, ends, radii = (
        [np.zeros((1, 3))],
        [np.array([[0, 0, height * rng.uniform(0.25, 0.45)]])],
        [np.array([height * 0.028])],
    )
    direction, length = np.array([[rng.normal(0, 0.05), rng.normal(0, 0.05), 1.0]]), height * 0.3
    for _ in range(levels):
        forks = rng.integers(3, 5)
        base = np.repeat(ends[-1], forks, axis=0)
        lean = rng.normal(0, spread, base.shape) * [1, 1, 0.45]
        direction = np.repeat(direction, forks, axis=0) + lean + [0, 0, 0.12]
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        starts.append(base)
        ends.append(base + direction * length * rng.uniform(0.7, 1.25, (len(base), 1)))
        radii.append(np.repeat(radii[-1], forks) * 0.55)
        length *= 0.68
    return np.concatenate(starts), np.concatenate(ends), np.concatenate(radii), ends[-1]


@lru_cache
def spray(needles: int, width: int) -> Mesh:
    """A drooping conifer branch of length 1 along x: twigs on both sides, each a fan of flat needles.

    Args:
        needles: twigs lie at every ``needles``-th of 33 steps, so fewer means finer.
        width: blades across each twig, 1 for one broad blade.
    """
    t = np.arange(2, 33, needles) / 33.0
    rib = np.stack([t, 0 * t, 0.12 * np.sin(t * 3) - 0.3 * t**2], axis=-1)
    parts = [shapes.moved(shapes.pipe(4), m) for m in placement.spanning(rib[:-1], rib[1:], 0.012)]
    blade = shapes.leaf(0.35 if width == 1 else 0.09, 0.2, 0.15)
    for at, share in zip(rib, t, strict=True):
        size = 0.42 * (1.05 - share) + 0.08
        for turn in np.concatenate([s * np.linspace(0.55, 1.25, width) if width > 1 else [s * 0.8] for s in (-1, 1)]):
            parts.append(shapes.moved(blade, placement.placed([at], size, turn)[0]))
    merged = shapes.merge(parts)
    return shapes.make(merged.positions, merged.normals * 0.7 + [0, 0, 0.7], merged.triangles)


class Foliage:
    """Clump meshes shared by all plants of a scene, so that few meshes are uploaded."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.near = clump(rng, 46, 0.42)
        self.middle = clump(rng, 26, 0.55)
        self.far = clump(rng, 12, 0.95)
        self.needles = spray(3, 5)
        self.twigs = spray(9, 1)
        self.fern = clump(rng, 22, 1.0, shapes.leaf(0.16, 0.2, 0.5))

    def at(self, distance: Number) -> Mesh:
        """The clump for a plant this far from the camera, in metres."""
        return self.near if distance < 9 else self.middle if distance < 30 else self.far


def leaf_colour(rng: np.random.Generator, autumn: Number = 0.06) -> palette.Colour:
    """A green, or now and then an autumn colour."""
    return palette.pick(rng, palette.AUTUMN if rng.random() < autumn else palette.LEAVES)


@family("broad-leaved tree")
def tree(b: Builder, rng: np.random.Generator, foliage: Foliage, height: Number, distance: Number) -> None:
    """A broad-leaved tree at the builder's origin."""
    levels = 4 if distance < 14 else 3 if distance < 45 else 2
    bark = palette.pick(rng, [((0.05, 0.1, 0.2), (0.1, 0.4, 0.5)), ((0.1, 0.0, 0.45), (0.15, 0.1, 0.75))])
    starts, ends, radii, tips = branches(rng, height, rng.uniform(0.4, 0.65), levels)
    b.rods(
        starts, ends, np.maximum(radii, 0.006), Material.BARK, bark, sides=8 if distance < 14 else 5, top=0.7
    )
    if rng.random() < 0.06:
        return
    mesh = foliage.at(distance)
    # Close by, more and smaller clumps: their leaves grow with them.
    per_tip = (4 if distance < 9 else 2) if levels == 4 else 3 if levels == 3 else 4
    reach = height * {4: 0.062, 3: 0.085, 2: 0.15}[levels]
    centres = np.repeat(tips, per_tip, axis=0) + rng.normal(0, reach * 0.9, (len(tips) * per_tip, 3))
    sizes = min(reach, 0.3 if distance < 9 else 1.0 if levels > 3 else 9.0) * rng.uniform(0.7, 1.3, len(centres))
    matrices = placement.stack(placement.random_rotations(rng, len(centres)) * sizes[:, None, None], centres)
    b.add(mesh, Material.LEAF, matrices, palette.vary(rng, leaf_colour(rng), len(centres), 0.18))


@family("conifer")
def conifer(b: Builder, rng: np.random.Generator, foliage: Foliage, height: Number, distance: Number) -> None:
    """A spruce or a cypress."""
    layers = 24 if distance < 20 else 15
    slim, trunk = rng.uniform(0.18, 0.36), palette.hsv(0.06, 0.4, 0.3)
    b.cylinders([0, 0, 0], height * 0.018 + 0.02, height * 0.97, Material.BARK, trunk, 7, 0.25)
    level = np.repeat(np.linspace(rng.uniform(0.08, 0.2), 0.97, layers), 7)
    count = len(level)
    level = np.clip(level + rng.normal(0, 0.35 / layers, count), 0.05, 0.98)
    around = np.arange(count) * 2.4 + rng.uniform(0, 6) + rng.normal(0, 0.15, count)
    out = ((1 - level) * slim + 0.035) * height * rng.uniform(0.85, 1.15, count)
    scales = np.stack([out, out * 0.9, out * rng.uniform(0.6, 1.3, count)], axis=-1)
    at = np.column_stack([np.zeros((count, 2)), level * height])
    mesh = foliage.needles if distance < 12 else foliage.twigs
    colour = palette.between(rng, (0.3, 0.3, 0.15), (0.42, 0.6, 0.35))
    b.add(mesh, Material.LEAF, placement.placed(at, scales, around), palette.vary(rng, colour, count))
    b.cylinders([0, 0, height * 0.93], height * 0.014 + 0.02, height * 0.09, Material.LEAF, colour, 5, 0.05)


@family("bush")
def bush(
    b: Builder,
    rng: np.random.Generator,
    foliage: Foliage,
    size: Number,
    distance: Number,
    flowers: Number = 0.3,
) -> None:
    """A round bush, perhaps in flower."""
    mesh, size = foliage.at(distance), float(size)
    share = min(0.45, 0.26 / size) if distance < 9 else 0.45
    count = int(16 * (0.45 / share) ** 2) if distance < 15 else 8
    direction = rng.normal(size=(count, 3)) * [1, 1, 0.7]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    centres = direction * size * 0.62 * rng.uniform(0.3, 1, (count, 1)) + [0, 0, size * 0.62]
    scales = size * share * rng.uniform(0.8, 1.2, count)
    matrices = placement.stack(placement.random_rotations(rng, count) * scales[:, None, None], centres)
    b.add(mesh, Material.LEAF, matrices, palette.vary(rng, leaf_colour(rng, 0.1), count))
    if rng.random() < flowers and distance < 25:
        direction = np.repeat(direction[:16], 4, axis=0)
        direction = direction + rng.normal(0, 0.4, direction.shape)
        at = direction / np.linalg.norm(direction, axis=1, keepdims=True) * size * [1.05, 1.05, 0.95] + [
            0,
            0,
            size * 0.62,
        ]
        blossom(b, rng, at, 0.05 + 0.03 * size)


def blossom(b: Builder, rng: np.random.Generator, at: np.ndarray, size: Number) -> None:
    """Flower heads: a squashed ball of petals."""
    colour = palette.hsv(
        rng.choice([0.0, 0.13, 0.9, 0.75, 0.6, 0.05]), rng.choice([0.1, 0.5, 0.8]), rng.uniform(0.7, 1)
    )
    scales = np.full((len(at), 3), size) * rng.uniform(0.7, 1.3, (len(at), 1)) * [1, 1, 0.6]
    b.add(
        shapes.sphere(4, 6),
        Material.LEAF,
        placement.placed(at, scales),
        palette.vary(rng, colour, len(at), 0.1),
    )


@family("hedge")
def hedge(
    b: Builder,
    rng: np.random.Generator,
    foliage: Foliage,
    start: Values,
    end: Values,
    size: tuple,
    distance: Number,
) -> None:
    """A clipped hedge between two points; ``size`` is (width, height)."""
    start, end, (width, height) = np.asarray(start, float), np.asarray(end, float), size
    step = 0.32 if distance < 8 else 0.5 if distance < 25 else 0.9
    colour, lift = leaf_colour(rng), [0, 0, height / 2]
    b.beams(start + lift, end + lift, width * 0.7, Material.LEAF, colour * 0.4, height * 0.86)
    centres = crust(start, end, size, step)
    centres = centres + rng.normal(0, step * 0.14, centres.shape)
    matrices = placement.stack(placement.random_rotations(rng, len(centres)) * step * 0.75, centres)
    b.add(foliage.at(distance + 3), Material.LEAF, matrices, palette.vary(rng, colour, len(centres), 0.12))


def crust(start: np.ndarray, end: np.ndarray, size: tuple, step: Number) -> np.ndarray:
    """Points ``step`` metres apart on the sides and the top of a hedge."""
    (width, height), length = size, np.linalg.norm(end - start)
    along, rows = np.arange(0, length, step), np.arange(step / 2, height + step / 2, step)
    u, z, side = (v.ravel() for v in np.meshgrid(along, rows, [-0.5, 0.0, 0.5], indexing="ij"))
    keep = (side != 0) | (z > height - step)
    axis = (end - start) / max(length, 1e-6)
    across = np.array([-axis[1], axis[0], 0])
    return start + u[keep, None] * axis + side[keep, None] * width * 0.85 * across + z[keep, None] * [0, 0, 1]


def grass_tuft(rng: np.random.Generator, blades: int = 9) -> Mesh:
    """A tuft of height about 1."""
    angles, sizes = rng.uniform(0, 2 * np.pi, blades), rng.uniform(0.5, 1.1, blades)
    at = np.column_stack([rng.normal(0, 0.22, (blades, 2)), np.zeros(blades)])
    scales = np.column_stack([sizes, np.full(blades, 0.8), sizes])
    bent = [shapes.blade(float(v)) for v in (0.15, 0.45, 0.8)]
    parts = [
        shapes.moved(bent[i % 3], matrix) for i, matrix in enumerate(placement.placed(at, scales, angles))
    ]
    merged = shapes.merge(parts)
    return shapes.make(merged.positions, merged.normals * 0.4 + [0, 0, 1], merged.triangles)


@family("grass")
def meadow(
    b: Builder,
    rng: np.random.Generator,
    eye: Values,
    height_at: Callable[[np.ndarray], np.ndarray],
    count: int,
    tall: tuple,
    colour: Values,
    reach: Number = 14.0,
) -> None:
    """Tufts around a point, densest close to it; ``tall`` bounds their height in metres.

    Args:
        eye: ``(x, y)`` of the camera.
        height_at: ground height for ``(count, 2)`` points; NaN where no grass grows.
    """
    radius = 0.5 + reach * rng.uniform(0, 1, count) ** 1.4
    angle = rng.uniform(0, 2 * np.pi, count)
    points = np.asarray(eye)[:2] + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    ground = height_at(points)
    keep = np.isfinite(ground)
    points, ground, radius = points[keep], ground[keep], radius[keep]
    size = rng.uniform(tall[0], tall[1], len(points)) * (1 + radius / reach * 0.5)
    scales = np.column_stack([size * 0.8 + 0.02 + radius * 0.008] * 2 + [size])
    at = np.column_stack([points, ground - 0.01])
    matrices = placement.placed(at, scales, rng.uniform(0, 6.3, len(points)))
    b.add(grass_tuft(rng), Material.LEAF, matrices, palette.vary(rng, colour, len(points), 0.2))


@family("flower bed")
def flower_bed(b: Builder, rng: np.random.Generator, size: tuple, foliage: Foliage, count: int = 30) -> None:
    """Leafy plants with flowers on stems in a rectangle ``size`` around the origin."""
    b.boxes([0, 0, 0.02], [*size, 0.1], Material.STONE, palette.hsv(0.07, 0.4, 0.25))
    for _ in range(3):
        share = count // 3
        at = np.column_stack([rng.uniform(-0.48, 0.48, (share, 2)) * size, np.full(share, 0.05)])
        tall = rng.uniform(0.15, 0.7) * rng.uniform(0.8, 1.2, share)
        low = at + np.array([0, 0, 1]) * tall[:, None] * 0.35
        b.add(foliage.fern, Material.LEAF, placement.placed(low, tall * 0.5, rng.uniform(0, 6, share)),
              palette.vary(rng, leaf_colour(rng, 0), share))  # fmt: skip
        top = at + np.column_stack([rng.normal(0, 0.05, (share, 2)), tall])
        b.rods(at, top, 0.006, Material.LEAF, palette.hsv(0.28, 0.6, 0.35), sides=4)
        blossom(b, rng, top, rng.uniform(0.025, 0.06))


@family("pot plant")
def pot_plant(b: Builder, rng: np.random.Generator, height: Number) -> None:
    """A plant of arching folded leaves in a pot, about ``height`` metres tall."""
    pot = height * rng.uniform(0.25, 0.4)
    radius = pot * rng.uniform(0.4, 0.6)
    b.cylinders([0, 0, 0], radius * 0.75, pot, Material.CERAMIC, palette.any_colour(rng), 18, 1.33)
    b.cylinders([0, 0, pot - 0.04], radius * 0.92, 0.045, Material.STONE, palette.hsv(0.07, 0.5, 0.2), 14)
    count = int(rng.integers(9, 30))
    leaf = shapes.leaf(rng.choice([0.12, 0.3, 0.6]), 0.25, rng.uniform(0, 0.5))
    lift, around = rng.uniform(0.2, 1.35, count), rng.uniform(0, 2 * np.pi, count)
    stem = (height - pot) * rng.uniform(0.15, 0.7, count)
    direction = np.stack(
        [np.cos(around) * np.cos(lift), np.sin(around) * np.cos(lift), np.sin(lift)], axis=-1
    )
    base = np.array([0, 0, pot])
    ends = base + direction * stem[:, None]
    b.rods(base, ends, 0.004 + height * 0.002, Material.LEAF, palette.hsv(0.28, 0.5, 0.35), sides=4)
    size = (height - pot) * rng.uniform(0.25, 0.5, count)
    side = np.stack([-np.sin(around), np.cos(around), np.zeros(count)], axis=-1)
    columns = np.stack([direction, side, np.cross(direction, side)], axis=-1) * size[:, None, None]
    b.add(
        leaf, Material.LEAF, placement.stack(columns, ends), palette.vary(rng, leaf_colour(rng, 0.05), count)
    )
