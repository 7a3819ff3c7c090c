"""True depth as a target for a head: in the fusion space and in the coarse map's units."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from patchwrap.convention import DepthConvention
from patchwrap.datasets.sample import METRIC
from patchwrap.metrics import depth_edges, valid_mask
from patchwrap.observation import thumbnail
from patchwrap.robust import map_spread, robust_fit
from patchwrap.spaces import FusionSpace, to_space
from patchwrap.tiling import Tile
from patchwrap.types import CoarseMap, Values

FEWEST = 64
"""Least number of the coarse map's pixels that must have truth."""


def target(
    truth: Values, coarse: CoarseMap, convention: DepthConvention, space: FusionSpace
) -> tuple[Float[Tensor, "height width"], Bool[Tensor, "height width"]] | None:
    """Convert true depth to the coarse map's units.

    For metric maps the truth is used unchanged. Otherwise what the convention leaves unknown, a scale or scale and
    shift, is fitted robustly once for the whole image, so that the loss does not depend on it but still sees how tiles
    differ from each other.

    Args:
        truth: metres on the canvas; sky inf, unknown NaN or 0.
        coarse: the coarse map in the fusion space.
        convention: of the coarse map.
        space: the fusion space.

    Returns:
        The target, NaN where truth is not valid, and where true depth has edges. None if fewer than ``FEWEST`` pixels
        are valid, or the coarse map does not correlate with the truth.
    """
    valid = valid_mask(truth)
    values = to_space(torch.from_numpy(np.where(valid, truth, np.nan).astype(np.float32)), METRIC, space)
    canvas = (truth.shape[0], truth.shape[1])
    known = thumbnail(values, Tile(0, 0, *canvas), canvas, (coarse.shape[0], coarse.shape[1]))[1]
    usable = np.isfinite(known)
    if usable.sum() < FEWEST:
        return None
    edges = torch.from_numpy(depth_edges(truth.astype(np.float32)) & valid)
    if convention.ambiguity == "metric":
        return values, edges
    shift_known = convention.ambiguity == "scale" and space != "log_depth"
    scale, shift = _fitted(known[usable], coarse.double().numpy()[usable], space == "log_depth", shift_known)
    return (values * scale + shift, edges) if scale > 0 else None


def _fitted(
    known: Float[np.ndarray, "cells"], coarse: Float[np.ndarray, "cells"], scale_known: bool, shift_known: bool
) -> tuple[float, float]:
    if scale_known:
        return 1.0, float(np.median(coarse - known))
    everywhere, ratio = np.ones_like(known), map_spread(coarse) / max(map_spread(known), 1e-12)
    if shift_known:
        (scale,), _ = robust_fit(known[:, None], coarse, everywhere, np.array([ratio]), np.full(1, np.inf))
        return float(scale), 0.0
    centre = float(np.median(known))
    guess = np.array([np.median(coarse), ratio])
    design = np.stack([everywhere, known - centre], 1)
    (level, scale), _ = robust_fit(design, coarse, everywhere, guess, np.full(2, np.inf))
    return float(scale), float(level - scale * centre)
