"""Per-pixel depth errors, as PatchFusion and most of the field define them. Does not align or resize.

With p the prediction, g the ground truth in metres and e = ln p - ln g. The measures evaluate
all pixels of their arrays; ``depth_metrics`` masks and clamps first.
"""

from math import log, sqrt

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from patchwrap.types import Mask, Values

MIN_DEPTH = 1e-3
"""Metres; ground truth at or below this is not evaluated."""

MAX_DEPTH = 80.0
"""Metres; ground truth at or beyond this is not evaluated (the sky, and PatchFusion's limit)."""

Depths = Float[ndarray, "*size"]
"""Depth of any shape whose pixels are all evaluated."""


def valid_mask(gt: Values, far: float = MAX_DEPTH) -> Mask:
    """Return the pixels to evaluate: finite ground truth above 1e-3 and below ``far`` metres.

    Depth of exactly ``far`` was often clipped there, and the papers' own code excludes it as well.
    """
    # Comparing with NaN is False without a warning.
    return (gt > MIN_DEPTH) & (gt < far)


def clamp(pred: Float32[ndarray, "*size"], far: float = MAX_DEPTH) -> Float32[ndarray, "*size"]:
    """Clamp predicted metres to the evaluated range; NaN stays NaN and makes every mean NaN."""
    return np.clip(pred, np.float32(MIN_DEPTH), np.float32(far))


def abs_rel(pred: Depths, gt: Depths) -> float:
    """AbsRel: mean of |p - g| / g (Eigen et al. 2014)."""
    return _mean(np.abs(pred - gt) / gt)


def sq_rel(pred: Depths, gt: Depths) -> float:
    """SqRel: mean of (p - g)^2 / g, in metres (Eigen et al. 2014)."""
    return _mean((pred - gt) ** 2 / gt)


def rmse(pred: Depths, gt: Depths) -> float:
    """RMSE: root of the mean of (p - g)^2, in metres."""
    return sqrt(_mean((pred - gt) ** 2))


def rmse_log(pred: Depths, gt: Depths) -> float:
    """RMSE of log depth: root of the mean of e^2 (natural logarithm)."""
    return sqrt(_mean(_log_error(pred, gt) ** 2))


def log10(pred: Depths, gt: Depths) -> float:
    """log10: mean of |log10 p - log10 g|."""
    return _mean(np.abs(_log_error(pred, gt))) / log(10)


def silog(pred: Depths, gt: Depths) -> float:
    """SILog: 100 times the standard deviation of e, independent of scale (KITTI benchmark)."""
    return _silog(_log_error(pred, gt))


def delta(pred: Depths, gt: Depths, power: int = 1) -> float:
    """Share of pixels with max(p/g, g/p) < 1.25^``power``."""
    return _delta(_log_error(pred, gt), power)


def depth_metrics(pred: Values, gt: Values, valid: Mask | None = None) -> dict[str, float]:
    """Compute every measure of this file at once.

    Args:
        pred: predicted depth in metres, already aligned.
        gt: true depth in metres, the same size.
        valid: pixels to evaluate; by default ``valid_mask(gt)``.

    Returns:
        ``abs_rel, sq_rel, rmse, rmse_log, log10, silog, delta1, delta2, delta3``; NaN without valid pixels.
    """
    valid = valid_mask(gt) if valid is None else valid
    predicted, true = clamp(pred[valid]), gt[valid]
    error = _log_error(predicted, true)
    return {
        "abs_rel": abs_rel(predicted, true),
        "sq_rel": sq_rel(predicted, true),
        "rmse": rmse(predicted, true),
        "rmse_log": sqrt(_mean(error**2)),
        "log10": _mean(np.abs(error)) / log(10),
        "silog": _silog(error),
        **{f"delta{power}": _delta(error, power) for power in (1, 2, 3)},
    }


def _log_error(pred: Depths, gt: Depths) -> Depths:
    return np.log(pred) - np.log(gt)


def _silog(error: Depths) -> float:
    return 100 * sqrt(_mean((error - _mean(error)) ** 2))


def _delta(error: Depths, power: int) -> float:
    return _mean(np.abs(error) < power * log(1.25))


def _mean(values: ndarray) -> float:
    """Mean in double precision; float32 is too coarse for sums of millions of squares."""
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")
