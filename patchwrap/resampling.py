"""Resizing used by the pipeline; large arrays are processed in bands of rows.

Backends get their input at the size chosen here, so that no processor of a model library has to resize it again.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import astuple
from math import ceil, log, sqrt

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Shaped
from numpy import ndarray
from numpy.typing import DTypeLike
from torch import Tensor
from torch.nn import functional

from patchwrap import scratch
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, Map

_PHOTO_BAND = 32
"""Rows of a resized photo that are computed at once; each covers several rows of the photo."""


def resize_maps(
    maps: Shaped[Tensor, "batch channels _ _"], size: Size
) -> Shaped[Tensor, "batch channels rows columns"]:
    """Resize a batch of maps bilinearly, averaging over the covered area when shrinking.

    Pixel centres lie at one half (``align_corners=False``).

    Args:
        maps: float, or uint8 (then rounded).
        size: ``(height, width)`` of the result.
    """
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return functional.interpolate(maps, size, mode="bilinear", align_corners=False, antialias=True)


def interpolate_map(values: Float[Tensor, "_ _"], size: Size) -> Float[Tensor, "height width"]:
    """Resize one map bilinearly without a low-pass: to enlarge, or for maps that are smooth at the target's pixels."""
    if tuple(values.shape) == tuple(size):
        return values
    return functional.interpolate(values[None, None], size, mode="bilinear", align_corners=False)[0, 0]


def interpolate_in_bands(
    values: CoarseMap, size: Size, finish: Callable[[Map], Tensor] | None = None, dtype: DTypeLike = np.float32
) -> Shaped[ndarray, "height width"]:
    """Do as ``interpolate_map`` does for a map of a photo's size, band by band into a scratch array.

    Args:
        values: the map.
        size: ``(height, width)`` of the result.
        finish: applied to every band of the result, pixel by pixel.
        dtype: of the result.
    """
    result = scratch.array(size, dtype)
    for rows in scratch.bands(size[0]):
        band = _interpolated_rows(values, size, rows)
        result[rows] = (band if finish is None else finish(band)).numpy()
    return result


def resize_photo(photo: Shaped[ndarray, "_ _ 3"], size: Size) -> Shaped[ndarray, "height width 3"]:
    """Resize a photo as ``resize_maps`` does, band by band into a scratch array of the photo's number type."""
    if photo.shape[:2] == tuple(size):
        return photo
    result = scratch.array((*size, 3), photo.dtype)
    for rows in scratch.bands(size[0], _PHOTO_BAND):
        band = _resized_photo_rows(photo, size, rows).numpy()
        result[rows] = band if photo.dtype.kind == "f" else np.rint(band)
    return result


def nearest_pixels(given: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[ndarray, ...]:
    """Index of the pixel under each pixel's centre of another grid: depth must not be averaged across edges.

    Args:
        given: ``(height, width)`` of what is indexed.
        wanted: ``(height, width)`` of the result.

    Example:
        >>> np.arange(9).reshape(3, 3)[nearest_pixels((3, 3), (1, 2))].tolist()
        [[3, 5]]
    """
    return np.ix_(*(((np.arange(n) + 0.5) * old / n).astype(int) for old, n in zip(given, wanted)))


def sample_windows(
    maps: Float[Tensor, "tiles channels _ _"], windows: Float[Tensor, "tiles 4"], size: Size
) -> Float[Tensor, "tiles channels height width"]:
    """Sample the window of a tile from each whole-image map, bilinearly.

    Autocast does not apply: it would round the places.

    Args:
        maps: one whole-image map per tile.
        windows: (top, left, height, width) of each tile as fractions of the image.
        size: ``(height, width)`` of the result, which is float32.
    """
    maps = maps.float()
    top, left, height, width = windows.to(maps).unbind(1)
    # affine_grid's coordinates run from -1 to 1: centre and half size of the window in those.
    zero = torch.zeros_like(top)
    across = torch.stack([width, zero, 2 * left + width - 1], 1)
    down = torch.stack([zero, height, 2 * top + height - 1], 1)
    with torch.autocast(maps.device.type, enabled=False):
        grid = functional.affine_grid(torch.stack([across, down], 1), [len(maps), 1, *size], align_corners=False)
        return functional.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)


def windows_of(tiles: Iterable[Tile], grid: Size) -> Float[Tensor, "tiles 4"]:
    """The windows of ``sample_windows`` for tiles on a grid.

    Args:
        tiles: on the grid.
        grid: its ``(height, width)``.
    """
    places = torch.tensor([astuple(tile) for tile in tiles], dtype=torch.float32)
    return places / torch.tensor([*grid, *grid])


def input_size(image: Size, processing: Size, multiple: int = 1, free_aspect: bool = True) -> Size:
    """The size to which an image is resized for a backend.

    With a free aspect, the sides that come closest to the image's aspect and to the area of ``processing``; the aspect
    counts four times as much as the area.

    Args:
        image: ``(height, width)`` of the image or tile.
        processing: the backend's preferred ``(height, width)``.
        multiple: both sides are divisible by this.
        free_aspect: if False, the size is exactly ``processing``.

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
    down, across = (log(n / m) for n, m in zip(size, ideal))
    return 4 * abs(down - across) + abs(down + across)


def _interpolated_rows(values: CoarseMap, size: Size, rows: slice) -> Map:
    """Some rows of ``interpolate_map(values, size)``."""
    last = values.shape[0] - 1
    places = (torch.arange(rows.start, rows.stop, dtype=torch.float64) + 0.5) * (values.shape[0] / size[0]) - 0.5
    places = places.clamp(0, last)
    above = places.long()
    share = (places - above).to(values.dtype)[:, None]
    first = int(above[0])
    # Across columns first, since the map has fewer rows than the band.
    band = values[first : int(above[-1]) + 2]
    band = interpolate_map(band, (len(band), size[1]))
    return torch.lerp(band[above - first], band[(above + 1).clamp_max(last) - first], share)


def _resized_photo_rows(photo: Shaped[ndarray, "_ _ 3"], size: Size, rows: slice) -> Float[Tensor, "rows columns 3"]:
    """Some rows of a resized photo: columns by torch, rows by the same triangular weights over the covered rows."""
    scale = photo.shape[0] / size[0]
    reach = max(scale, 1.0)
    centres = (torch.arange(rows.start, rows.stop, dtype=torch.float64) + 0.5) * scale
    first = max(int(centres[0] - reach), 0)
    last = min(ceil(centres[-1] + reach), photo.shape[0])
    band = resize_maps(_as_batch(photo[first:last]), (last - first, size[1]))
    covered = torch.arange(first, last, dtype=torch.float64) + 0.5
    weights = (1 - (covered - centres[:, None]).abs() / reach).clamp_min(0)
    weights = (weights / weights.sum(1, keepdim=True)).float()
    # Channels stay side by side, as they lie in a photo: one matrix product and no copy.
    return (weights @ rearrange(band, "1 c h w -> h (w c)").float()).view(-1, size[1], 3)


def _as_batch(photo: Shaped[ndarray, "height width 3"]) -> Shaped[Tensor, "1 3 height width"]:
    if photo.dtype == np.uint16:  # torch supports few operations on it
        photo = photo.astype(np.float32)
    with warnings.catch_warnings():
        # Decoded photos are often read-only arrays; nothing here writes to them.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return rearrange(torch.from_numpy(np.ascontiguousarray(photo)), "h w c -> 1 c h w")


def stride(pixels: int, limit: int | None) -> int:
    """Stride over rows and columns that leaves at most about ``limit`` pixels."""
    return 1 if limit is None or pixels <= limit else ceil(sqrt(pixels / limit))
