"""Measures of a depth map against ground truth, of tiles against each other and of seams. Pure functions.

Protocol, unless a docstring says otherwise: pixels with finite ground truth in (1e-3, 80) m are evaluated, the
prediction is clamped to the same range, and measures are computed per image and averaged over images.
"""

from patchwrap.metrics.boundary import BoundaryScore, boundary_scores
from patchwrap.metrics.consistency import ConsistencyError, consistency_error
from patchwrap.metrics.contour import EdgeDistance, EdgeScore, edge_accuracy_completeness, edge_f1
from patchwrap.metrics.depth import (
    MAX_DEPTH,
    MIN_DEPTH,
    abs_rel,
    clamp,
    delta,
    depth_metrics,
    log10,
    rmse,
    rmse_log,
    silog,
    sq_rel,
    valid_mask,
)
from patchwrap.metrics.edge import depth_edges, disparity_edges, soft_edge_error
from patchwrap.metrics.evaluation import errors, evaluate
from patchwrap.metrics.fit import Fit, align, align_median, fit
from patchwrap.metrics.ordinal import d3r
from patchwrap.metrics.seam import seam

__all__ = [
    "MAX_DEPTH",
    "MIN_DEPTH",
    "BoundaryScore",
    "ConsistencyError",
    "EdgeDistance",
    "EdgeScore",
    "Fit",
    "abs_rel",
    "align",
    "align_median",
    "boundary_scores",
    "clamp",
    "consistency_error",
    "d3r",
    "delta",
    "depth_edges",
    "depth_metrics",
    "disparity_edges",
    "edge_accuracy_completeness",
    "edge_f1",
    "errors",
    "evaluate",
    "fit",
    "log10",
    "rmse",
    "rmse_log",
    "seam",
    "silog",
    "soft_edge_error",
    "sq_rel",
    "valid_mask",
]
