import numpy as np
import pytest
import torch

from patchwrap import scratch
from patchwrap.tiling import TilePlan
from patchwrap.weighted_mean import WeightedMean
from patchwrap.windows import window

CANVAS = (64, 96)
TILES = TilePlan.parse("2x2").tiles(CANVAS)


@pytest.mark.parametrize("limit", [2**28, 4])
def test_by_hand(limit, monkeypatch):
    monkeypatch.setattr(scratch, "LIMIT", limit)
    mean = WeightedMean((2, 3), anchor=0.5)
    mean.add(np.s_[0:1, 0:2], torch.tensor([[6.0, 6.0]]), torch.tensor([[1.0, 0.5]]))
    mean.add(np.s_[0:2, 1:2], torch.tensor([[3.0], [1.0]]), torch.tensor([[1.0], [0.0]]))
    expected = [[6 / 1.5, (3 + 3) / 2, 0], [0, 0, 0]]
    np.testing.assert_allclose(mean[0:1, 1:3], [[3, 0]], rtol=1e-6)
    np.testing.assert_allclose(mean.result(), expected, rtol=1e-6)


def mean_of(changes, tiles=TILES):
    mean = WeightedMean(CANVAS)
    for tile, change in zip(tiles, changes):
        mean.add(tile.slices, torch.full(tile.size, change), window(tile, CANVAS))
    return mean


def test_equal_tiles_equal_their_mean():
    np.testing.assert_allclose(mean_of([0.25] * len(TILES)).result(), 0.25, atol=1e-4)


def test_an_outlying_tile_differs_from_the_mean_most_at_its_border():
    apart = 1 - mean_of([0.0] * 4 + [1.0] + [0.0] * 4)[TILES[4].slices]
    assert apart[16, 0] == pytest.approx(1.0, abs=0.02) and 0 < apart[16, 24] < 0.3


def test_overlapping_tiles_share_their_mean():
    mean = mean_of(np.random.default_rng(0).normal(size=len(TILES)))
    parts = [mean[tile.slices] for tile in TILES]
    whole = mean.result()
    for tile, part in zip(TILES, parts):
        np.testing.assert_allclose(part, whole[tile.slices], atol=1e-5)


def test_where_there_is_no_tile_the_mean_is_zero():
    assert not mean_of([1.0], TILES[:1])[TILES[-1].slices][-8:, -8:].any()


def test_a_pixel_of_weight_zero_does_not_contribute():
    tile, mean = TILES[0], WeightedMean(CANVAS)
    weights = window(tile, CANVAS)
    weights[3, 4] = 0.0
    mean.add(tile.slices, torch.full(tile.size, 9.0), weights)
    assert mean[tile.slices][3, 4] == 0 and mean[tile.slices][3, 5] == pytest.approx(9, rel=1e-3)
