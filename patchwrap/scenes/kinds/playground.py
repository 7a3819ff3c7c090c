"""A playground between trees and fences, with climbing frames, nets and children; never trained on."""

from collections.abc import Callable

import numpy as np

from patchwrap.scenes import (
    animals,
    buildings,
    light,
    palette,
    people,
    plants,
    playthings,
    roadside,
    structures,
    vehicles,
)
from patchwrap.scenes import mesh as shapes
from patchwrap.scenes.camera import Camera
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder
from patchwrap.scenes.viewpoint import Setting, random_fov, random_pitch

FAMILIES = (
    "swing", "slide", "climbing dome", "climbing net", "seesaw", "spring rider", "sandbox", "monkey bars", "play tower",
    "roundabout", "trampoline", "football goal", "ball", "tricycle", "toy lorry", "person", "dog", "bird", "bench", "litter bin",
    "parasol", "bicycle", "fence", "railing", "hedge", "broad-leaved tree", "conifer", "bush", "grass", "lamp post", "house",
)  # fmt: skip
Put = Callable[[Builder, np.random.Generator], None]
# Equipment and the radius in metres that it needs.
EQUIPMENT: tuple[tuple[Put, Number], ...] = (
    (lambda b, r: playthings.swing(b, r, int(r.integers(2, 5))), 2.8), (playthings.slide, 2.6), (playthings.dome, 2.4),
    (playthings.net, 2.8), (playthings.seesaw, 1.9), (playthings.spring_rider, 0.9), (playthings.spring_rider, 0.9),
    (playthings.sandbox, 2.0), (playthings.monkey_bars, 2.8), (playthings.tower, 3.4), (playthings.tower, 3.4),
    (playthings.roundabout, 1.6), (playthings.trampoline, 2.2), (playthings.goal, 2.8),
)  # fmt: skip
SMALL: tuple[tuple[Put, Number], ...] = (
    (playthings.ball, 0.3), (playthings.tricycle, 0.6), (playthings.toy_lorry, 0.3), (vehicles.bicycle, 1.0), (animals.dog, 0.6),
    (animals.bird, 0.3), (structures.bench, 1.0), (structures.bench, 1.0), (roadside.litter_bin, 0.5), (roadside.parasol, 1.8),
)  # fmt: skip


def build(b: Builder, rng: np.random.Generator) -> Setting:
    """Fill ``b``; returns a camera sampler, the lighting and the atmosphere."""
    half, depth = rng.uniform(6.5, 11), rng.uniform(13, 26)
    grass = palette.between(rng, (0.18, 0.4, 0.3), (0.3, 0.7, 0.5))
    b.add(shapes.ground(), Material.GRASS, np.eye(4), grass)
    foliage, taken = plants.Foliage(rng), Layout()
    surfaces(b, rng, half, depth)
    for _ in range(rng.integers(9, 17)):
        scatter(b, rng, taken, EQUIPMENT, half, depth)
    for _ in range(rng.integers(3, 10)):
        scatter(b, rng, taken, SMALL, half, depth)
    for _ in range(rng.integers(3, 14)):
        scatter(b, rng, taken, ((lambda c, r: people.person(c, r, r.uniform(0.9, 1.45) if r.random() < 0.65 else None), 0.4),), half, depth)
    edges(b, rng, foliage, half, depth)
    plants.meadow(b, rng, (0, 0), lambda p: np.where(np.abs(p[:, 0]) < 0.6 * half, np.nan, 0.0), 500, (0.04, 0.12), grass * 1.2, 16)
    lighting, air = light.outdoors(rng, (0, 9, 1), rng.uniform(14, 20), (150, 3000))
    return lambda r: sample(r, half), lighting, air


def scatter(
    b: Builder, rng: np.random.Generator, taken: Layout, things: tuple[tuple[Put, Number], ...], half: Number, depth: Number
) -> None:
    """One of several things where there is room for it."""
    put, radius = things[rng.integers(len(things))]
    at = taken.find(rng, [-half + 1.5, 2.6], [half - 1.5, depth - 1.5], radius, 8)
    if at is not None:
        put(b.at([at[0], at[1], 0.03], rng.uniform(0, 2 * np.pi)), rng)


