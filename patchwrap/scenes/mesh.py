"""Triangle meshes of simple solids; never places them in the world."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, UInt32

from patchwrap.scenes.placement import Number, Values


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles with a normal at every corner, around a local origin."""

    positions: Float32[np.ndarray, "vertices 3"]
    normals: Float32[np.ndarray, "vertices 3"]
    triangles: UInt32[np.ndarray, "triangles 3"]

    @property
    def bounds(self) -> Float[np.ndarray, "2 3"]:
        """Lowest and highest corner of the axis-aligned box around the mesh."""
        return np.stack([self.positions.min(axis=0), self.positions.max(axis=0)]).astype(float)


def make(positions: np.ndarray, normals: np.ndarray, triangles: np.ndarray) -> Mesh:
    """A mesh with unit normals and the right number types."""
    normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    return Mesh(positions.astype("f4"), normals.astype("f4"), triangles.astype("u4").reshape(-1, 3))


def flat(corners: Float[np.ndarray, "faces corners 3"]) -> Mesh:
    """Convex polygons of equally many corners, each with its own constant normal."""
    faces, count = corners.shape[:2]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    fan = np.array([[0, i, i + 1] for i in range(1, count - 1)])
    triangles = fan[None] + np.arange(faces)[:, None, None] * count
    return make(corners.reshape(-1, 3), np.repeat(normals, count, axis=0), triangles)


def merge(meshes: list[Mesh]) -> Mesh:
    """All meshes as one."""
    starts = np.cumsum([0] + [len(m.positions) for m in meshes[:-1]])
    triangles = [m.triangles + start for m, start in zip(meshes, starts, strict=True)]
    return Mesh(
        np.concatenate([m.positions for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate(triangles).astype("u4"),
    )


def moved(mesh: Mesh, matrix: Float[np.ndarray, "4 4"]) -> Mesh:
    """The mesh under an affine map, normals included."""
    linear = matrix[:3, :3]
    normals = mesh.normals @ np.linalg.inv(linear)
    return make(mesh.positions @ linear.T + matrix[:3, 3], normals, mesh.triangles)


@lru_cache
def box() -> Mesh:
    """The unit cube around the origin."""
    return prism(((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)), -0.5, 0.5)


@lru_cache(maxsize=64)
def prism(outline: tuple, low: Number = 0.0, high: Number = 1.0, top: Number = 1.0) -> Mesh:
    """A convex counter-clockwise outline pulled from ``low`` to ``high``; ``top`` scales its upper end."""
    ring = np.array(outline, float)
    bottom = np.column_stack([ring, np.full(len(ring), low)])
    lid = np.column_stack([ring * top, np.full(len(ring), high)])
    after = np.roll(np.arange(len(ring)), -1)
    sides = flat(np.stack([bottom, bottom[after], lid[after], lid], axis=1))
    return merge([sides, flat(lid[None]), flat(bottom[None, ::-1])])


@lru_cache
def gable() -> Mesh:
    """A roof over the unit square, ridge along x at height 1."""
    a, b, c, d = (-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0)
    e, f = (-0.5, 0, 1), (0.5, 0, 1)
    slopes = flat(np.array([[a, b, f, e], [c, d, e, f], [a, d, c, b]], float))
    return merge([slopes, flat(np.array([[b, c, f], [d, a, e]], float))])


@lru_cache
def hip() -> Mesh:
    """A roof over the unit square with four slopes and a short ridge along x."""
    a, b, c, d = (-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0)
    e, f = (-0.25, 0, 1), (0.25, 0, 1)
    slopes = flat(np.array([[a, b, f, e], [c, d, e, f], [a, d, c, b]], float))
    return merge([slopes, flat(np.array([[b, c, f], [d, a, e]], float))])


def lathe(profile: Values, sides: int = 20) -> Mesh:
    """Turn ``(radius, height)`` points about the z axis, smooth around and along."""
    profile = np.asarray(profile, float)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    slope = np.gradient(profile, axis=0)
    radial, along = profile[:, None, 0], profile[:, None, 1]
    x, y = radial * np.cos(angle), radial * np.sin(angle)
    positions = np.stack([x, y, np.broadcast_to(along, x.shape)], axis=-1)
    nx, ny = slope[:, None, 1] * np.cos(angle), slope[:, None, 1] * np.sin(angle)
    normals = np.stack([nx, ny, np.broadcast_to(-slope[:, None, 0], nx.shape)], axis=-1)
    return make(positions.reshape(-1, 3), normals.reshape(-1, 3), grid_triangles(len(profile), sides + 1))


def grid_triangles(rows: int, columns: int) -> np.ndarray:
    """Two triangles for each cell of a grid of vertices in row-major order."""
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]
    return np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3)


@lru_cache
def cylinder(sides: int = 12, top: Number = 1.0) -> Mesh:
    """Radius 1, z from 0 to 1, capped; ``top`` scales the upper radius."""
    wall = lathe(np.array([[1.0, 0.0], [top, 1.0]]), sides)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides)], axis=-1)
    lid = ring * [top, top, 0] + [0, 0, 1]
    return merge([wall, flat(lid[None]), flat(ring[None, ::-1])])


@lru_cache
def pipe(sides: int = 6, top: Number = 1.0) -> Mesh:
    """A cylinder without caps, for wires, twigs and legs."""
    return lathe(np.array([[1.0, 0.0], [top, 1.0]]), sides)


@lru_cache
def sphere(rings: int = 8, sides: int = 12) -> Mesh:
    """Radius 1 around the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    return lathe(np.stack([np.cos(angle), np.sin(angle)], axis=-1), sides)


@lru_cache
def leaf(width: Number = 0.45, fold: Number = 0.25, droop: Number = 0.2) -> Mesh:
    """A leaf of length 1 along x, folded along its rib and drooping at its tip."""
    rib = np.array([[0, 0, 0], [0.5, 0, 0.05], [1, 0, -droop]], float)
    left = np.array([0.42, width / 2, fold * width])
    right = left * [1, -1, 1]
    faces = [[rib[0], rib[1], left], [rib[1], rib[2], left], [rib[0], right, rib[1]], [rib[1], right, rib[2]]]
    return flat(np.array(faces))


@lru_cache
def blade(bend: Number = 0.4) -> Mesh:
    """A blade of grass of height 1 that bends along x."""
    a, b = np.array([0, -0.035, 0]), np.array([0, 0.035, 0])
    c, d = np.array([bend * 0.35, 0.025, 0.6]), np.array([bend * 0.35, -0.025, 0.6])
    tip = np.array([bend, 0, 1.0])
    return merge([flat(np.array([[a, b, c, d]])), flat(np.array([[d, c, tip]]))])


def surface(points: Float[np.ndarray, "rows columns 3"]) -> Mesh:
    """A smooth sheet through a grid of points."""
    rows, columns = points.shape[:2]
    normals = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
    normals = np.where(normals[..., 2:] < 0, -normals, normals)
    return make(points.reshape(-1, 3), normals.reshape(-1, 3), grid_triangles(rows, columns))


@lru_cache
def ground(extent: Number = 1500.0) -> Mesh:
    """A flat square at z = 0, cut finely near the origin so that attributes stay exact there."""
    steps = np.array([0.0, 4, 12, 40, 150, 500, extent])
    line = np.concatenate([-steps[:0:-1], steps])
    x, y = np.meshgrid(line, line)
    return surface(np.stack([x, y, np.zeros_like(x)], axis=-1))
