"""Averages the coarse map with the prediction for the mirrored image."""

import numpy as np
import torch

from patchwrap.alignment import AGREEMENT, LEAST_CORRELATION, LOG_AGREEMENT
from patchwrap.observation import agreement
from patchwrap.robust import correlation, map_spread, median
from patchwrap.types import CoarseMap


def average_with_mirrored(plain: CoarseMap, mirrored: CoarseMap, scale_known: bool) -> CoarseMap:
    """Average a coarse map with the prediction for the mirrored image.

    The mirrored map is matched in median (and spread, where scale is unknown) and its weight falls with the remaining
    difference; without correlation it is ignored. The mean of the two is mostly more accurate than either (Godard et
    al. 2017, arXiv 1609.03677, post-processing).

    Args:
        plain: the coarse map in the fusion space, finite.
        mirrored: the prediction for the mirrored image, flipped back, in the fusion space; NaN where invalid.
        scale_known: whether both share their scale (log depth).

    Returns:
        A map of the same shape, finite.

    Example:
        >>> plain = torch.linspace(0, 1, 32).expand(32, 32)
        >>> bool(torch.allclose(average_with_mirrored(plain, 3 + 2 * plain, scale_known=False), plain))
        True
    """
    valid = mirrored.isfinite()
    x, y = (values[valid].double().numpy() for values in (mirrored, plain))
    if not len(x) or correlation(x, y, np.ones_like(x)) < LEAST_CORRELATION:
        return plain
    spread = max(map_spread(y), 1e-12)
    scale = 1.0 if scale_known else spread / max(map_spread(x), 1e-12)
    difference = torch.where(valid, median(y) + scale * (mirrored - median(x)) - plain, 0.0)
    half = LOG_AGREEMENT if scale_known else AGREEMENT * spread
    weight = torch.from_numpy(agreement(difference.double().numpy(), half)).to(plain)
    return plain + 0.5 * weight * difference
