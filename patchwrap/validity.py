"""Invalid pixels of a map: fill them, and bring the mask of valid ones to the photo's size."""

import torch
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from patchwrap import scratch
from patchwrap.convention import DepthConvention
from patchwrap.resampling import interpolate_in_bands
from patchwrap.tiling import Size
from patchwrap.types import Map, Mask


def depths_only(values: Float[Tensor, "*shape"], convention: DepthConvention) -> Float[Tensor, "*shape"]:
    """Replace what is not a depth by NaN: models write zero where they know none. Inverse depth zero is far away.

    To be called before a map is resized, which would mix such zeros with the depths around them.

    Args:
        values: a map or a batch of maps.
        convention: of the values; those of an affine ambiguity may be zero or less.
    """
    return values.masked_fill(values <= 0, torch.nan) if convention.is_positive else values


def filled(values: Map) -> Map:
    """Give invalid pixels the value of the nearest valid one.

    Args:
        values: at least one of them finite; non-finite ones are invalid.
    """
    valid = values.isfinite()
    if valid.all():
        return values
    nearest = distance_transform_edt(~valid.numpy(), return_distances=False, return_indices=True)
    return values[tuple(torch.from_numpy(index).long() for index in nearest)]


def enlarged_mask(mask: Bool[Tensor, "rows columns"], size: Size) -> Mask:
    """Enlarge a mask: a pixel is valid if the interpolated mask is above one half there.

    Args:
        mask: True where valid.
        size: ``(height, width)`` to reach.
    """
    if not mask.all():
        return interpolate_in_bands(mask.float(), size, lambda band: band > 0.5, dtype=bool)
    everywhere = scratch.array(size, bool)
    for rows in scratch.bands(size[0]):
        everywhere[rows] = True
    return everywhere
