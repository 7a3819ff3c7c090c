"""Seams of a fused map: jumps at tile borders compared with jumps beside them. Needs no ground truth."""

from collections.abc import Iterable, Iterator
from math import log

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from patchwrap.types import Mask, Values

SPAN = 8
"""Pixels averaged on each side.

A border may have moved by a pixel or two when the canvas was resized. And a map enlarged from few
pixels bends at each of those: with fewer than about eight pixels the bends of a 450-pixel map at
3840 fall on the borders or beside them, and make or hide seams (measured: 0.4 to 1.9 instead of 1).
"""

_BESIDE = (-5, -3, 3, 5)
"""Where to look beside a border, in spans: near enough for the same scene, clear of the border itself."""

_CEILING = log(1.05)
"""A larger jump counts as this much: it is an object's edge (or a seam that is bad enough)."""

_FLOOR = 1e-6
"""Added to both sides of the ratio, so that a flat map has ratio 1."""


def seam(
    log_depth: Values,
    columns: Iterable[int] = (),
    rows: Iterable[int] = (),
    valid: Mask | None = None,
    span: int = SPAN,
) -> float:
    """Ratio of the jumps across tile borders to those across parallel lines beside them; 1 is no seam.

    The jump at a line is the second difference of means over ``span`` pixels: with a, b before and
    c, d after the line, |(c - b) - ((b - a) + (d - c)) / 2|. A slope has none, a step its height.
    Jumps are cut off at ln 1.05, so that a few object edges on a border do not decide.

    Args:
        log_depth: logarithm of fused depth (any unit), at the photo's size.
        columns: first columns of tiles (and first beyond tiles); the border lies before such a column.
            Borders closer than seven spans see one another's jumps as their surroundings.
        rows: likewise rows.
        valid: pixels to evaluate, or None for all; for instance those away from true depth edges.
        span: see above, in pixels.

    Returns:
        NaN where no border lies far enough inside the image.
    """
    values = log_depth if valid is None else np.where(valid, log_depth, np.float32(np.nan))
    jumps: tuple[list[ndarray], list[ndarray]] = ([], [])
    for lines, borders in ((values.T, columns), (values, rows)):
        for across, beside in _jumps(lines, borders, span):
            jumps[0].append(across)
            jumps[1].append(beside)
    if not jumps[0]:
        return float("nan")
    across, beside = (np.concatenate(part) for part in jumps)
    return float((_typical(across) + _FLOOR) / (_typical(beside) + _FLOOR))


def _jumps(lines: Values, borders: Iterable[int], span: int) -> Iterator[tuple[ndarray, ndarray]]:
    """Jumps before each border and beside it; borders too near the image's own are passed over."""
    reach = (max(_BESIDE) + 2) * span
    for border in borders:
        if reach <= border <= len(lines) - reach:
            beside = [_jump(lines, border + offset * span, span) for offset in _BESIDE]
            yield _jump(lines, border, span), np.concatenate(beside)


def _jump(lines: Values, line: int, span: int) -> Float32[ndarray, "across"]:
    # Float32 holds a logarithm to 1e-7; means of a few pixels lose nothing that matters.
    near = lines[line - 2 * span : line + 2 * span]
    a, b, c, d = near.reshape(4, span, -1).mean(axis=1)
    return np.abs((c - b) - ((b - a) + (d - c)) / 2)


def _typical(jumps: Float32[ndarray, "pixels"]) -> float:
    counted = jumps[~np.isnan(jumps)]
    return float(np.minimum(counted, _CEILING).mean(dtype=np.float64)) if counted.size else 0.0
