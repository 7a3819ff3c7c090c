"""People: jointed figures with clothes, standing, walking, sitting, crouching or reaching."""

from dataclasses import dataclass

import numpy as np

from patchwrap.scenes import mesh as shapes
from patchwrap.scenes import palette, placement
from patchwrap.scenes.families import family
from patchwrap.scenes.materials import Material, one_of
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Builder

POSES = ("stand", "walk", "walk", "reach", "crouch")
SIDES = np.array([[-1.0], [1.0]])
# Radius and height of a torso from pelvis to neck, in its own length.
TORSO = [[0, -0.1], [0.2, -0.08], [0.27, 0.02], [0.25, 0.2], [0.22, 0.38], [0.28, 0.65], [0.31, 0.85], [0.2, 0.97],
         [0.1, 1.02], [0.0, 1.05]]  # fmt: skip


@dataclass(frozen=True)
class Skeleton:
    """Joints in heights of the person, left then right; x right, y forward, z up."""

    pelvis: np.ndarray
    neck: np.ndarray
    knees: np.ndarray
    ankles: np.ndarray
    elbows: np.ndarray
    hands: np.ndarray

    @property
    def hips(self) -> np.ndarray:
        """Where the thighs begin."""
        return self.pelvis + SIDES * [0.05, 0, 0]

    @property
    def shoulders(self) -> np.ndarray:
        """Where the arms begin."""
        return self.neck + SIDES * [0.115, 0, 0] - [0, 0, 0.02]


def both(x: Number, y: Number, z: Number, swing: Number = 0.0, lift: Number = 0.0) -> np.ndarray:
    """A joint on both sides; ``swing`` moves the left forward and the right back, ``lift`` raises the left."""
    return np.array([[-x, y + swing, z + lift], [x, y - swing, z]])


def skeleton(rng: np.random.Generator, pose: str) -> Skeleton:
    """Joints of a pose, a little different each time."""
    s = rng.choice([-1, 1]) * rng.uniform(0.06, 0.14)
    bend, out = rng.uniform(0, 0.05), rng.uniform(0.15, 0.2)
    if pose == "walk":
        return Skeleton(np.array([0, 0, 0.5]), np.array([0, 0.03, 0.81]), both(0.05, 0.03, 0.27, s * 0.8),
                        both(0.05, -0.02, 0.045, s * 1.6), both(out, 0, 0.64, -s * 0.6),
                        both(out, 0.04, 0.49, -s * 1.5))  # fmt: skip
    if pose == "sit":
        return Skeleton(np.array([0, 0, 0.3]), np.array([0, -0.02, 0.61]), both(0.06, 0.25, 0.3),
                        both(0.06, 0.27 + bend, 0.045), both(out, 0.04, 0.46), both(0.1, 0.18, 0.37))  # fmt: skip
    if pose == "crouch":
        return Skeleton(np.array([0, -0.06, 0.19]), np.array([0, 0.12, 0.45]), both(0.1, 0.16, 0.27),
                        both(0.07, 0.02, 0.045), both(out, 0.18, 0.32), both(0.06, 0.33, 0.16))  # fmt: skip
    raised = rng.uniform(0.1, 0.35) if pose == "reach" else 0.0
    return Skeleton(np.array([0, 0, 0.5]), np.array([0, 0.0, 0.82]), both(0.06, 0.02, 0.27, s * 0.1),
                    both(0.065 + bend, 0, 0.045), both(out, -0.01 + raised * 0.4, 0.64, 0, raised * 0.6),
                    both(out + bend, 0.03 + raised * 0.8, 0.47 + raised * 0.5, 0, raised))  # fmt: skip


@family("person")
def person(b: Builder, rng: np.random.Generator, height: Number | None = None, pose: str | None = None) -> None:
    """A figure on its feet at the origin that looks along +y, a cue of size.

    Args:
        height: metres; drawn, now and then that of a child, if not given.
        pose: ``stand``, ``walk``, ``reach``, ``crouch``, or ``sit`` (hips above the origin, feet forward).
    """
    tall = height or (rng.uniform(0.95, 1.4) if rng.random() < 0.15 else rng.uniform(1.52, 1.92))
    joints = skeleton(rng, pose or POSES[rng.integers(len(POSES))])
    body = b.at([0, 0, 0], 0.0, tall)
    skin = palette.between(rng, (0.04, 0.3, 0.3), (0.08, 0.55, 0.9))
    coat, trousers = palette.any_colour(rng), palette.any_colour(rng) * 0.5
    legs(body, rng, joints, trousers, skin)
    trunk(body, rng, joints, coat, skin)
    head(body, rng, joints.neck, skin)
    if rng.random() < 0.25:
        luggage(body, rng, joints)


def limb(b: Builder, joints: list[np.ndarray], radii: tuple, material: Material, colour: np.ndarray) -> None:
    """Tapering segments with round joints, both sides at once."""
    for start, end, one, two in zip(joints[:-1], joints[1:], radii[:-1], radii[1:], strict=True):
        b.rods(start, end, one, material, colour, sides=9, top=two / one)
        b.balls(end, two, material, colour)


