"""Consistency error on tiles whose disagreement is known."""

import math

import numpy as np
import pytest

from patchwrap.metrics import consistency_error


def flat(value, size=(4, 6)):
    return np.full(size, value, np.float32)


def test_tiles_that_agree_have_none():
    depth = np.random.default_rng(0).uniform(1, 9, (12, 18)).astype(np.float32)
    tiles = [(top, left, depth[top : top + 6, left : left + 8]) for top in (0, 3, 6) for left in (0, 5, 10)]
    assert consistency_error(tiles).metres == 0


def test_value_by_hand():
    # Two columns of four pixels are shared: |2 - 3| on all of them, mean depth 2.5.
    error = consistency_error([(0, 0, flat(2)), (0, 4, flat(3))])
    assert error.metres == pytest.approx(1)
    assert error.relative == pytest.approx(0.4)


def test_relative_is_blind_to_scale_and_metres_is_not():
    error = consistency_error([(0, 0, flat(2)), (2, 0, flat(3))])
    tenfold = consistency_error([(0, 0, flat(20)), (2, 0, flat(30))])
    assert tenfold.metres == pytest.approx(10 * error.metres)
    assert tenfold.relative == pytest.approx(error.relative)


def test_strips_are_pooled_by_their_pixels_and_diagonal_neighbours_are_left_out():
    tiles = [(0, 0, flat(1)), (0, 4, flat(2)), (2, 0, flat(4)), (2, 4, flat(4))]
    # Shared: 8 px of 1|2, 12 px of 1|4, 12 px of 2|4, 8 px of 4|4.
    assert consistency_error(tiles).metres == pytest.approx((8 * 1 + 12 * 3 + 12 * 2) / 40)


def test_no_overlap_is_nan():
    assert math.isnan(consistency_error([(0, 0, flat(1)), (0, 6, flat(2))]).metres)


def test_pixels_unknown_in_either_tile_do_not_count():
    first, second = flat(2), flat(3)
    first[0] = np.nan
    second[:2, 0] = np.nan
    first[3, 5] = 7
    # Of eight shared pixels six are known in the first and five of those in the second: four differ by 1, one by 4.
    error = consistency_error([(0, 0, first), (0, 4, second)])
    assert error.metres == pytest.approx((4 * 1 + 4) / 5)
    assert error.relative == pytest.approx(8 / (4 * 2.5 + 5))
    assert math.isnan(consistency_error([(0, 0, flat(np.nan)), (0, 4, second)]).metres)
