"""All measures of one predicted map in one call. Maps must be in metres (see ``fit.py``)."""

from collections.abc import Iterable

import numpy as np

from patchwrap.metrics.boundary import BoundaryScore, boundary_scores
from patchwrap.metrics.depth import clamp, depth_metrics, valid_mask
from patchwrap.metrics.edge import depth_edges, soft_edge_error
from patchwrap.metrics.seam import seam
from patchwrap.types import Mask, Values


def evaluate(
    pred: Values,
    gt: Values,
    valid: Mask | None = None,
    columns: Iterable[int] = (),
    rows: Iterable[int] = (),
    edges: Mask | None = None,
) -> dict[str, float]:
    """Measure one map.

    Args:
        pred: predicted depth in metres, already aligned.
        gt: true depth in metres, the same size; sky is inf.
        valid: pixels to evaluate; by default ``valid_mask(gt)``.
        columns: where tiles begin and end, for ``seam``.
        rows: likewise.
        edges: where ``see`` is measured; by default ``depth_edges(gt)``.

    Returns:
        The measures of ``depth_metrics``; ``boundary1``, ``boundary4`` and ``boundary16`` (F1), each also with
        ``_precision`` and ``_recall``; ``see`` and ``seam``.
    """
    valid = valid_mask(gt) if valid is None else valid
    scores = boundary_scores(pred, gt, valid)
    return {
        **errors(pred, gt, valid, edges),
        **{name: value for window, score in scores.items() for name, value in _named(window, score).items()},
        "seam": seam(np.log(clamp(pred)), columns, rows, valid & ~depth_edges(gt)),
    }


def errors(pred: Values, gt: Values, valid: Mask, edges: Mask | None = None) -> dict[str, float]:
    """The measures that depend on a factor, ``depth_metrics`` and ``see``; arguments as of ``evaluate``."""
    return {**depth_metrics(pred, gt, valid), "see": soft_edge_error(pred, gt, valid, edges)}


def _named(window: int, score: BoundaryScore) -> dict[str, float]:
    name = f"boundary{window}"
    return {name: score.f1, f"{name}_precision": score.precision, f"{name}_recall": score.recall}
