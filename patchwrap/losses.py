"""Losses for depth networks and fusion heads: pure functions of tensors."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

LogDepth = Float[Tensor, "batch 1 height width"]
"""Natural logarithm of depth, in any unit."""

Maps = Float[Tensor, "batch 1 height width"]
"""One map per image, in any space."""

Mask = Bool[Tensor, "batch 1 height width"]
"""True where a pixel takes part."""

_STEP, _REACH = 0.05, 3
"""Least step of an edge as a share of a map's range, and how many pixels beside it count as near."""

FEWEST = 16
"""Maps with fewer valid pixels than this are ignored."""


def silog(log_pred: LogDepth, log_target: LogDepth, valid: Mask) -> Float[Tensor, ""]:
    """Scale-invariant log loss ``10 * sqrt(var(g) + 0.15 * mean(g)^2)``, ``g = log_pred - log_target``.

    Computed for each map over its valid pixels, then averaged over the maps: a batch-wide variance would
    weight the scale *between* images like the layout *within* them. Formula: Eigen et al.
    2014 (arXiv 1406.2283) in the form of AdaBins (arXiv 2011.14141, lambda 0.85), ZoeDepth and PatchFusion.

    Args:
        log_pred: predicted log depth.
        log_target: true log depth; arbitrary (also inf) where not valid.
        valid: the pixels to use.

    Returns:
        The loss, >= 0; 0 if no map has valid pixels.
    """
    g = torch.where(valid, log_pred - log_target, 0.0)
    count = valid.sum((1, 2, 3)).clamp(min=1)
    mean = g.sum((1, 2, 3)) / count
    centred = torch.where(valid, g - mean[:, None, None, None], 0.0)
    variance = centred.square().sum((1, 2, 3)) / count
    usable = valid.sum((1, 2, 3)) >= FEWEST
    # The tiny constant keeps the square root's slope finite at a perfect prediction.
    each = 10 * (variance + 0.15 * mean.square() + 1e-8).sqrt()
    return torch.where(usable, each, 0.0).sum() / usable.sum().clamp(min=1)


def multiscale_gradient(log_pred: LogDepth, log_target: LogDepth, valid: Mask, scales: int = 4) -> Float[Tensor, ""]:
    """Sum over scales of the mean ``|dg/dx| + |dg/dy|``, ``g = log_pred - log_target``.

    Scale s takes every 2^s-th pixel, so that edges are trained to be sharp and in place.
    Formula: MegaDepth (arXiv 1804.00607), eq. 5; MiDaS (arXiv 1907.01341), eq. 11.

    Args:
        log_pred: predicted log depth.
        log_target: true log depth; arbitrary where not valid.
        valid: the pixels to use; a difference counts where both its pixels do.
        scales: how many scales, >= 1.

    Returns:
        The loss, >= 0.
    """
    g = torch.where(valid, log_pred - log_target, 0.0)
    total = g.new_zeros(())
    for scale in range(scales):
        step = 2**scale
        total = total + _mean_step(g[..., ::step, ::step], valid[..., ::step, ::step])
    return total


def _mean_step(g: LogDepth, valid: Mask) -> Float[Tensor, ""]:
    total = g.new_zeros(())
    for axis in (-2, -1):
        size = g.shape[axis] - 1
        both = valid.narrow(axis, 0, size) & valid.narrow(axis, 1, size)
        steps = torch.where(both, g.diff(dim=axis).abs(), 0.0)
        total = total + steps.sum() / both.sum().clamp(min=1)
    return total


def standardised(maps: Maps, valid: Mask) -> Maps:
    """Each map minus its median, over its mean absolute deviation from it: free of scale and shift.

    Unlike a least-squares fit to the target it cannot turn a map upside down. Formula: MiDaS
    (arXiv 1907.01341), eq. 5 and 6.

    Args:
        maps: any maps.
        valid: the pixels to use.

    Returns:
        Maps of median 0 and mean absolute deviation 1; 0 where too few pixels count.
    """
    count = valid.sum((2, 3), keepdim=True)
    counted = torch.where(valid, maps, torch.nan).flatten(2)
    off = maps - counted.nanmedian(-1, keepdim=True).values[..., None].nan_to_num()
    spread = torch.where(valid, off.abs(), 0.0).sum((2, 3), keepdim=True) / count.clamp(min=1)
    return torch.where(valid & (count >= FEWEST), off / spread.clamp(min=1e-6), 0.0)


