"""Batches for the fusion network: whole photos with two overlapping tiles each. No networks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from patchwrap_native.augmentation import augment
from patchwrap_native.batch import Batch
from patchwrap_native.depth_code import decode_log
from patchwrap_native.shards import SceneViews, Shard

Windows = Float[Tensor, "tiles 4"]
"""(top, left, height, width) of each tile as fractions of its photo."""


@dataclass(frozen=True)
class PairBatch:
    """Photos and two tiles of each.

    Args:
        photos: the whole frames.
        tiles: the tiles, first and second of each photo in turn; depth in the *photo's* canonical unit.
        windows: where the tiles lie.
        shifts: (rows, columns) from a pair's first to its second tile, in tile pixels.
    """

    photos: Batch
    tiles: Batch
    windows: Windows
    shifts: list[tuple[int, int]]

    def to(self, device: torch.device) -> "PairBatch":
        """The batch on another device."""
        return PairBatch(self.photos.to(device), self.tiles.to(device), self.windows.to(device), self.shifts)


def draw_pairs_batch(shards: Sequence[Shard], count: int, key: Sequence[int]) -> PairBatch:
    """Draw photos of one size with a pair of tiles each, augmented and perhaps mirrored.

    Args:
        shards: where from.
        count: how many photos.
        key: numbers that decide everything.
    """
    rng = np.random.default_rng(list(key))
    size = shards[int(rng.integers(len(shards)))].size
    alike = [shard for shard in shards if shard.size == size]
    chosen = [alike[int(rng.integers(len(alike)))] for _ in range(count)]
    scenes = [shard[int(rng.integers(len(shard)))] for shard in chosen]
    numbers = [int(rng.integers(len(scene.quarters))) for scene in scenes]
    mirrored = bool(rng.random() < 0.5)
    return make_pairs(scenes, numbers, mirrored, int(rng.integers(2**62)))


def make_pairs(scenes: Sequence[SceneViews], numbers: Sequence[int], mirrored: bool, seed: int | None) -> PairBatch:
    """Make a batch of given scenes.

    Args:
        scenes: scenes of one size.
        numbers: which pair of each scene.
        mirrored: whether to flip left and right.
        seed: of the augmentation; None for none.
    """
    order = [[0, 2 * n + 1, 2 * n + 2] for n in numbers]
    stored = np.stack([scene.images[views] for scene, views in zip(scenes, order)])
    images = rearrange(torch.from_numpy(stored), "photo view h w c -> (photo view) c h w")
    codes = np.stack([scene.codes[views] for scene, views in zip(scenes, order)])
    logs = rearrange(decode_log(codes), "photo view h w -> (photo view) 1 h w")
    windows = torch.tensor([scene.windows[v] for scene, views in zip(scenes, order) for v in views[1:]])
    quarters = [scene.quarters[n] for scene, n in zip(scenes, numbers)]
    if mirrored:
        images, logs, windows = images.flip(-1), logs.flip(-1), _mirror(windows)
        quarters = [(rows, -columns) for rows, columns in quarters]
    pictures = images.float() / 255
    pictures = pictures if seed is None else augment(pictures.contiguous(), seed, views=3)
    height, width = images.shape[-2:]
    shifts = [(rows * height // 4, columns * width // 4) for rows, columns in quarters]
    focals = torch.tensor([scene.focals[0] for scene in scenes])
    return _split(pictures, logs, focals, windows, shifts)


def _split(images: Tensor, logs: Tensor, focals: Tensor, windows: Windows, shifts: list[tuple[int, int]]) -> PairBatch:
    image, log = (rearrange(x, "(photo view) c h w -> view photo c h w", view=3) for x in (images, logs))
    tile, tile_log = (rearrange(x[1:], "view photo c h w -> (photo view) c h w") for x in (image, log))
    photos, tiles = Batch.of(image[0], log[0], focals), Batch.of(tile, tile_log, focals.repeat_interleave(2))
    return PairBatch(photos, tiles, windows, shifts)


def _mirror(windows: Windows) -> Windows:
    top, left, height, width = windows.unbind(1)
    return torch.stack([top, 1 - left - width, height, width], 1)
