"""The grid on which tiles are cut, aligned and fused: the photo at the resolution that its finest tiles carry.

On the canvas a tile has exactly the size at which the backend sees it, so the photo is resampled
once and every tile is a plain slice.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Shaped
from numpy import ndarray
from torch import Tensor

from patchwrap.resampling import input_size, resize
from patchwrap.spec import Backend
from patchwrap.tiling import Size, Tile, TilePlan
from patchwrap.types import Images

_RANGE = {np.dtype("uint8"): 255.0, np.dtype("uint16"): 65535.0}


@dataclass(frozen=True)
class Canvas:
    """The photo at canvas resolution, and its tiles.

    Args:
        pixels: (1, 3, height, width), uint8 for 8-bit photos, else float32 in [0, 1].
        tiles: whole-pixel rectangles on this grid.
    """

    pixels: Shaped[Tensor, "1 3 height width"]
    tiles: list[Tile]

    @classmethod
    def cut(
        cls, photo: Shaped[ndarray, "photo_height photo_width 3"], plan: TilePlan, fine: Backend, seed: int = 0
    ) -> "Canvas":
        """Choose the canvas for a plan and a tile backend, and bring the photo to it.

        Never larger than the photo: a tile that is smaller than the backend's input is enlarged
        for the backend alone.
        """
        image: Size = (photo.shape[0], photo.shape[1])
        tile = plan.tile_size(image)
        wanted = input_size(tile, fine.processing, getattr(fine, "multiple", 1), getattr(fine, "free_aspect", True))
        size = tuple(min(n, round(n * w / t)) for n, w, t in zip(image, wanted, tile))
        scaled = _scale_layers(plan, image, (size[0], size[1]))
        pixels = _as_batch(photo)
        return cls(resize(pixels, (size[0], size[1])), scaled.tiles((size[0], size[1]), seed))

    @staticmethod
    def picture(photo: Shaped[ndarray, "photo_height photo_width 3"], size: Size) -> Images:
        """The whole photo at a size, RGB in [0, 1]."""
        return _as_float(resize(_as_batch(photo), size))

    @property
    def size(self) -> Size:
        """``(height, width)`` of the canvas."""
        return self.pixels.shape[2], self.pixels.shape[3]

    def crop(self, tile: Tile) -> Images:
        """One tile's RGB in [0, 1]."""
        return _as_float(self.pixels[(..., *tile.slices)])


def _as_batch(photo: Shaped[ndarray, "height width 3"]) -> Shaped[Tensor, "1 3 height width"]:
    if photo.dtype == np.uint16:
        photo = photo.astype(np.float32) / _RANGE[photo.dtype]
    with warnings.catch_warnings():
        # Decoded photos are often read-only arrays; nothing here writes to them.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return rearrange(torch.from_numpy(np.ascontiguousarray(photo)), "h w c -> 1 c h w")


def _as_float(pixels: Shaped[Tensor, "1 3 height width"]) -> Images:
    return pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels


def _scale_layers(plan: TilePlan, image: Size, canvas: Size) -> TilePlan:
    """A layer with tiles of so many pixels keeps its share of the image on the canvas."""

    def scaled(size: Size | None) -> Size | None:
        """The same share of the canvas as of the image."""
        if size is None:
            return None
        return max(round(size[0] * canvas[0] / image[0]), 1), max(round(size[1] * canvas[1] / image[1]), 1)

    return replace(plan, layers=tuple(replace(layer, size=scaled(layer.size)) for layer in plan.layers))
