"""The consensus of tiles, and each tile's offset from it."""

import pytest
import torch

from patchwrap.consensus import Consensus
from patchwrap.tiling import Tile, TilePlan
from patchwrap.windows import window

CANVAS = (64, 96)


def consensus(changes, tiles):
    return Consensus(CANVAS, [(t, torch.full(t.size, c), window(t, CANVAS)) for t, c in zip(tiles, changes)])


@pytest.fixture
def tiles():
    return TilePlan.parse("2x2").tiles(CANVAS)


def test_equal_tiles_equal_their_consensus(tiles):
    mean = consensus([0.25] * len(tiles), tiles)
    assert all(torch.allclose(mean.under(t), torch.full(t.size, 0.25), atol=1e-4) for t in tiles)


def test_an_outlying_tile_differs_from_the_consensus_most_at_its_border(tiles):
    changes = [0.0] * 4 + [1.0] + [0.0] * 4
    apart = 1 - consensus(changes, tiles).under(tiles[4])
    assert apart[16, 0] == pytest.approx(1.0, abs=0.02) and 0 < apart[16, 24] < 0.3


def test_without_their_offsets_overlapping_tiles_are_equal(tiles):
    changes = torch.randn(len(tiles), *tiles[0].size, generator=torch.Generator().manual_seed(0))
    mean = Consensus(CANVAS, [(t, c, window(t, CANVAS)) for t, c in zip(tiles, changes)])
    whole = mean.under(Tile(0, 0, *CANVAS))
    for tile, change in zip(tiles, changes):
        left = change - (change - mean.under(tile))
        assert torch.allclose(left, whole[tile.slices], atol=1e-5)


def test_where_there_is_no_tile_it_is_zero(tiles):
    assert not consensus([1.0], [tiles[0]]).under(tiles[-1])[-8:, -8:].any()


def test_a_pixel_of_weight_zero_does_not_contribute(tiles):
    weights = window(tiles[0], CANVAS)
    weights[3, 4] = 0.0
    mean = Consensus(CANVAS, [(tiles[0], torch.full(tiles[0].size, 9.0), weights)])
    assert mean.under(tiles[0])[3, 4] == 0 and mean.under(tiles[0])[3, 5] == pytest.approx(9, rel=1e-3)
