"""Depth order across discontinuities. Does not align maps; independent of scale, but not of shift."""

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from patchwrap.metrics.depth import clamp, valid_mask
from patchwrap.metrics.extra import skimage
from patchwrap.types import Mask, Values

DISCONTINUITY = 1.1
"""Least ratio of true depths of an evaluated pair."""

SAME = 1.01
"""Depths within this ratio count as equal."""

SUPERPIXELS = 5000

COMPACTNESS = 0.2
"""20 of the 100 steps of L*, which Matlab's superpixels count in; scikit-image's values range over 1."""

WORKING_PIXELS = 640 * 480
"""Maps are reduced to about this many pixels: 3840x2160 by a factor of five, iBims-1 not at all."""

Points = Int[ndarray, "points"]
Pairs = Int[ndarray, "2 pairs"]


def d3r(pred: Values, gt: Values, valid: Mask | None = None) -> float:
    """D3R, depth discontinuity disagreement ratio: how often the depth order across an edge is wrong.

    As BoostingMonocularDepth (CVPR 2021, ``evaluation/D3R.m``): the true disparity is cut into 5000
    superpixels; pairs of neighbouring centres are evaluated if their true depths differ by more than a
    factor of 1.1; the error of a pair is |ord(g1 / g2) - ord(p1 / p2)| with ord(r) = 1 above 1.01,
    -1 below 1 / 1.01 and else 0; the mean over pairs is returned. Two differences: ratios are of
    depth itself (theirs of depth min-max scaled to [0, 1], where the nearest point is infinitely near),
    and the working scale (theirs 0.2 or 1, set by hand) follows from the size.

    Args:
        pred: predicted depth in metres, up to scale.
        gt: true depth in metres, the same size.
        valid: pixels to evaluate; by default ``valid_mask(gt)``.

    Returns:
        0 if every pair is ordered correctly, 1 if all are equal, 2 if all are swapped; NaN without pairs.

    Raises:
        MissingExtraError: if scikit-image is not installed.
    """
    valid = valid_mask(gt) if valid is None else valid
    stride = max(1, round((gt.size / WORKING_PIXELS) ** 0.5))
    pred, gt, valid = (values[::stride, ::stride] for values in (pred, gt, valid))
    rows, columns, pairs = _superpixels(np.divide(1, gt, out=np.zeros_like(gt), where=valid))
    depths, predicted = gt[rows, columns][pairs], clamp(pred[rows, columns])[pairs]
    true = _order(depths, DISCONTINUITY)
    counted = valid[rows, columns][pairs].all(0) & (true != 0)
    if not counted.any() or np.isnan(predicted[:, counted]).any():
        return float("nan")
    # At a ratio above 1.1 the order at 1.01 is the same.
    return float(np.abs(true - _order(predicted, SAME))[counted].mean())


def _superpixels(disparity: Values) -> tuple[Points, Points, Pairs]:
    """Row and column of every superpixel's centre, and the indices of all pairs of neighbours."""
    labels = skimage("segmentation").slic(
        disparity, n_segments=SUPERPIXELS, compactness=COMPACTNESS, start_label=0, channel_axis=None
    )
    counts = np.bincount(labels.ravel())
    places = np.indices(labels.shape).reshape(2, -1)
    rows, columns = (np.bincount(labels.ravel(), weights=place) // counts for place in places)
    beside = [(labels[:-1].ravel(), labels[1:].ravel()), (labels[:, :-1].ravel(), labels[:, 1:].ravel())]
    pairs = np.unique(np.sort(np.hstack(beside), axis=0), axis=1)
    return rows.astype(int), columns.astype(int), pairs[:, pairs[0] != pairs[1]]


def _order(depths: ndarray, ratio: float) -> Int[ndarray, "pairs"]:
    """1 where the first of a pair is farther by more than ``ratio``, -1 where it is nearer, else 0."""
    first, second = depths
    return (first > ratio * second).astype(int) - (second > ratio * first).astype(int)
