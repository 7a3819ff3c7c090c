"""Disparity and the PFM format."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from patchwrap.datasets.disparity import metres, read_pfm
from patchwrap.errors import ImageError


def test_what_is_not_positive_is_unknown():
    depth = metres(np.array([[2, 0, -1], [np.nan, np.inf, 8]], np.float32), focal_times_baseline=4.0)
    np.testing.assert_array_equal(depth, np.float32([[2, np.nan, np.nan], [np.nan, np.nan, 0.5]]))


def test_an_offset_moves_the_principal_point():
    depth = metres(np.array([[2.0, 1.0]]), focal_times_baseline=4.0, offset=-1.5)
    assert depth[0, 0] == 8 and np.isnan(depth[0, 1])


@given(some.floats(0.1, 1000), some.floats(0.1, 5000), some.floats(0, 9))
def test_disparity_of_a_depth_gives_the_depth(depth, rig, offset):
    disparity = np.array([[rig / depth]])
    found = metres(np.maximum(disparity - offset, 1e-9), rig, offset)
    known = disparity[0, 0] > offset + 1e-6
    assert not known or found[0, 0] == pytest.approx(depth, rel=1e-3)


@pytest.mark.parametrize("scale, order", [(b"-1", "<f4"), (b"1.0", ">f4"), (b"-0.0039", "<f4")])
def test_pfm_is_bottom_up_in_the_order_its_scale_tells(tmp_path, write, scale, order):
    values = np.array([[1, 2, 4], [8, np.inf, 0]])
    write(tmp_path / "a.pfm", b"Pf\n3 2\n" + scale + b"\n" + values[::-1].astype(order).tobytes())
    np.testing.assert_array_equal(read_pfm(tmp_path / "a.pfm"), values)


def test_a_colour_picture_is_refused(tmp_path, write):
    with pytest.raises(ImageError, match="begins with b'PF'"):
        read_pfm(write(tmp_path / "a.pfm", b"PF\n1 1\n-1\n" + bytes(12)))
