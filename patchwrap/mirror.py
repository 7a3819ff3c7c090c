"""A second opinion on the whole image: what a backend says of its mirror image."""

import numpy as np
import torch

from patchwrap.alignment import AGREEMENT, LEAST_CORRELATION, LOG_AGREEMENT
from patchwrap.observation import agreement
from patchwrap.robust import correlation, map_spread, median
from patchwrap.types import CoarseMap


def halfway(plain: CoarseMap, mirrored: CoarseMap, scale_known: bool) -> CoarseMap:
    """Go halfway from a coarse map to that of the mirror image, where it is to be believed.

    The mean of the two mostly errs less than either (Godard et al. 2017, arXiv 1609.03677, post-processing). The mirror
    image's map is first brought to the median and, where scale is unknown, the spread of the plain one; the farther it
    still is from it the less it counts, as with tiles, and without likeness it does not count at all.

    Args:
        plain: in the fusion space, finite.
        mirrored: likewise, mirrored back; NaN where invalid.
        scale_known: whether both share their scale (log depth).

    Example:
        >>> plain = torch.linspace(0, 1, 32).expand(32, 32)
        >>> bool(torch.allclose(halfway(plain, 3 + 2 * plain, scale_known=False), plain))
        True
    """
    seen = mirrored.isfinite()
    x, y = (values[seen].double().numpy() for values in (mirrored, plain))
    if not len(x) or correlation(x, y, np.ones_like(x)) < LEAST_CORRELATION:
        return plain
    spread = max(map_spread(y), 1e-12)
    scale = 1.0 if scale_known else spread / max(map_spread(x), 1e-12)
    apart = torch.where(seen, median(y) + scale * (mirrored - median(x)) - plain, 0.0)
    half = LOG_AGREEMENT if scale_known else AGREEMENT * spread
    believed = torch.from_numpy(agreement(apart.double().numpy(), half)).to(plain)
    return plain + 0.5 * believed * apart
