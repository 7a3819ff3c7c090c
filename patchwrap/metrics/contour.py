"""Edges that Canny's detector finds in both maps: their distance and how many agree. Does not align maps."""

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt

from patchwrap.metrics.depth import clamp, valid_mask
from patchwrap.metrics.extra import skimage
from patchwrap.types import Mask, Values

FAR = 10.0
"""Pixels from which on a predicted edge belongs to no true one."""

LOW, HIGH = 0.1, 0.2
"""Canny's thresholds, of Sobel's gradient (eight times the slope)."""


@dataclass(frozen=True)
class EdgeDistance:
    """How far edges lie apart, in pixels; accuracy is 10 at most, completeness has no limit."""

    accuracy: float
    """From predicted edges to the nearest true one; missing edges do not matter."""

    completeness: float
    """From true edges to the nearest predicted one; additional edges do not matter."""


@dataclass(frozen=True)
class EdgeScore:
    """Agreement of the pixels near edges; all three in [0, 1]."""

    f1: float
    precision: float
    recall: float


def edge_accuracy_completeness(
    pred: Values, gt: Values, valid: Mask | None = None, drawn: Mask | None = None
) -> EdgeDistance:
    """Depth boundary error of iBims-1 (Koch et al. 2018, arXiv 1805.01328).

    Edges are Canny's with sigma sqrt(2) on depth scaled to [0, 1] by its least and greatest valid
    value, which finds sharp steps from a tenth of that range on. With P and G the predicted and true edge pixels and
    d(p, G) the distance from p to the nearest of G, accuracy is the mean of d(p, G) over those p of P with
    d(p, G) < 10, and completeness the mean of d(g, P) over all g of G. The limit of 10 pixels is accuracy's only;
    where no predicted edge lies within it, both are 10.
    True edges are found like the predicted ones, except next to pixels that are not valid. If a data set has its own
    edges, as iBims-1 does, all of them are used, and the prediction is evaluated everywhere.

    Args:
        pred: predicted depth in metres, up to scale and shift.
        gt: true depth in metres, the same size.
        valid: pixels to evaluate; by default ``valid_mask(gt)``.
        drawn: true edges drawn by hand, or None to detect them.

    Returns:
        NaN where the ground truth has no edge.

    Raises:
        MissingExtraError: if scikit-image is not installed.
    """
    valid = np.ones(gt.shape, bool) if drawn is not None else valid_mask(gt) if valid is None else valid
    found = _edges(_unit(clamp(pred), valid), valid, sqrt(2))
    true = _edges(_unit(gt, valid), valid, sqrt(2)) if drawn is None else drawn
    if not true.any() or np.isnan(pred[valid]).any():
        return EdgeDistance(nan, nan)
    near = distance_transform_edt(~true)[found]
    near = near[near < FAR]
    if not near.size:
        return EdgeDistance(FAR, FAR)
    return EdgeDistance(float(near.mean()), float(distance_transform_edt(~found)[true].mean()))


def edge_f1(pred: Values, gt: Values, valid: Mask | None = None) -> EdgeScore:
    """F1 of widened edges as in PatchRefiner (ECCV 2024, ``compute_boundary_metrics`` and ``extract_edges``).

    Edges are Canny's with sigma 1 on the natural logarithm of depth (theirs: ``preprocess="log"``), which finds sharp
    steps from 9 % on; both sets are widened by two pixels to each side (theirs: a 5x5 blur that is above 0), and
    with P and G the widened sets among valid pixels precision = |P and G| / |P|, recall = |P and G| / |G|. Theirs
    uses only those true edges that a segmentation shows as well; here all are used, except next to pixels that are not
    valid.

    Args:
        pred: predicted depth in metres, up to scale.
        gt: true depth in metres, the same size.
        valid: pixels to evaluate; by default ``valid_mask(gt)``.

    Returns:
        NaN where the ground truth has no edge; 0 where only the prediction has none.

    Raises:
        MissingExtraError: if scikit-image is not installed.
    """
    valid = valid_mask(gt) if valid is None else valid
    found, true = (_widened(np.where(valid, depth, 1), valid) for depth in (clamp(pred), gt))
    if not true.any() or np.isnan(pred[valid]).any():
        return EdgeScore(nan, nan, nan)
    hits, drawn, sought = (int(np.count_nonzero(edges)) for edges in (found & true, found, true))
    # F1 in counts, because the harmonic mean has no value where both are 0.
    return EdgeScore(2 * hits / (drawn + sought), hits / max(drawn, 1), hits / sought)


def _widened(depth: Values, valid: Mask) -> Mask:
    edges = _edges(np.log(depth), valid, 1.0)
    return binary_dilation(edges, np.ones((5, 5), bool)) & valid


def _edges(values: Values, valid: Mask, sigma: float) -> Mask:
    return skimage("feature").canny(values, sigma=sigma, low_threshold=LOW, high_threshold=HIGH, mask=valid)


def _unit(depth: Values, valid: Mask) -> Values:
    """Scale to [0, 1]; a constant becomes 0."""
    counted = depth[valid]
    low, high = (counted.min(), counted.max()) if counted.size else (0, 0)
    return np.where(valid, depth - low, 0) / np.float32(max(high - low, np.finfo(np.float32).tiny))
