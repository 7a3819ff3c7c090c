"""ZoeDepth's reflected margin: added to pictures before the network and cut off its maps.

The formula is the published processor's (``ZoeDepthImageProcessor``): 3 times the root of half a side.
"""

from math import sqrt

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from patchwrap import DepthBatch, Images, Size


def margins(size: Size) -> Size:
    """Width of the margin in pixels, ``(above and below, left and right)``, for a picture's size."""
    return int(3 * sqrt(size[0] / 2)), int(3 * sqrt(size[1] / 2))


def add_margin(images: Images) -> Images:
    """Reflect the border outwards and shrink the whole to the picture's own size."""
    size = images.shape[2:]
    down, across = margins((size[0], size[1]))
    padded = functional.pad(images, (across, across, down, down), mode="reflect")
    return functional.interpolate(padded, size, mode="bilinear", align_corners=True)


def remove_margin(maps: Float[Tensor, "batch 1 _ _"], size: Size) -> DepthBatch:
    """Cut the margin off a map.

    Args:
        maps: at any resolution.
        size: ``(height, width)`` of the picture.
    """
    down, across = margins(size)
    padded = (size[0] + 2 * down, size[1] + 2 * across)
    whole = functional.interpolate(maps, padded, mode="bicubic", align_corners=False)
    return whole[..., down : down + size[0], across : across + size[1]]
