"""Cuts batches out of shards: random crops and scales with the focal length that belongs to them. No colours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Shaped
from numpy import ndarray
from torch import Tensor
from torch.nn import functional as F

from patchwrap.extension import nearest_pixels
from patchwrap_native.batch import Batch
from patchwrap_native.depth_code import decode_log
from patchwrap_native.shards import Shard
from patchwrap_native.unet import MULTIPLE


@dataclass(frozen=True)
class Diet:
    """Mix of views that a network is trained on.

    Args:
        tiles: share of samples cut from tiles; the others come from whole frames.
        uncropped: share of samples that show all of the view.
        tile_zoom: least height of a crop from a tile, as a fraction of the largest possible.
        whole_zoom: (least, largest) height of a crop from a whole frame, likewise.
    """

    tiles: float
    uncropped: float
    tile_zoom: float = 0.55
    whole_zoom: tuple[float, float] = (0.6, 1.0)


COARSE = Diet(tiles=0.0, uncropped=0.5)
FINE = Diet(tiles=0.8, uncropped=0.3, whole_zoom=(0.3, 0.7))


@dataclass(frozen=True)
class Sampler:
    """Draws batches, the same for the same key.

    Args:
        shards: the scenes.
        diet: the mix of views.
        batch_size: samples per batch, all of one size.
    """

    shards: Sequence[Shard]
    diet: Diet
    batch_size: int

    def draw(self, key: Sequence[int], scale: float) -> Batch:
        """Draw one batch.

        Args:
            key: numbers that determine the batch, e.g. seed, stage and step.
            scale: size of the samples relative to the views' size.
        """
        rng = np.random.default_rng(list(key))
        size = self.shards[int(rng.integers(len(self.shards)))].size
        alike = [shard for shard in self.shards if shard.size == size]
        out = scaled(size, scale)
        crops = [self._crop(alike[int(rng.integers(len(alike)))], out, rng) for _ in range(self.batch_size)]
        images, codes, focals = zip(*crops)
        return Batch.of(torch.cat(images), decode_log(np.stack(codes))[:, None], torch.tensor(focals))

    def _crop(self, shard: Shard, out: tuple[int, int], rng: np.random.Generator) -> tuple[Tensor, ndarray, float]:
        scene, view, zoom = int(rng.integers(len(shard))), 0, 1.0
        if shard.codes.shape[1] > 1 and rng.random() < self.diet.tiles:
            view = int(rng.integers(1, shard.codes.shape[1]))
        least, largest = self.diet.whole_zoom if view == 0 else (self.diet.tile_zoom, 1.0)
        if largest < 1 or rng.random() >= self.diet.uncropped:
            zoom = float(rng.uniform(least, largest))
        box = place(shard.size, out, zoom, rng)
        image, codes = cut(shard.images[scene, view], box, out), pick(shard.codes[scene, view], box, out)
        if rng.random() < 0.5:
            image, codes = image.flip(-1), codes[:, ::-1]
        return image, codes, shard.scenes[scene]["focals"][view] * out[0] / box[2]


Box = tuple[int, int, int, int]
"""(top, left, height, width) in pixels."""


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """The size a view is trained at: scaled, and brought to a multiple of 32."""
    height, width = (max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in size)
    return height, width


def place(size: tuple[int, int], out: tuple[int, int], zoom: float, rng: np.random.Generator) -> Box:
    """Place a crop of the output's aspect in a view.

    Args:
        size: (height, width) of the view.
        out: (height, width) of the output.
        zoom: the crop's height as a fraction of the largest that fits, in (0, 1].
        rng: decides where.
    """
    largest = min(size[0] / out[0], size[1] / out[1])
    height, width = (min(max(1, round(side * largest * zoom)), limit) for side, limit in zip(out, size))
    top, left = (int(rng.integers(limit - side + 1)) for side, limit in zip((height, width), size))
    return top, left, height, width


def cut(image: Shaped[ndarray, "height width 3"], box: Box, out: tuple[int, int]) -> Shaped[Tensor, "1 3 rows columns"]:
    """Crop a picture and resize it, low-passed where it shrinks; bytes in, bytes out."""
    top, left, height, width = box
    # A copy: memory-mapped pages are read once, in order. The transposed view is channels-last, torch's fast path.
    crop = torch.from_numpy(np.array(image[top : top + height, left : left + width])).permute(2, 0, 1)[None]
    if (height, width) == out:
        return crop
    return F.interpolate(crop, out, mode="bilinear", align_corners=False, antialias=True)


def pick(codes: Shaped[ndarray, "height width"], box: Box, out: tuple[int, int]) -> Shaped[ndarray, "rows columns"]:
    """Crop depth codes and take the nearest of each pixel: depth is never averaged over an edge."""
    top, left, height, width = box
    return np.asarray(codes[top : top + height, left : left + width])[nearest_pixels((height, width), out)]
