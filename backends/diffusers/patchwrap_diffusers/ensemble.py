"""Combines several predictions of one picture, and measures how far they agree."""

import torch
from diffusers import MarigoldDepthPipeline
from jaxtyping import Float
from torch import Tensor

from patchwrap import DepthBatch, DepthConvention

Members = Float[Tensor, "members batch 1 height width"]

HALF = 0.05
"""Deviation of the members, as a share of the map's range, at which confidence is one half."""


def combined(members: Members, convention: DepthConvention) -> tuple[DepthBatch, DepthBatch]:
    """Align the members of each picture to each other and take their median.

    The library's own ensembling (arXiv 2312.02145, section 3.3) stretches its result to [0, 1], which would give
    every tile another scale; here the result has the members' mean scale. The library's also leaves torch and has no
    gradient; here the gradient is that of the members' mean.

    Args:
        members: at least 3.
        convention: states whether the members' scale and shift are unknown.

    Returns:
        Maps, and a confidence in [0, 1].
    """
    pairs = [_combined(each, convention) for each in members.float().unbind(1)]
    maps, deviations = (torch.cat(parts) for parts in zip(*pairs))
    return maps, 1 / (1 + (deviations / HALF).square())


def _combined(
    members: Float[Tensor, "members 1 height width"], convention: DepthConvention
) -> tuple[Float[Tensor, "1 1 height width"], Float[Tensor, "1 1 height width"]]:
    if convention.ambiguity == "metric":
        median = members.median(0, keepdim=True).values
        deviation = (members - median).abs().median(0, keepdim=True).values
        return median, deviation / (median.max() - median.min()).clamp_min(1e-6)
    affine = convention.ambiguity == "affine"
    followed = members.mean(0, keepdim=True)
    members, mean = members.detach(), followed.detach()
    median, deviation = MarigoldDepthPipeline.ensemble_depth(members, True, affine, output_uncertainty=True)
    origin = (median.mean(), mean.mean()) if affine else (0.0, 0.0)
    centred = median - origin[0]
    scale = ((mean - origin[1]) * centred).mean() / centred.square().mean().clamp_min(1e-12)
    return origin[1] + scale * centred + (followed - mean), deviation  # the last term is zero, with a gradient
