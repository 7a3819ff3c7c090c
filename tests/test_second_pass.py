"""What one tile adds: values, weights and confidence, with corrections that are known."""

import numpy as np
import pytest
import torch

from patchwrap.canvas import Canvas
from patchwrap.observation import Correction
from patchwrap.second_pass import TOGETHER, SecondPass
from patchwrap.surroundings import Surroundings
from patchwrap.tile_store import Prediction, TileStore
from patchwrap.tiling import Tile
from patchwrap.windows import window

TILE = Tile(0, 0, 8, 8)
LEFT, RIGHT = np.s_[:, :4], np.s_[:, 4:]


def passed(correction, values=None, confidence=None):
    canvas = Canvas(np.zeros((8, 12, 3), np.uint8), [TILE])
    prediction = Prediction(TILE, torch.full((8, 8), 2.0) if values is None else values, confidence=confidence)
    with TileStore() as store:
        store.append(prediction)
        [aligned] = SecondPass(canvas, torch.ones(8, 12), store, [correction], None, None, torch.device("cpu"))
    torch.testing.assert_close(aligned.window, window(TILE, (8, 12)))
    torch.testing.assert_close(aligned.weights, aligned.window * aligned.confidence)
    return aligned


def test_a_trusted_tile_is_corrected_and_counts_by_its_trust():
    aligned = passed(Correction(scale=3.0, shift=1.0, trust=0.5))
    assert (aligned.values == 7).all() and (aligned.confidence == 0.5).all()


def test_the_backends_confidence_multiplies():
    own = torch.ones(8, 8).half()
    own[LEFT] = 0.25
    aligned = passed(Correction(trust=0.5), confidence=own)
    assert (aligned.confidence[LEFT] == 0.125).all() and (aligned.confidence[RIGHT] == 0.5).all()
    assert (aligned.values == 2).all()


def test_where_it_disagrees_a_tile_falls_back_to_the_coarse_map_and_counts_less():
    agreement = np.full((4, 4), 0.25)
    aligned = passed(Correction(trust=0.5, agreement=agreement))
    assert aligned.values.unique().tolist() == [1.25] and aligned.confidence.unique().tolist() == [0.125]


def test_invalid_pixels_are_the_coarse_maps_and_count_nothing():
    values = torch.full((8, 8), 2.0)
    values[LEFT] = torch.nan
    aligned = passed(Correction(), values)
    assert (aligned.values[LEFT] == 1).all() and (aligned.confidence[LEFT] == 0).all()
    assert (aligned.values[RIGHT] == 2).all() and (aligned.confidence[RIGHT] == 1).all()


@pytest.mark.parametrize("own", [None, torch.ones(8, 8)])
def test_an_untrusted_tile_is_the_coarse_map_without_weight(own):
    aligned = passed(Correction(trust=0.0), confidence=own)
    assert (aligned.values == 1).all() and (aligned.weights == 0).all() and (aligned.confidence == 0).all()


class Untouched:
    """A head that changes nothing."""

    def __init__(self, judges):
        self.judges = judges

    def refine(self, view):
        return view.aligned


def refined(judges):
    """Two tiles that lie 1 above the coarse map and half over each other; one of them disagrees with it."""
    tiles = [TILE, Tile(0, 4, 8, 8)]
    corrections = [Correction(agreement=np.full((4, 4), 0.5)), Correction(agreement=np.ones((4, 4)))]
    canvas, coarse = Canvas(np.zeros((8, 12, 3), np.uint8), tiles), torch.ones(8, 12)
    around = Surroundings.of(coarse, (8, 12), [])
    with TileStore() as store:
        for tile in tiles:
            store.append(Prediction(tile, torch.full((8, 8), 2.0)))
        passes = SecondPass(canvas, coarse, store, corrections, Untouched(judges), around, torch.device("cpu"))
        return [aligned.values for aligned in passes]


def test_tiles_of_a_head_that_does_not_judge_are_drawn_to_the_coarse_map_each_by_itself():
    left, right = refined(judges=False)
    assert (left == 1.5).all() and (right == 2).all()


def test_tiles_of_a_head_that_judges_are_drawn_to_the_coarse_map_alike_and_less():
    left, right = refined(judges=True)
    torch.testing.assert_close(left[RIGHT], right[LEFT])
    assert left[0, 5] < left[0, 6] < left[0, 7]
    # Twice as far away, half is lost: at this distance a seventeenth.
    torch.testing.assert_close(left[LEFT], torch.full((8, 4), 2 - 1 / (1 + TOGETHER**4)))
    torch.testing.assert_close(right[RIGHT], torch.full((8, 4), 2.0))
