"""Rigid and scaling 4x4 matrices, many at a time; never touches a mesh."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

Number = float | int
# numpy.typing.ArrayLike without its protocols, which run-time type checkers cannot test.
Row = np.ndarray | Sequence
Values = Row | Number
Matrices = Float[np.ndarray, "count 4 4"]


def stack(columns: Values, origins: Values) -> Matrices:
    """Matrices from ``(count, 3, 3)`` linear parts and ``(count, 3)`` origins."""
    columns, origins = np.asarray(columns, float), np.asarray(origins, float)
    out = np.zeros((len(origins), 4, 4))
    out[:, :3, :3], out[:, :3, 3], out[:, 3, 3] = columns, origins, 1.0
    return out


def turn(yaw: Values) -> Float[np.ndarray, "count 3 3"]:
    """Rotations about the vertical by ``yaw`` radians."""
    yaw = np.atleast_1d(np.asarray(yaw, float))
    c, s, zero, one = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw), np.ones_like(yaw)
    return np.stack([c, -s, zero, s, c, zero, zero, zero, one], axis=-1).reshape(-1, 3, 3)


def placed(positions: Values, scales: Values = 1.0, yaw: Values = 0.0) -> Matrices:
    """Scale, then turn about the vertical, then move.

    Args:
        positions: ``(count, 3)`` metres.
        scales: a number, ``(count,)``, ``(3,)`` for one position, or ``(count, 3)``.
        yaw: a number or ``(count,)`` radians.
    """
    positions = np.atleast_2d(np.asarray(positions, float))
    count = len(positions)
    scales = np.asarray(scales, float)
    if scales.ndim == 1 and (scales.shape[0] != 3 or (count == 3 and np.ndim(yaw) == 1 and count != 1)):
        scales = scales[:, None]
    scales = np.broadcast_to(scales, (count, 3))
    turned = np.broadcast_to(turn(yaw), (count, 3, 3))
    return stack(turned * scales[:, None, :], positions)


def random_rotations(rng: np.random.Generator, count: int) -> Float[np.ndarray, "count 3 3"]:
    """Uniform rotations from normalised quaternions (Shoemake, Graphics Gems III, 1992)."""
    q = rng.normal(size=(count, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(rows, axis=-1).reshape(-1, 3, 3)


def spanning(starts: Values, ends: Values, widths: Values, depths: Values | None = None) -> Matrices:
    """Map the unit z segment onto ``starts -> ends`` and x, y onto the two cross widths."""
    starts, ends = np.atleast_2d(np.asarray(starts, float)), np.atleast_2d(np.asarray(ends, float))
    starts, ends = np.broadcast_arrays(starts, ends)
    axis = ends - starts
    length = np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-9)
    upright = np.abs(axis[:, 2:]) > 0.99 * length
    side = np.cross(axis / length, np.where(upright, [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(axis / length, side)
    widths = np.broadcast_to(np.asarray(widths, float), len(starts))[:, None]
    depths = widths if depths is None else np.broadcast_to(np.asarray(depths, float), len(starts))[:, None]
    return stack(np.stack([side * widths, other * depths, axis], axis=-1), starts)
