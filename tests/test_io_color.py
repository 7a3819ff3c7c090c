"""Colours: near is warm, whatever the colour map."""

import numpy as np
import pytest

from patchwrap import OptionError
from patchwrap.io import color_limits, color_table, paint


@pytest.mark.parametrize("name", ["Spectral", "turbo", "inferno", "viridis", "magma", "jet", "coolwarm"])
def test_the_near_end_is_the_warm_end(name):
    table = color_table(name).astype(int)

    assert table[-1, 0] - table[-1, 2] > table[0, 0] - table[0, 2]


def test_grey_has_no_warmth_and_near_is_bright():
    assert color_table("gray")[[0, -1]].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_a_reversed_name_is_honoured():
    np.testing.assert_array_equal(color_table("Spectral_r"), color_table("Spectral")[::-1])


def test_an_unknown_colour_map_is_answered_with_a_near_one():
    with pytest.raises(OptionError, match="Did you mean 'viridis'"):
        color_table("virdis")


def test_limits_leave_out_what_is_not_finite_and_what_is_rare():
    values = np.arange(101, dtype=np.float32)
    assert color_limits(np.append(values, [np.inf, np.nan])) == (1, 99)
    assert color_limits(np.array([np.nan])) == (0, 0)


def test_painting_clips_and_blackens():
    table = np.array([[10, 0, 0], [20, 0, 0], [30, 0, 0]], np.uint8)
    values = np.array([[-5, 0, 1, 2, 9, 1]], np.float32)
    valid = np.array([[True, True, True, True, True, False]])

    assert paint(values, valid, (0.0, 2.0), table)[0, :, 0].tolist() == [10, 10, 20, 30, 30, 0]


def test_a_constant_map_gets_the_middle_colour():
    table = np.array([[10, 0, 0], [20, 0, 0], [30, 0, 0]], np.uint8)

    assert paint(np.ones((1, 1)), np.ones((1, 1), bool), (1.0, 1.0), table).tolist() == [[[20, 0, 0]]]
