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
