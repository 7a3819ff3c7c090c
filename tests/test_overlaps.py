"""Phase two of the alignment: how far tiles move to each other, and what keeps them at the coarse map."""

import numpy as np
import pytest
import torch

from patchwrap import overlaps
from patchwrap.observation import Correction, Observation
from patchwrap.overlaps import Anchor, Overlap, find_overlaps, joint_steps
from patchwrap.resampling import resize_maps
from patchwrap.tiling import Tile

CANVAS, COARSE, SPREAD = (96, 160), (24, 40), 0.3
TILES = [Tile(0, 0, 96, 96), Tile(0, 64, 96, 96)]
"""Two tiles that share a third of each."""


def scene():
    y, x = torch.meshgrid(torch.linspace(0, 1, CANVAS[0]), torch.linspace(0, 1, CANVAS[1]), indexing="ij")
    return 1 + y + 0.4 * torch.sin(7 * x) + 0.3 * (x > 0.6)


def observed(tile, values, coarse=COARSE):
    seen = Observation.of(tile, values, CANVAS, coarse)
    seen.correction = Correction()
    return seen


def offsets_after_the_steps(offsets, spoiled_columns=0):
    """Offsets of two tiles from the coarse map after the joint step, and the steps."""
    truth = scene()
    values = [truth[tile.slices] + offset for tile, offset in zip(TILES, offsets)]
    values[0][:, 96 - spoiled_columns :] += 5
    tiles = [observed(tile, one) for tile, one in zip(TILES, values)]
    coarse = resize_maps(truth[None, None], COARSE)[0, 0].double().numpy()
    steps = joint_steps(tiles, coarse, SPREAD)
    return np.array(offsets) + steps[:, 0], steps


def test_tiles_move_to_each_other_and_to_the_coarse_map():
    left, right = offsets_after_the_steps((0.5, 0.3))[0]
    assert abs(left - right) < 0.1
    assert abs(left) < 0.15 and abs(right) < 0.15


def test_an_overlap_and_two_anchors_are_balanced_by_hand():
    """Two anchors of weight 1 and an overlap of gain 3 and share 1/3: each tile moves by a third of the gap."""
    ones = np.array([[1.0, 0, 0]] * 40)
    pair = Overlap(0, 1, np.full(40, 0.12), np.hstack([ones, -ones]), 1 / 3)
    steps = overlaps._solve([pair], [Anchor(np.zeros(40), ones)] * 2, np.zeros((2, 3)))
    np.testing.assert_allclose(steps, [[-0.04, 0, 0], [0.04, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("coarse", [COARSE, CANVAS])
def test_an_overlaps_share_does_not_depend_on_how_many_cells_are_used(coarse):
    truth = scene()
    [pair] = find_overlaps([observed(tile, truth[tile.slices], coarse) for tile in TILES])
    assert len(pair.difference) < 400
    assert pair.share == pytest.approx(1 / 3, rel=0.1)


def test_a_tile_is_anchored_though_its_holes_lie_in_a_regular_pattern():
    tile = observed(TILES[0], scene()[TILES[0].slices], CANVAS)
    tile.thumb[::3] = np.nan  # of which every sixth row is looked at first
    anchor = Anchor.of(tile, np.zeros(CANVAS))
    assert 300 <= len(anchor.difference) == len(anchor.basis) < 600
    assert np.mean(anchor.difference) == pytest.approx(np.nanmean(tile.thumb), rel=0.01)


def test_tiles_overlap_though_their_holes_lie_in_a_regular_pattern():
    tiles = [observed(tile, scene()[tile.slices], CANVAS) for tile in TILES]
    for tile in tiles:
        tile.thumb[::3] = np.nan
    tiles[0].thumb += 0.2
    [pair] = find_overlaps(tiles)
    assert 300 <= len(pair.difference) == len(pair.basis) < 600
    np.testing.assert_allclose(pair.difference, 0.2, atol=1e-6)
    assert pair.share == pytest.approx(1 / 3)


def many_tiles(count=60):
    truth = scene()
    return [observed(tile, truth[tile.slices], CANVAS) for tile in [Tile(0, k, 96, 96) for k in range(count)]]


def test_few_overlaps_are_used_with_as_many_cells_as_ever(monkeypatch):
    tiles = many_tiles(4)
    pairs = find_overlaps(tiles)
    monkeypatch.setattr(overlaps, "MOST_CELLS", 10**12)
    for pair, other in zip(pairs, find_overlaps(tiles), strict=True):
        np.testing.assert_array_equal(pair.difference, other.difference)
        np.testing.assert_array_equal(pair.basis, other.basis)
        assert pair.share == other.share and len(pair.difference) > 200


@pytest.mark.parametrize("most", [200_000, 60_000])
def test_the_cells_of_all_overlaps_are_bounded(monkeypatch, most):
    """Sixty tiles make 1770 pairs: 113 cells of each for the first bound, and 1250 pairs of 48 cells for the second."""
    monkeypatch.setattr(overlaps, "MOST_CELLS", most)
    pairs = find_overlaps(many_tiles())
    counts = np.array([len(pair.difference) for pair in pairs])
    assert 0.5 * most < counts.sum() < 1.5 * most and counts.min() >= 24
    assert (len(pairs) < 1770) == (most < 1770 * 48)


def test_a_sample_of_the_pairs_weighs_as_much_as_all_of_them(monkeypatch):
    tiles = many_tiles()
    whole = sum(pair.share for pair in find_overlaps(tiles))
    monkeypatch.setattr(overlaps, "MOST_CELLS", 30_000)
    assert sum(pair.share for pair in find_overlaps(tiles)) == pytest.approx(whole, rel=0.1)


def test_cells_that_are_wrong_in_one_tile_do_not_decide_the_steps():
    left, right = offsets_after_the_steps((0.1, -0.1), spoiled_columns=8)[0]
    assert abs(left) < 0.1 and abs(right) < 0.1 and abs(left - right) < 0.15


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([[0, 0, 0], [-1, 0, 0]], id="apart"),
        pytest.param([[-1.06, 0, 0], [-0.94, 0, 0]], id="together, away from the coarse map"),
    ],
)
def test_steps_that_make_things_worse_are_not_taken(monkeypatch, steps):
    monkeypatch.setattr(overlaps, "_solve", lambda *_: np.array(steps, float))
    assert not offsets_after_the_steps((0.06, -0.06))[1].any()
