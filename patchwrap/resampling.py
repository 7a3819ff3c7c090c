"""Resize maps and pictures. The one place where pixels are resampled, so that no processor does it behind our back."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from patchwrap.tiling import Size


def resize(maps: Shaped[Tensor, "batch channels _ _"], size: Size) -> Shaped[Tensor, "batch channels rows columns"]:
    """Resize with bilinear interpolation, averaging over the covered area when shrinking.

    Pixel centres lie at one half (``align_corners=False``).

    Args:
        maps: float, or uint8 (then rounded).
        size: ``(height, width)`` wanted.
    """
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return functional.interpolate(maps, size, mode="bilinear", align_corners=False, antialias=True)


def enlarge(values: Float[Tensor, "_ _"], size: Size) -> Float[Tensor, "height width"]:
    """Resize one map without low-pass: for maps that are smooth at the target's pixels already."""
    if tuple(values.shape) == tuple(size):
        return values
    return functional.interpolate(values[None, None], size, mode="bilinear", align_corners=False)[0, 0]


def under(
    maps: Float[Tensor, "tiles channels _ _"], windows: Float[Tensor, "tiles 4"], size: Size
) -> Float[Tensor, "tiles channels height width"]:
    """The part of each whole-image map that lies under its tile, resampled bilinearly.

    Args:
        maps: one whole-image map a tile.
        windows: (top, left, height, width) of each tile as fractions of the image.
        size: ``(height, width)`` wanted.
    """
    top, left, height, width = windows.to(maps).unbind(1)
    # affine_grid's coordinates run from -1 to 1: centre and half size of the window in those.
    zero = torch.zeros_like(top)
    across = torch.stack([width, zero, 2 * left + width - 1], 1)
    down = torch.stack([zero, height, 2 * top + height - 1], 1)
    grid = functional.affine_grid(torch.stack([across, down], 1), [len(maps), 1, *size], align_corners=False)
    return functional.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)


def input_size(image: Size, processing: Size, multiple: int = 1, free_aspect: bool = True) -> Size:
    """The size at which a backend sees an image.

    With a free aspect, the sides that come nearest to the image's aspect and the processing area;
    the aspect counts four times as much as the area.

    Args:
        image: ``(height, width)`` of the image or tile.
        processing: ``(height, width)`` the backend prefers.
        multiple: both sides are a multiple of this.
        free_aspect: False keeps ``processing`` as it is.

    Example:
        >>> input_size((2160, 3840), (288, 384), multiple=32)
        (256, 448)
    """
    if not free_aspect:
        return processing
    scale = (processing[0] * processing[1] / (image[0] * image[1])) ** 0.5
    ideal = image[0] * scale, image[1] * scale
    sides = [sorted({max(int(n // multiple + k), 1) * multiple for k in (0, 1)}) for n in ideal]
    return min(((h, w) for h in sides[0] for w in sides[1]), key=lambda s: _misfit(s, ideal))


def _misfit(size: Size, ideal: tuple[float, float]) -> float:
    down, across = (torch.tensor([size[0] / ideal[0], size[1] / ideal[1]]).log()).tolist()
    return 4 * abs(down - across) + abs(down + across)
