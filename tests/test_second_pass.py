"""Values, weights and confidence of single tiles with known corrections."""

import numpy as np
import pytest
import torch

from patchwrap.canvas import Canvas
from patchwrap.errors import BackendContractError
from patchwrap.observation import Correction
from patchwrap.second_pass import SecondPass
from patchwrap.surroundings import CONSENSUS_TOLERANCE, Surroundings
from patchwrap.tile_store import Prediction, TileStore
from patchwrap.tiling import Tile, TilePlan
from patchwrap.windows import window

TILE = Tile(0, 0, 8, 8)
LEFT, RIGHT = np.s_[:, :4], np.s_[:, 4:]


def passed(correction, values=None, confidence=None, known=True):
    canvas = Canvas(np.zeros((8, 12, 3), np.uint8), [TILE])
    prediction = Prediction(TILE, torch.full((8, 8), 2.0) if values is None else values, confidence=confidence)
    coarse, where = torch.ones(8, 12), torch.full((8, 12), known)
    with TileStore() as store:
        store.append(prediction)
        [aligned] = SecondPass(canvas, coarse, store, [correction], None, None, torch.device("cpu"), where)
    assert (aligned.window == 1).all()  # no other tile shares its pixels
    weighted = known | prediction.values.isfinite()
    torch.testing.assert_close(aligned.weights[weighted], (aligned.window * aligned.confidence)[weighted])
    return aligned


def test_a_trusted_tile_is_corrected_and_weighted_by_its_trust():
    aligned = passed(Correction(scale=3.0, shift=1.0, trust=0.5))
    assert (aligned.values == 7).all() and (aligned.confidence == 0.5).all()


@pytest.mark.parametrize(("plan", "overlaps"), [("3x3", True), ("p16", False)])
def test_weights_fall_towards_a_tiles_border_only_where_another_takes_over(plan, overlaps):
    size = (240, 400)
    tiles = TilePlan.parse(plan).tiles(size)
    canvas, coarse = Canvas(np.zeros((*size, 3), np.uint8), tiles), torch.ones(size)
    with TileStore() as store:
        for tile in tiles:
            store.append(Prediction(tile, torch.ones(tile.size)))
        corrections = [Correction()] * len(tiles)
        for aligned in SecondPass(canvas, coarse, store, corrections, None, None, torch.device("cpu"), coarse > 0):
            plain = window(aligned.tile, size)
            expected = plain if overlaps else torch.ones_like(plain)
            torch.testing.assert_close(aligned.weights, expected, rtol=1e-3, atol=0)


def test_the_backends_confidence_is_a_factor():
    own = torch.ones(8, 8).half()
    own[LEFT] = 0.25
    aligned = passed(Correction(trust=0.5), confidence=own)
    assert (aligned.confidence[LEFT] == 0.125).all() and (aligned.confidence[RIGHT] == 0.5).all()
    assert (aligned.values == 2).all()


def test_where_it_disagrees_a_tile_moves_towards_the_coarse_map_and_has_less_weight():
    agreement = np.full((4, 4), 0.25)
    aligned = passed(Correction(trust=0.5, agreement=agreement))
    assert aligned.values.unique().tolist() == [1.25] and aligned.confidence.unique().tolist() == [0.125]


def test_invalid_pixels_take_the_coarse_map_and_have_no_weight():
    values = torch.full((8, 8), 2.0)
    values[LEFT] = torch.nan
    aligned = passed(Correction(), values)
    assert (aligned.values[LEFT] == 1).all() and (aligned.confidence[LEFT] == 0).all()
    assert (aligned.values[RIGHT] == 2).all() and (aligned.confidence[RIGHT] == 1).all()


def test_invalid_pixels_keep_their_weight_where_the_coarse_map_is_invalid_too():
    values = torch.full((8, 8), 2.0)
    values[LEFT] = torch.nan
    aligned = passed(Correction(), values, known=False)
    assert (aligned.values[LEFT] == 1).all() and (aligned.weights == aligned.window).all()
    assert (aligned.confidence[LEFT] == 0).all() and (aligned.confidence[RIGHT] == 1).all()


@pytest.mark.parametrize("known", [True, False])
def test_a_head_sees_no_confidence_in_invalid_pixels(known):
    values = torch.full((8, 8), 2.0)
    values[LEFT] = torch.nan
    canvas, coarse = Canvas(np.zeros((8, 12, 3), np.uint8), [TILE]), torch.ones(8, 12)
    around, known = Surroundings((8, 12), coarse, coarse), torch.full((8, 12), known)
    with TileStore() as store:
        store.append(Prediction(TILE, values))
        passes = SecondPass(canvas, coarse, store, [Correction()], Head("alone"), around, torch.device("cpu"), known)
        [(_, _, view)] = passes.views()
    assert (view.confidence[0, 0][LEFT] == 0).all() and (view.confidence[0, 0][RIGHT] == 1).all()


@pytest.mark.parametrize("own", [None, torch.ones(8, 8)])
def test_an_untrusted_tile_is_the_coarse_map_without_weight(own):
    aligned = passed(Correction(trust=0.0), confidence=own)
    assert (aligned.values == 1).all() and (aligned.weights == 0).all() and (aligned.confidence == 0).all()


class Head:
    """A head that returns the aligned tiles, or with ``together`` the consensus."""

    def __init__(self, drawn):
        self.drawn = drawn

    def refine(self, view):
        return view.aligned - view.disagreement if self.drawn == "together" else view.aligned


