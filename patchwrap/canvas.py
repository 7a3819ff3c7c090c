"""The grid on which tiles are cut, aligned and fused: the photo at the resolution of its finest tiles' predictions.

On the canvas a tile has exactly the size of the backend's input (unless the photo is smaller than that, or the coarse
map larger), so the photo is resampled once and every tile is a plain slice.
"""

from dataclasses import dataclass, replace

import torch
from einops import rearrange
from jaxtyping import Shaped
from numpy import ndarray

from patchwrap.io import unit_pixels
from patchwrap.resampling import resize_photo
from patchwrap.spec import Backend
from patchwrap.tile_runner import backend_size
from patchwrap.tiling import Size, Tile, TilePlan, smallest
from patchwrap.types import Images


@dataclass(frozen=True)
class Canvas:
    """The photo at canvas resolution, and its tiles.

    Args:
        pixels: RGB, ``(height, width, 3)``, in the photo's number type.
        tiles: rectangles of whole pixels on this grid.
    """

    pixels: Shaped[ndarray, "height width 3"]
    tiles: list[Tile]

    @classmethod
    def cut(
        cls,
        photo: Shaped[ndarray, "photo_height photo_width 3"],
        plan: TilePlan,
        fine: Backend,
        seed: int = 0,
        coarse: Size = (1, 1),
    ) -> "Canvas":
        """Choose the canvas size for a plan and a tile backend, and resample the photo to it.

        Never larger than the photo: a tile smaller than the backend's input is enlarged for the backend
        only. Never smaller than the coarse map, whose detail would be lost: a tile is then reduced for the
        backend.

        Args:
            photo: RGB.
            plan: of the tiles.
            fine: the tile backend.
            seed: of random tiles.
            coarse: ``(height, width)`` of the coarse map.
        """
        image: Size = (photo.shape[0], photo.shape[1])
        tile = plan.tile_size(image)
        wanted = backend_size(fine, tile)
        share = max(1.0, *(least * t / (n * w) for least, t, n, w in zip(coarse, tile, image, wanted)))
        size = tuple(min(n, round(share * n * w / t)) for n, w, t in zip(image, wanted, tile))
        scaled = _scale_layers(plan, image, (size[0], size[1]))
        return cls(resize_photo(photo, (size[0], size[1])), scaled.tiles((size[0], size[1]), seed))

    @staticmethod
    def picture(photo: Shaped[ndarray, "photo_height photo_width 3"], size: Size) -> Images:
        """The whole photo resampled to ``(height, width)``, RGB in [0, 1]."""
        return _as_images(resize_photo(photo, size))

    @property
    def size(self) -> Size:
        """``(height, width)`` of the canvas."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def tile_size(self) -> Size:
        """``(height, width)`` of the smallest tiles on the canvas, by which its size was chosen."""
        return smallest(tile.size for tile in self.tiles)

    def crop(self, tile: Tile) -> Images:
        """One tile's RGB in [0, 1]."""
        return _as_images(self.pixels[tile.slices])


def _as_images(pixels: Shaped[ndarray, "height width 3"]) -> Images:
    return rearrange(torch.from_numpy(unit_pixels(pixels)), "h w c -> 1 c h w").contiguous()


def _scale_layers(plan: TilePlan, image: Size, canvas: Size) -> TilePlan:
    """Convert tile sizes in photo pixels to canvas pixels, so that tiles cover the same fraction of the image."""

    def scaled(size: Size | None) -> Size | None:
        """The same fraction of the canvas as of the image."""
        if size is None:
            return None
        return max(round(size[0] * canvas[0] / image[0]), 1), max(round(size[1] * canvas[1] / image[1]), 1)

    return replace(plan, layers=tuple(replace(layer, size=scaled(layer.size)) for layer in plan.layers))