def legs(b: Builder, rng: np.random.Generator, j: Skeleton, cloth: np.ndarray, skin: np.ndarray) -> None:
    """Trousers, shorts or a skirt, and shoes."""
    style = rng.choice(["trousers", "shorts", "skirt"], p=[0.7, 0.15, 0.15])
    bare = style != "trousers"
    limb(b, [j.hips, j.knees], (0.055, 0.04), Material.FABRIC, cloth)
    limb(b, [j.knees, j.ankles], (0.036, 0.024), Material.PAINT if bare else Material.FABRIC, skin if bare else cloth)
    upright = j.pelvis[2] > 0.4
    if style == "skirt" and upright:
        cone = placement.spanning([j.pelvis + [0, 0, 0.06]], [j.pelvis - [0, 0, rng.uniform(0.18, 0.38)]], 0.085, 0.07)
        b.add(shapes.pipe(16, rng.uniform(1.2, 1.7)), Material.FABRIC, cone, cloth)
    shoes = palette.any_colour(rng) * 0.4
    b.balls(j.ankles + [0, 0.035, -0.018], np.tile([0.03, 0.078, 0.027], (2, 1)), Material.PAINT, shoes)


def trunk(b: Builder, rng: np.random.Generator, j: Skeleton, coat: np.ndarray, skin: np.ndarray) -> None:
    """Torso, sleeves and hands; a long coat or a jacket."""
    length = float(np.linalg.norm(j.neck - j.pelvis))
    cloth = one_of(rng, Material.FABRIC, Material.FABRIC, Material.FABRIC, Material.PAINT)
    matrix = placement.spanning([j.pelvis], [j.neck], length * rng.uniform(0.95, 1.15), length * rng.uniform(0.62, 0.8))
    b.add(torso(), cloth, matrix, coat)
    sleeves = rng.random() < 0.75
    limb(b, [j.shoulders, j.elbows], (0.038, 0.03), cloth, coat)
    limb(b, [j.elbows, j.hands], (0.028, 0.019), cloth if sleeves else Material.PAINT, coat if sleeves else skin)
    b.balls(j.hands, np.tile([0.02, 0.03, 0.036], (2, 1)), Material.PAINT, skin)
    if rng.random() < 0.2 and j.pelvis[2] > 0.4:
        hem = placement.spanning([j.pelvis + [0, 0, 0.1]], [j.pelvis - [0, 0, 0.17]], 0.083, 0.065)
        b.add(shapes.pipe(16, 1.25), cloth, hem, coat)


_TORSO: list[shapes.Mesh] = []


def pack() -> shapes.Mesh:
    """A soft-edged block with its base at the origin."""
    c, s = 0.5, 0.36
    ring = ((-s, -c), (s, -c), (c, -s), (c, s), (s, c), (-s, c), (-c, s), (-c, -s))
    return shapes.prism(ring, 0.0, 1.0, 0.82)


def torso() -> shapes.Mesh:
    """One mesh for all, so that people share buffers."""
    if not _TORSO:
        _TORSO.append(shapes.lathe(TORSO, 18))
    return _TORSO[0]


def head(b: Builder, rng: np.random.Generator, neck: np.ndarray, skin: np.ndarray) -> None:
    """Neck, face, nose, hair or a hat."""
    top = neck + [0, 0.012, 0.115]
    b.rods(neck - [0, 0, 0.02], top - [0, 0, 0.04], 0.03, Material.PAINT, skin, sides=9)
    b.balls(top, [0.045, 0.055, 0.068], Material.PAINT, skin)
    b.balls(top + [0, 0.055, -0.005], [0.009, 0.012, 0.014], Material.PAINT, skin)
    eyes = top + [[-0.018, 0.046, 0.012], [0.018, 0.046, 0.012]]
    b.balls(eyes, np.full((2, 3), 0.0085), Material.CERAMIC, palette.hsv(0.1, 0.1, 0.9))
    b.balls(eyes + [0, 0.006, 0], np.full((2, 3), 0.0048), Material.PAINT, palette.hsv(0.07, 0.5, 0.08))
    b.balls(top + [0, 0.047, -0.032], [0.017, 0.007, 0.005], Material.PAINT, skin * [0.8, 0.45, 0.45])
    hair = palette.between(rng, (0.05, 0.1, 0.05), (0.1, 0.5, 0.6))
    b.balls(top + [0, -0.012, 0.014], [0.05, 0.055, 0.064], Material.FABRIC, hair)
    if rng.random() < 0.35:
        b.balls(top + [0, -0.034, -0.05], [0.045, 0.03, 0.08], Material.FABRIC, hair)
    if rng.random() < 0.25:
        hat = palette.any_colour(rng)
        b.cylinders(top + [0, 0, 0.025], 0.054, 0.05, Material.FABRIC, hat, 16, 0.85)
        b.cylinders(top + [0, 0.02, 0.022], rng.choice([0.06, 0.1]), 0.006, Material.FABRIC, hat, 18)


def luggage(b: Builder, rng: np.random.Generator, j: Skeleton) -> None:
    """A rucksack, or a bag in the right hand."""
    colour = palette.any_colour(rng, 1.0)
    if rng.random() < 0.5:
        middle = (j.pelvis * 0.4 + j.neck * 0.6) - [0, 0.1, 0]
        b.add(pack(), Material.FABRIC, placement.placed([middle - [0, 0, 0.13]], [0.17, 0.1, 0.27]), colour)
        b.add(pack(), Material.FABRIC, placement.placed([middle - [0, 0.06, 0.1]], [0.12, 0.05, 0.13]), colour * 0.8)
        b.tube(j.shoulders[1] + np.array([[-0.05, -0.05, 0], [-0.05, 0.03, 0.02], [-0.05, 0.06, -0.1], [-0.05, 0, -0.2]]),
               0.008, Material.FABRIC, colour)  # fmt: skip
    elif j.pelvis[2] > 0.4:
        hand = j.hands[1]
        b.boxes(hand - [0, 0, 0.14], [0.05, 0.17, 0.14], Material.FABRIC, colour)
        b.tube(hand + [[0, -0.06, -0.07], [0, -0.03, 0], [0, 0.03, 0], [0, 0.06, -0.07]], 0.004, Material.FABRIC, colour)