def sample(rng: np.random.Generator, half: Number) -> Camera:
    """From the edge, at the height of a parent, a child or a bench."""
    x = rng.uniform(-0.6, 0.6) * half
    height = rng.choice([rng.normal(1.55, 0.15), rng.uniform(0.8, 1.2), rng.uniform(0.4, 0.8)], p=[0.6, 0.25, 0.15])
    yaw = 0.4 * x / half + rng.normal(0, 0.35)
    return Camera((x, rng.uniform(-2, 1.5), height), yaw, random_pitch(rng, mean=-5), rng.normal(0, 0.025), random_fov(rng), 0.1)


def surfaces(b: Builder, rng: np.random.Generator, half: Number, depth: Number) -> None:
    """Soft floor, sand or chippings in the middle, and a path around it."""
    material = one_of(rng, Material.ASPHALT, Material.PLASTER, Material.STONE, Material.TILES)
    colour = playthings.paint(rng) if material in (Material.ASPHALT, Material.TILES) else palette.hsv(0.1, rng.uniform(0.2, 0.45), 0.65)
    b.boxes([0, depth / 2 + 0.5, 0.0], [1.25 * half, depth - 3, 0.06], material, colour)
    for side in (-1, 1):
        b.boxes([side * 0.78 * half, depth / 2, 0.0], [1.4, depth + 8, 0.04], Material.PAVING, palette.pick(rng, palette.STONES))


def edges(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, half: Number, depth: Number) -> None:
    """Fence, railing or hedge, trees outside, lamps and houses behind."""
    corners = np.array([[-half, -3, 0], [-half, depth, 0], [half, depth, 0], [half, -3, 0]])
    for start, end in zip(corners[:-1], corners[1:], strict=True):
        barrier(b, rng, foliage, start, end)
    trees(b, rng, foliage, half, depth)
    for x in np.arange(-half, half, 1.6):
        if rng.random() < 0.4:
            plants.bush(b.at([x, depth + 1.1, 0]), rng, foliage, rng.uniform(0.4, 1.1), depth)
    for y in np.arange(2, depth, 11.0):
        structures.lamp_post(b.at([-half + 0.6, y, 0]), rng, 4.0)
    for _ in range(7):
        at = [rng.uniform(-45, 45), depth + rng.uniform(14, 60), 0]
        buildings.house(b.at(at, rng.normal(0, 0.2)), rng, rng.uniform(9, 18), 10, int(rng.integers(2, 6)), 1)


def barrier(
    b: Builder, rng: np.random.Generator, foliage: plants.Foliage, start: np.ndarray, end: np.ndarray
) -> None:
    """A fence, a railing or a hedge between two points on the ground."""
    what = rng.integers(4)
    if what < 2:
        structures.fence(b, rng, start, end, rng.uniform(0.9, 1.9), str(rng.choice(["mesh", "bars", "pickets"])))
    elif what == 2:
        structures.railing(b, rng, start, end, 1.0)
    else:
        plants.hedge(b, rng, foliage, start, end, (0.7, rng.uniform(0.9, 1.7)), 14)


def trees(b: Builder, rng: np.random.Generator, foliage: plants.Foliage, half: Number, depth: Number) -> None:
    """Trees outside the edges."""
    for _ in range(18):
        angle = rng.uniform(-1.4, 1.4)
        ring = np.array([np.sin(angle) * (half + 6), 0.4 * depth + np.cos(angle) * (0.6 * depth + 5), 0])
        at = ring + [*rng.normal(0, 2, 2), 0]
        if abs(at[0]) > half + 1 or at[1] > depth + 1:
            kind = plants.conifer if rng.random() < 0.25 else plants.tree
            kind(b.at(at), rng, foliage, rng.uniform(4, 12), float(np.linalg.norm(at)))
