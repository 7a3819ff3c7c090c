"""Chooses a camera whose view is not blocked, by casting a few rays at boxes; never draws."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from patchwrap.scenes.camera import Camera
from patchwrap.scenes.light import Atmosphere, Lighting
from patchwrap.scenes.materials import Material
from patchwrap.scenes.placement import Number
from patchwrap.scenes.scene import Part

CameraSampler = Callable[[np.random.Generator], Camera]
Setting = tuple[CameraSampler, Lighting, Atmosphere]
RAYS = (9, 15)
RANGE = 60.0
TRIES = 20
FREE = 0.25


def choose(sample: CameraSampler, parts: tuple[Part, ...], rng: np.random.Generator) -> Camera:
    """The first sampled camera with a clear view, or the clearest of all tries."""
    best = sample(rng)
    least = blockage(best, parts)
    for _ in range(TRIES - 1):
        if least <= 0.3:
            break
        camera = sample(rng)
        bad = blockage(camera, parts)
        if bad < least:
            best, least = camera, bad
    return best


def blockage(camera: Camera, parts: tuple[Part, ...]) -> float:
    """Share of rays that end much too near; 1 inside something or close to it, 0.6 in front of a bare wall."""
    depth = probe(camera, parts)
    median = np.median(np.minimum(depth, RANGE))
    near = max(0.1 * median, 4 * camera.near)
    inside = float((depth < max(1.2 * camera.near, FREE)).mean())
    return max(
        float((depth < near).mean()),
        1.0 if inside > 0.02 or crowded(camera, parts) else 0.0,
        1.0 if median < 8 * camera.near else 0.0,
        0.6 if flat(depth) else 0.0,
    )


def crowded(camera: Camera, parts: tuple[Part, ...]) -> bool:
    """Whether anything but leaves and the ground comes closer to the camera than its free space."""
    eye = np.asarray(camera.position)
    for part in parts:
        low, high = part.mesh.bounds
        if part.material == Material.LEAF or (high - low)[:2].max() > 100:
            continue
        centres, radii = part.spheres()
        chosen = np.linalg.norm(centres - eye, axis=1) < radii + FREE
        if chosen.any():
            linear = part.transforms[chosen, :, :3].astype(float)
            inside = np.einsum("nij,nj->ni", np.linalg.pinv(linear), eye - part.transforms[chosen, :, 3])
            gap = np.einsum("nij,nj->ni", linear, np.clip(inside, low, high) - inside)
            if (np.linalg.norm(gap, axis=1) < FREE).any():
                return True
    return False


def flat(depth: Float[np.ndarray, "rays"]) -> bool:
    """Whether nearly everything is equally far away, as in a picture of nothing but a wall."""
    low, high = np.quantile(np.minimum(depth, RANGE), [0.1, 0.9])
    return bool(high < 2.0 * low and high < 0.5 * RANGE)


def rays(camera: Camera) -> Float[np.ndarray, "rays 3"]:
    """World directions through a coarse grid of pixels, with unit z in the camera."""
    rows, columns = RAYS
    k = camera.intrinsics(RAYS)
    x, y = np.meshgrid((np.arange(columns) + 0.5 - k.cx) / k.fx, (np.arange(rows) + 0.5 - k.cy) / k.fy)
    return np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=-1) @ camera.rotation()


def probe(camera: Camera, parts: tuple[Part, ...]) -> Float[np.ndarray, "rays"]:
    """Approximate z along each ray: copies count as their oriented boxes; sheets are left out."""
    directions, eye = rays(camera), np.asarray(camera.position)
    nearest = np.full(len(directions), np.inf)
    for part in parts:
        low, high = part.mesh.bounds
        if len(part.transforms) == 1 and (high - low)[:2].max() > 100:
            continue
        centres, radii = part.spheres()
        away = np.linalg.norm(centres - eye, axis=1) - radii
        chosen = (away < RANGE) & (radii > 0.03 * np.maximum(away, 0.0)) & (radii > 0.002)
        chosen &= (centres - eye) @ camera.rotation()[2] > -radii
        if chosen.any():
            nearest = np.minimum(nearest, slabs(part.transforms[chosen], low, high, eye, directions))
    return nearest


def slabs(
    transforms: np.ndarray, low: np.ndarray, high: np.ndarray, eye: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """Nearest hit of each ray with any oriented box (Kay and Kajiya, SIGGRAPH 1986)."""
    inverse = np.linalg.pinv(transforms[:, :, :3].astype(float))
    origin = inverse @ (eye - transforms[:, :, 3])[:, :, None]
    along = inverse @ directions.T
    along[np.abs(along) < 1e-9] = 1e-9
    thin = np.where(high - low < 1e-6, 1e-3, 0)
    a, b = (((side[:, None] - origin) / along) for side in (low - thin, high + thin))
    near, far = np.minimum(a, b), np.maximum(a, b)
    # Axis by axis, which is faster than a reduction over an axis of three.
    enter = np.maximum(np.maximum(near[:, 0], near[:, 1]), near[:, 2])
    leave = np.minimum(np.minimum(far[:, 0], far[:, 1]), far[:, 2])
    hit = (enter <= leave) & (leave > 0)
    return np.where(hit, np.maximum(enter, 0), np.inf).min(axis=0)


def random_fov(rng: np.random.Generator) -> float:
    """A horizontal field of view from 40 to 90 degrees, most often near that of a phone."""
    return float(np.radians(np.clip(rng.normal(64, 13), 40, 90)))


def random_pitch(rng: np.random.Generator, low: Number = -25, high: Number = 15, mean: Number = -4) -> float:
    """Radians above the horizon, bounds in degrees."""
    return float(np.radians(np.clip(rng.normal(mean, 6), low, high)))