def refined(drawn, trust=1.0):
    """Two tiles that overlap by half, 1 and 2 above the coarse map; the consensus' agreement is one half 1 above it."""
    tiles = [TILE, Tile(0, 4, 8, 8)]
    corrections = [Correction(agreement=np.full((4, 4), 0.5)), Correction(agreement=np.ones((4, 4)), trust=trust)]
    canvas, coarse = Canvas(np.zeros((8, 12, 3), np.uint8), tiles), torch.ones(8, 12)
    around = Surroundings((8, 12), coarse, coarse + 1, half=1 / CONSENSUS_TOLERANCE)
    with TileStore() as store:
        for tile, values in zip(tiles, (2.0, 3.0)):
            store.append(Prediction(tile, torch.full((8, 8), values)))
        passes = SecondPass(canvas, coarse, store, corrections, Head(drawn), around, torch.device("cpu"), coarse > 0)
        return list(passes)


def with_a_hole(values, hole):
    values = values.clone()
    values[..., 3, 3] = hole
    return values


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values[..., :-1], r"Head.refine returned \(1, 1, 16, 15\) for images"),
        (lambda values: values[0, 0], r"Head.refine returned \(16, 16\) for images"),
        (lambda values: None, "Head.refine returned NoneType for images"),
        (lambda values: with_a_hole(values, torch.nan), "Head.refine returned values that are not finite"),
        (lambda values: with_a_hole(values, torch.inf), "Head.refine returned values that are not finite"),
    ],
)
def test_what_a_head_returns_is_checked(change, words, monkeypatch):
    monkeypatch.setattr(Head, "refine", lambda self, view: change(view.aligned))
    with pytest.raises(BackendContractError, match=words):
        refined("alone")


@pytest.mark.parametrize("size", [8, 16])
def test_a_head_may_compute_in_place(size):
    class InPlace(Head):
        def refine(self, view):
            view.confidence.zero_()
            view.images.zero_()
            return view.aligned.sub_(view.coarse.sub_(1)).add_(view.disagreement.mul_(0))

    tile = Tile(0, 0, size, size)
    canvas, coarse = Canvas(np.full((size, size, 3), 9, np.uint8), [tile]), torch.ones(size, size)
    around = Surroundings((size, size), coarse, coarse)
    with TileStore() as store:
        store.append(Prediction(tile, torch.full((size, size), 2.0)))
        passes = SecondPass(
            canvas, coarse, store, [Correction()], InPlace("alone"), around, torch.device("cpu"), coarse > 0
        )
        first, again = (aligned for _ in range(2) for aligned in passes)
    assert (coarse == 1).all() and (canvas.pixels == 9).all()
    assert (first.values == 2).all() and (again.values == 2).all() and (first.confidence == 1).all()


def test_what_a_head_returns_beyond_the_tile_is_of_no_account(monkeypatch):
    def refine(self, view):
        values = view.aligned.clone()
        values[..., 8:, :] = torch.nan  # padding
        return values

    monkeypatch.setattr(Head, "refine", refine)
    assert all(aligned.values.isfinite().all() for aligned in refined("alone"))


def test_alone_each_tile_moves_towards_the_coarse_map_by_its_own_agreement():
    left, right = refined("alone")
    assert (left.values == 1.5).all() and (right.values == 3).all()


def test_together_all_tiles_move_towards_the_coarse_map_by_their_consensus():
    left, right = (aligned.values for aligned in refined("together"))
    torch.testing.assert_close(left[RIGHT], right[LEFT])
    assert left[0, 5] < left[0, 6] < left[0, 7]
    torch.testing.assert_close(left[LEFT], torch.full((8, 4), 1.5))
    torch.testing.assert_close(right[RIGHT], torch.full((8, 4), 2.0))


def test_never_keeps_refined_values_and_the_tiles_trust():
    left, right = refined("never", trust=0.5)
    assert (left.values == 2).all() and (right.values == 3).all()
    assert (left.confidence == 1).all() and (right.confidence == 0.5).all()
    torch.testing.assert_close(right.weights, 0.5 * right.window)


def test_together_an_untrusted_tile_takes_the_consensus_without_weight():
    left, right = refined("together", trust=0.0)
    assert (right.weights == 0).all() and (right.confidence == 0).all()
    torch.testing.assert_close(left.values, torch.full((8, 8), 1.5))
    torch.testing.assert_close(right.values[LEFT], left.values[RIGHT])
    assert (right.values[RIGHT] == 1).all()  # no trusted tile there


def test_the_consensus_weighs_each_tile_by_its_confidence():
    """Two tiles in one place, 1 and 2 above the coarse map, the first of half the trust and invalid on the left."""
    corrections = [Correction(trust=0.5), Correction(trust=1.0)]
    canvas, coarse = Canvas(np.zeros((8, 12, 3), np.uint8), [TILE, TILE]), torch.ones(8, 12)
    around = Surroundings((8, 12), coarse, coarse, half=1.0)
    first = torch.full((8, 8), 2.0)
    first[LEFT] = torch.nan
    with TileStore() as store:
        for values in (first, torch.full((8, 8), 3.0)):
            store.append(Prediction(TILE, values))
        passes = SecondPass(canvas, coarse, store, corrections, Head("alone"), around, torch.device("cpu"), coarse > 0)
        one, two = (view.disagreement[0, 0] for _, _, view in passes.views())
    # The mean of 1 and 2 by weights of 1 to 2 is 5/3; on the left it is the second tile's 2.
    torch.testing.assert_close(one[RIGHT], torch.full((8, 4), 1 - 5 / 3))
    torch.testing.assert_close(two[RIGHT], torch.full((8, 4), 2 - 5 / 3))
    torch.testing.assert_close(two[LEFT], torch.zeros(8, 4))
