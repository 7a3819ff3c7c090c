"""Soft edge error: depth error at depth edges that tolerates a shift by one pixel. Does not align maps."""

from collections.abc import Callable

import numpy as np
from numpy import ndarray

from patchwrap.metrics.depth import clamp, valid_mask
from patchwrap.types import Mask, Values

EDGE_RATIO = 1.05
"""Least depth ratio of neighbours that makes an edge, if depth is not from stereo disparity."""


def depth_edges(gt: Values, ratio: float = EDGE_RATIO) -> Mask:
    """Mark both pixels of every pair of neighbours whose depths differ by more than ``ratio``.

    For scenes without stereo; SMD-Nets' own rule needs a disparity, see ``disparity_edges``. Pairs with an invalid
    pixel are not edges; the sky is invalid.
    """
    gt = np.where(valid_mask(gt), gt, np.nan)
    return _both_sides(gt, lambda a, b: (a > ratio * b) | (b > ratio * a))


def disparity_edges(disparity: Values, step: float = 1.0) -> Mask:
    """Mark both pixels of every pair of neighbours whose disparities differ by more than ``step`` pixels.

    The rule of SMD-Nets (CVPR 2021) and PatchFusion (``get_boundaries(disp, th=1, dilation=0)``).
    """
    return _both_sides(disparity, lambda a, b: np.abs(a - b) > step)


def soft_edge_error(pred: Values, gt: Values, valid: Mask | None = None, edges: Mask | None = None) -> float:
    """SEE: mean over edge pixels x of the least |p(x) - g(q)| over valid q in the 3x3 around x, in metres.

    On depth in metres, as PatchFusion evaluates it; SMD-Nets does so on disparity.

    Args:
        pred: predicted depth in metres, already aligned.
        gt: true depth in metres, the same size.
        valid: pixels to evaluate; by default ``valid_mask(gt)``.
        edges: the edge pixels; by default ``depth_edges(gt)``.

    Returns:
        Metres; NaN where there is no edge.
    """
    valid = valid_mask(gt) if valid is None else valid
    edges = depth_edges(gt) if edges is None else edges
    rows, columns = np.nonzero(edges & valid)
    if not len(rows):
        return float("nan")
    # Pixels that are invalid or outside the image are NaN, which fmin ignores.
    around = np.pad(np.where(valid, gt, np.nan), 1, constant_values=np.nan)
    values = clamp(pred[rows, columns])
    # The pixel itself is always valid, so that only a prediction that is NaN stays NaN.
    least = np.abs(gt[rows, columns] - values)
    for down in range(3):
        for right in range(3):
            np.fmin(least, np.abs(around[rows + down, columns + right] - values), out=least)
    return float(least.mean(dtype=np.float64))


def _both_sides(values: Values, differ: Callable[[ndarray, ndarray], ndarray]) -> Mask:
    """Mark the two pixels of every pair of neighbours that ``differ``."""
    marks = np.zeros(values.shape, bool)
    down, right = differ(values[:-1], values[1:]), differ(values[:, :-1], values[:, 1:])
    marks[:-1] |= down
    marks[1:] |= down
    marks[:, :-1] |= right
    marks[:, 1:] |= right
    return marks
