"""From a network's output to one map per picture, in the family's convention and at the picture's size."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from patchwrap import DepthBatch, Size
from patchwrap_transformers.families import Resampling


def maps_of(output: Any, canonical: bool) -> Float[Tensor, "batch 1 _ _"]:
    """Return the output's maps as float32, at the network's resolution.

    Args:
        output: of the network.
        canonical: whether they are Depth Pro's inverse depth for a focal length of the picture's width, to be
            multiplied by width / focal length as the network estimates it (arXiv 2410.02073).
    """
    maps = output.predicted_depth[:, None].float()
    if canonical and output.field_of_view is not None:
        half = torch.deg2rad(output.field_of_view.float()) / 2
        maps = maps * (2 * torch.tan(half))[:, None, None, None]
    return maps


def to_size(maps: Float[Tensor, "batch 1 _ _"], size: Size, resampling: Resampling) -> DepthBatch:
    """Resize maps to the picture's size as the family's own post-processing does.

    Args:
        maps: at the network's own resolution.
        size: ``(height, width)`` of the picture.
        resampling: the family's.
    """
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return functional.interpolate(maps, size, mode=resampling.mode, align_corners=resampling.corners)


def depth_of(inverse: DepthBatch) -> DepthBatch:
    """Invert, between a tenth of a millimetre and ten kilometres as Depth Pro's post-processing does."""
    return inverse.clamp(1e-4, 1e4).reciprocal()
