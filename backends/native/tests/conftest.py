"""A handful of tiny fake scenes: tilted planes with a box and a sky, cut into tiles exactly."""

import numpy as np
import pytest
import torch

from patchwrap_native.depth_code import encode
from patchwrap_native.shards import SceneViews, write_shard
from patchwrap_native.views import draw_pairs


@pytest.fixture(autouse=True)
def one_thread():
    # Pictures this small are slower on several cores, much so when something else runs beside.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw(seed, size, window):
    """Sample an analytic scene in a window of the unit square: RGB follows depth, so it can be learned."""
    rng = np.random.default_rng(seed)
    slope, box = rng.uniform(2, 6), rng.uniform(0.2, 0.6, 2)
    top, left, height, width = window
    y = (top + (np.arange(size[0]) + 0.5) / size[0] * height)[:, None]
    x = (left + (np.arange(size[1]) + 0.5) / size[1] * width)[None]
    depth = slope / (y + 0.2) + 0 * x
    depth = np.where((abs(y - box[0]) < 0.15) & (abs(x - box[1]) < 0.2), 1.5, depth)
    depth = np.where(y < 0.1, np.inf, depth).astype(np.float32)
    image = np.stack([255 / (1 + 0.2 * depth), 60 + 80 * (x + 0 * y), 255 * (y + 0 * x)], -1)
    return image.clip(0, 255).astype(np.uint8), depth


def draw_scenes(seeds, size, pairs, supersample):
    return [_scene(seed, size, pairs) for seed in seeds]


def _scene(seed, size, pairs):
    tiles = draw_pairs(seed, pairs)
    windows = [(0.0, 0.0, 1.0, 1.0), *(window for pair in tiles for window in pair.windows)]
    images, depths = zip(*(draw(seed, size, window) for window in windows))
    focals = [0.8 * max(size) / window[2] for window in windows]
    quarters = [pair.quarters for pair in tiles]
    return SceneViews(np.stack(images), encode(np.stack(depths)), focals, windows, quarters, seed, "fake")


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    return write_shards(root, 0, 6)


@pytest.fixture(scope="session")
def held_out(tmp_path_factory):
    """Fewer scenes, none of which is in ``shards``."""
    return write_shards(tmp_path_factory.mktemp("held_out"), 1000, 2)


def write_shards(root, first, count):
    for number, size in enumerate([(64, 96), (96, 64)]):
        seeds = range(first + 10 * number, first + 10 * number + count)
        write_shard(root / f"shard_{number:05d}", draw_scenes(seeds, size, 1, 1))
    return root
