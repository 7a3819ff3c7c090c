"""Scale-invariant boundary precision, recall and F1, strict and within a window. Never aligns.

Strict (Depth Pro, arXiv 2410.02073, section 3.2 and its ``boundary_metrics.py``): a pair of
neighbours is a boundary at threshold t if their depth ratio exceeds t; in each of the four
directions precision = |P and G| / |P| and recall = |P and G| / |G|, averaged over the directions;
F1 of the two averages; mean over ten t from 1.05 to 1.25, weighted by t.

Within k pixels (patchwrap's own extension). A network whose input has 400 pixels for a 4K photo spreads a step over
many, so that no pair of neighbours exceeds t. Let W(x) be the pixels x ... x + k of a row or column and

    rise(x) = max over i < j in W(x) of ln d(j) - ln d(i)
    step(x) = max over i, i + 1 in W(x) of ln d(i + 1) - ln d(i)

(the opposite direction likewise). A window is a boundary of the prediction if its rise exceeds
ln t, and of the ground truth if its *step* does. Windows that the ground truth climbs without a step
(rise > ln t >= step: the ground near the camera) are left out: a smooth slope is neither a boundary to
be found nor an error. With k = 1 rise and step are the same and this is Depth Pro's
measure. The exact depth scores 1 for every k, a constant 0, and mirroring the picture changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray

from patchwrap.errors import OptionError
from patchwrap.metrics.depth import clamp, valid_mask
from patchwrap.types import Mask, Values

THRESHOLDS = np.linspace(1.05, 1.25, 10)
WEIGHTS = THRESHOLDS / THRESHOLDS.sum()
WINDOWS = (1, 4, 16)

_LOG_THRESHOLDS = np.log(THRESHOLDS).astype(np.float32)
_BLOCK = 1 << 17
"""Pixels worked on at once, so that the intermediate arrays stay in the processor's cache."""

Lines = Float32[ndarray, "along across"]
"""Log depth with the axis looked along first."""

Counts = Int[ndarray, "thresholds 3"]
"""Hits, predicted boundaries and true boundaries at each threshold."""


@dataclass(frozen=True)
class BoundaryScore:
    """How well the boundaries of one map match the true ones; all three in [0, 1]."""

    f1: float
    precision: float
    recall: float


def boundary_scores(
    pred: Values, gt: Values, valid: Mask | None = None, windows: tuple[int, ...] = WINDOWS
) -> dict[int, BoundaryScore]:
    """Score the boundaries of a predicted map.

    Args:
        pred: predicted depth in metres, up to scale.
        gt: true depth in metres, the same size.
        valid: pixels to evaluate, by default ``valid_mask(gt)``; the others are ignored.
        windows: pixels over which a step is looked for, powers of two; 1 is Depth Pro's strict score.

    Returns:
        One score for each of ``windows``.

    Raises:
        OptionError: if a window is not a power of two.
    """
    if any(window < 1 or window & (window - 1) for window in windows):
        raise OptionError(f"windows {windows} must be powers of two (1, 2, 4 ...).")
    valid = valid_mask(gt) if valid is None else valid
    counts = {window: np.zeros((4, len(THRESHOLDS), 3), np.int64) for window in windows}
    for axis in (0, 1):
        for predicted, true, counted in _blocks(clamp(pred), gt, valid, axis):
            climbs = (_Climb.sweep(lines, counted, max(windows)) for lines in (predicted, true))
            for found, sought in zip(*climbs):
                if found.window in counts:
                    counts[found.window][2 * axis] += _count(found.rise, sought.rise, sought.step)
                    counts[found.window][2 * axis + 1] += _count(found.fall, sought.fall, sought.drop)
    return {window: _score(counts[window]) for window in windows}


@dataclass(frozen=True)
class _Climb:
    """The largest ordered changes within ``window`` + 1 pixels, one value for each first pixel."""

    window: int
    rise: Lines
    fall: Lines
    step: Lines
    drop: Lines
    top: Lines
    bottom: Lines

    @classmethod
    def sweep(cls, lines: Lines, valid: Bool[ndarray, "along across"], last: int) -> Iterator["_Climb"]:
        """Yield windows 1, 2, 4 ... ``last``, each made of two halves that share one pixel."""
        # An invalid pixel neither starts nor ends a climb: it is -inf as an end, +inf as a start.
        high, low = np.where(valid, lines, -np.inf), np.where(valid, lines, np.inf)
        rise, fall = high[1:] - low[:-1], high[:-1] - low[1:]
        climb = cls(1, rise, fall, rise, fall, np.maximum(high[1:], high[:-1]), np.minimum(low[1:], low[:-1]))
        yield climb
        while climb.window < last and 2 * climb.window < len(lines):
            climb = climb.doubled()
            yield climb

    def doubled(self) -> "_Climb":
        """Windows twice as long."""
        left, right = slice(None, -self.window), slice(self.window, None)
        changes = (self.rise, self.fall, self.step, self.drop)
        rise, fall, step, drop = (np.maximum(change[left], change[right]) for change in changes)
        np.maximum(rise, self.top[right] - self.bottom[left], out=rise)
        np.maximum(fall, self.top[left] - self.bottom[right], out=fall)
        top = np.maximum(self.top[left], self.top[right])
        bottom = np.minimum(self.bottom[left], self.bottom[right])
        return _Climb(2 * self.window, rise, fall, step, drop, top, bottom)


def _blocks(pred: Values, gt: Values, valid: Mask, axis: int) -> Iterator[tuple[Lines, Lines, ndarray]]:
    """Strips of log prediction, log ground truth and validity, whole along ``axis``, which comes first."""
    length, across = gt.shape[axis], gt.shape[1 - axis]
    width = max(1, _BLOCK // length)
    for start in range(0, across, width):
        strip = (slice(None), slice(start, start + width)) if axis == 0 else slice(start, start + width)
        parts = pred[strip], np.where(valid[strip], gt[strip], 1), valid[strip]
        predicted, true, counted = parts if axis == 0 else (part.T for part in parts)
        yield np.log(predicted), np.log(true), counted


def _count(found: Lines, sought_rise: Lines, sought_step: Lines) -> Counts:
    """Count hits, predictions and truths of one direction at every threshold."""
    # Most windows are flat in both maps: only the others are compared with the thresholds.
    some = (found > _LOG_THRESHOLDS[0]) | (sought_step > _LOG_THRESHOLDS[0])
    found, sought_rise, sought_step = found[some], sought_rise[some], sought_step[some]
    counts = np.empty((len(THRESHOLDS), 3), np.int64)
    for index, threshold in enumerate(_LOG_THRESHOLDS):
        predicted, true = found > threshold, sought_step > threshold
        slope = (sought_rise > threshold) & ~true
        counts[index] = [np.count_nonzero(part) for part in (predicted & true, predicted & ~slope, true)]
    return counts


def _score(counts: Int[ndarray, "4 thresholds 3"]) -> BoundaryScore:
    hits, predicted, true = np.moveaxis(counts, -1, 0)
    # As in Depth Pro's code: a direction without any boundary counts as 0, not as perfect.
    precision = (hits / np.maximum(predicted, 1)).mean(0)
    recall = (hits / np.maximum(true, 1)).mean(0)
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    return BoundaryScore(_weighted(f1), _weighted(precision), _weighted(recall))


def _weighted(values: Float[ndarray, "thresholds"]) -> float:
    return float(values @ WEIGHTS)