def scale_shift_invariant(pred: Maps, target: Maps, valid: Mask) -> Float[Tensor, ""]:
    """``L1 + L2 + 5 * gradient`` between standardised maps.

    The mixture is PRO's (arXiv 2503.22351).

    Args:
        pred: predicted maps with unknown scale and shift.
        target: true maps in the same space; arbitrary where not valid.
        valid: the pixels to use.

    Returns:
        The loss, >= 0; 0 if no map has valid pixels.
    """
    usable = valid & (valid.sum((2, 3), keepdim=True) >= FEWEST)
    mine, true = standardised(pred, usable), standardised(target, usable)
    difference = mine - true
    plain = (difference.abs() + difference.square()).sum() / usable.sum().clamp(min=1)
    return plain + 5 * multiscale_gradient(mine, true, usable)


def bias_free(coarse: Maps, target: Maps, valid: Mask, ratio: float = 2.0) -> Mask:
    """Mask out pixels where truth strongly contradicts the coarse map, except near edges of both.

    Such truth lies behind glass or in a mirror, or fills a hole, and must not be learned.
    PRO's bias-free mask (arXiv 2503.22351): both maps are put to [0, 1] by their extremes, and pixels whose ratio is
    beyond 2 are dropped unless an edge of both runs there.

    Args:
        coarse: coarse maps.
        target: truth in the same space; arbitrary where not valid.
        valid: the pixels to use.
        ratio: largest ratio, >= 1.
    """
    share = [_share_of_range(maps, valid) for maps in (coarse, target)]
    apart = torch.maximum(share[0] / share[1], share[1] / share[0])
    edges = [_near_edges(maps, valid) for maps in share]
    return valid & ((apart <= ratio) | (edges[0] & edges[1]))


def _share_of_range(maps: Maps, valid: Mask) -> Maps:
    """Values put to [0, 1] by their extremes over the valid pixels, and kept from zero."""
    low = torch.where(valid, maps, torch.inf).amin((2, 3), keepdim=True)
    high = torch.where(valid, maps, -torch.inf).amax((2, 3), keepdim=True)
    share = torch.where(valid, maps - low, 0.0) / (high - low).clamp(min=1e-6)
    # The offset avoids ratios of values close to zero.
    return share.clamp(0, 1) + 0.1


def _near_edges(share: Maps, valid: Mask) -> Mask:
    """Within ``_REACH`` pixels of a step between neighbours."""
    inside = torch.where(valid, share, torch.nan)
    low, high = (-F.max_pool2d(-inside.nan_to_num(9.0), 3, 1, 1), F.max_pool2d(inside.nan_to_num(-9.0), 3, 1, 1))
    return F.max_pool2d(((high - low) > _STEP).float(), 2 * _REACH + 1, 1, _REACH) > 0


def far_hinge(log_pred: LogDepth, sky: Mask, far: float | LogDepth) -> Float[Tensor, ""]:
    """Mean of ``max(0, far - log_pred)`` over the sky: push it beyond a threshold only.

    Sky has no depth to regress; without this term its prediction would be arbitrary.

    Args:
        log_pred: predicted log depth.
        sky: the pixels that must be far.
        far: the log depth they must exceed, one number or one a pixel.

    Returns:
        The loss, >= 0; 0 without sky.
    """
    short = F.relu(far - log_pred)
    return torch.where(sky, short, 0.0).sum() / sky.sum().clamp(min=1)


def overlap_consistency(
    first: Float[Tensor, "batch channels height width"],
    second: Float[Tensor, "batch channels height width"],
    shift: tuple[int, int],
    valid: Mask | None = None,
) -> Float[Tensor, ""]:
    """Mean squared difference of two displaced tiles' maps where they show the same place.

    PatchFusion's consistency-aware training (arXiv 2312.02284, eq. 4), for depth (one channel) and for
    decoder features alike.

    Args:
        first: maps of the first tiles.
        second: maps of the second tiles, same size.
        shift: ``(rows, columns)`` from the first tile's corner to the second's, in these maps' pixels.
        valid: which of the *first* maps' pixels are used; None for all.

    Returns:
        The loss, >= 0; 0 if the tiles do not overlap.
    """
    a, b = shared(first, shift), shared(second, (-shift[0], -shift[1]))
    counts = torch.ones_like(a[:, :1], dtype=torch.bool) if valid is None else shared(valid, shift)
    squared = torch.where(counts, (a - b).square(), 0.0)
    return squared.sum() / (counts.sum() * a.shape[1]).clamp(min=1)


def shared(maps: Tensor, shift: tuple[int, int]) -> Tensor:
    """Crop maps to the part that a tile displaced by ``shift`` also shows.

    Args:
        maps: ``(..., height, width)``.
        shift: ``(rows, columns)`` from these maps' corner to the other tile's corner, may be negative.
    """
    for axis, by in zip((-2, -1), shift):
        size = max(maps.shape[axis] - abs(by), 0)
        maps = maps.narrow(axis, min(max(by, 0), maps.shape[axis]), size)
    return maps
