"""The space in which maps are aligned and fused: there, tile and coarse predictions differ by an affine map only.

Log depth for metric and scale-invariant maps (a scale becomes a shift), the map's own space if its ambiguity is affine,
and height unchanged.
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import binary_dilation
from torch import Tensor

from patchwrap.convention import DepthConvention
from patchwrap.errors import ConventionError

FusionSpace = Literal["log_depth", "depth", "inverse_depth", "height"]

_TINY = 1e-6

_BORDER = 3
"""Pixels over which a network's inverse depth may fall to zero where a sky begins; what lies farther in is distant."""


def fusion_space(coarse: DepthConvention, fine: DepthConvention) -> FusionSpace:
    """The space in which maps of ``fine`` and ``coarse`` differ by scale and shift only.

    Raises:
        ConventionError: if no space does that (affine depth with affine inverse depth, height with anything else).

    Example:
        >>> metric, relative = DepthConvention("depth", "metric"), DepthConvention("inverse_depth", "affine")
        >>> fusion_space(metric, metric), fusion_space(metric, relative)
        ('log_depth', 'inverse_depth')
    """
    spaces = {c.space for c in (coarse, fine) if not c.gives_distances}
    if "height" in spaces and coarse.space != fine.space:
        spaces = {coarse.space, fine.space}
    if len(spaces) > 1:
        raise ConventionError(
            f"Coarse predicts {coarse} and fine {fine}: no space makes one affine to the other. "
            "Take two backends of the same convention, or one of metric or scale ambiguity."
        )
    return next(iter(spaces), "log_depth")


def to_space(
    values: Float[Tensor, "*shape"], convention: DepthConvention, space: FusionSpace
) -> Float[Tensor, "*shape"]:
    """Convert values to the fusion space; values that are not finite there become NaN.

    Inverse depth below a millionth, such as a sky's, has no depth: it becomes NaN, unless it stays inverse depth.

    Args:
        values: a map in ``convention``.
        convention: of the values.
        space: the fusion space. Affine maps are already in it.
    """
    values = values.nan_to_num(torch.nan, posinf=torch.nan, neginf=torch.nan)
    if convention.space == space:
        return values
    if convention.space == "inverse_depth":
        values = values.masked_fill(values < _TINY, torch.nan)
    if space == "log_depth":
        log = torch.log(values.clamp_min(_TINY))
        return -log if convention.space == "inverse_depth" else log
    return values.clamp_min(_TINY).reciprocal()


def invertible(
    coarse: Float[Tensor, "rows columns"], convention: DepthConvention, space: FusionSpace
) -> Float[Tensor, "rows columns"]:
    """Give inverse depths without a depth half the 2nd percentile of positive ones, so that a coarse map's sky is far.

    Not half the smallest: at a sky's border values may fall to zero through tiny ones, and a single one of them would
    put the whole sky so far away that it bends the ground. Where depth itself is fused, farther pixels in the three
    rings around a sky come that near, too.

    Args:
        coarse: the coarse map in ``convention``; invalid values stay as they are.
        convention: of the coarse map.
        space: the fusion space, to which it will be converted.

    Example:
        >>> metric = DepthConvention("inverse_depth", "metric")
        >>> invertible(torch.tensor([[0.0, 0.5, 1.0]]), metric, "log_depth")
        tensor([[0.2500, 0.5000, 1.0000]])
    """
    if convention.space != "inverse_depth" or space == convention.space:
        return coarse
    raised = coarse < _TINY
    positive = coarse[coarse >= _TINY]
    rank = 1 + int(0.02 * (positive.numel() - 1))
    far = max(positive.kthvalue(rank).values.item() / 2 if positive.numel() else 0.0, _TINY)
    if space == "depth":
        # As a depth, tiny values at a sky's border would outweigh all others; as logarithms they are some of many.
        farther = (coarse < far).cpu().numpy()
        border = binary_dilation(raised.cpu().numpy(), np.ones((3, 3)), _BORDER) & farther
        raised = torch.from_numpy(border).to(coarse.device)
    return torch.where(raised, coarse.clamp_min(far), coarse)


def least_invertible(
    coarse: Float[Tensor, "rows columns"], convention: DepthConvention, space: FusionSpace
) -> float | None:
    """The lower bound of fused values before ``from_space`` takes their reciprocal; None if it does not.

    Half the smallest positive value of the coarse map. Without it, noise around zero would become a million metres.

    Args:
        coarse: the coarse map in the fusion space.
        convention: of the result, the coarse backend's.
        space: the fusion space.
    """
    if space in ("log_depth", convention.space):
        return None
    positive = coarse[coarse > _TINY]
    return float(positive.min()) / 2 if positive.numel() else _TINY


def from_space(
    values: Float[Tensor, "*shape"], convention: DepthConvention, space: FusionSpace
) -> Float[Tensor, "*shape"]:
    """Undo ``to_space``: convert fused values back to the convention of the coarse map."""
    if space == "log_depth":
        return torch.exp(-values if convention.space == "inverse_depth" else values)
    return values if convention.space == space else values.clamp_min(_TINY).reciprocal()
