"""Samples: what counts, parts and sizes, and tensors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from patchwrap.convention import DepthConvention
from patchwrap.datasets import Sample, collate
from patchwrap.errors import ConventionError, ImageError
from patchwrap.intrinsics import Intrinsics
from patchwrap.io import Photo
from patchwrap.tiling import Tile

ROWS, COLUMNS = np.mgrid[:24, :32]


def sample(depth=ROWS * 100.0 + COLUMNS + 1, **options):
    """Row and column of a pixel are its red and green, and in its depth."""
    pixels = np.stack([ROWS, COLUMNS, ROWS * 0], 2).astype(np.uint8)
    return Sample("a", Photo(pixels), None if depth is None else depth.astype(np.float32), **options)


def test_what_counts():
    depth = np.full((24, 32), 5.0)
    depth[2, 2:7] = np.nan, np.inf, 0, 0.5, 90
    one = sample(depth, limits=(1.0, 80.0), crop=Tile(1, 2, 20, 30))
    assert one.valid.sum() == 24 * 32 - 3 and not one.valid[2, 2:5].any()
    assert one.evaluated.sum() == 20 * 30 - 5 and not one.evaluated[0].any() and one.evaluated[1, 2]
    affine = sample(depth - 6, convention=DepthConvention("depth", "affine"))
    assert affine.valid.sum() == 24 * 32 - 2


def test_the_truth_is_metres_where_they_count():
    depth = np.full((24, 32), 5.0)
    depth[2, 2:6] = np.nan, np.inf, 90, 5
    truth = sample(depth, crop=Tile(2, 0, 1, 6), limits=(1e-3, 80.0)).read().truth
    np.testing.assert_array_equal(truth[2, :7], np.float32([5, 5, np.nan, np.inf, np.nan, 5, np.nan]))
    assert np.isfinite(truth).sum() == 3
    assert sample(None).truth is None and not sample(None).has_depth
    with pytest.raises(ConventionError, match="'a' has depth as inverse_depth:affine; needed is depth:metric"):
        sample(depth, convention=DepthConvention("inverse_depth", "affine")).truth  # noqa: B018


def test_disparity_is_that_of_the_rig_in_the_pictures_pixels():
    depth = np.full((24, 32), 5.0)
    depth[2, 2:5] = np.nan, np.inf, 0
    one = sample(depth, focal_times_baseline=100.0)
    np.testing.assert_array_equal(one.disparity[2, 1:6], np.float32([20, np.nan, 0, np.nan, 20]))
    assert one.resized((12, 16)).disparity[6, 6] == 10 and one.cut(Tile(4, 4, 9, 9)).disparity[0, 0] == 20
    assert sample(depth).disparity is None and sample(None, focal_times_baseline=100.0).disparity is None


def test_a_stamp_tells_of_other_pixels_and_depths():
    assert sample().stamp == sample().stamp
    others = (sample(), sample(None), sample(ROWS + 1.0), sample().cut(Tile(0, 0, 9, 9)))
    assert len({other.stamp for other in others}) == 4


def test_maps_of_another_size_are_refused():
    with pytest.raises(ImageError, match="'a' is 32x24 pixels, its depth 32x23"):
        sample(np.ones((23, 32)))
    with pytest.raises(ImageError, match="its sky mask 3x2"):
        sample(None, sky=np.zeros((2, 3), bool))


@given(top=some.integers(0, 8), left=some.integers(0, 12), height=some.integers(1, 16), width=some.integers(1, 20))
def test_a_part_keeps_every_pixel_and_every_ray(top, left, height, width):
    whole = sample(intrinsics=Intrinsics(20.0, 21.0, 16.0, 12.0), crop=Tile(4, 5, 10, 11), sky=ROWS > 12)
    part = whole.cut(Tile(top, left, height, width))
    inside = np.s_[top : top + height, left : left + width]
    assert part.photo.pixels[0, 0].tolist() == [top, left, 0]
    np.testing.assert_array_equal(part.depth, whole.depth[inside])
    np.testing.assert_array_equal(part.sky, whole.sky[inside])
    np.testing.assert_array_equal(part.evaluated, whole.evaluated[inside])
    assert part.intrinsics == Intrinsics(20.0, 21.0, 16.0 - left, 12.0 - top)


def test_another_size_mixes_no_depths():
    whole = sample(intrinsics=Intrinsics(20.0, 21.0, 16.0, 12.0), crop=Tile(4, 8, 12, 16))
    small = whole.resized((12, 16))
    assert small.size == (12, 16) and small.depth.shape == (12, 16)
    assert np.isin(small.depth, whole.depth).all()
    np.testing.assert_array_equal(small.depth, whole.depth[1::2, 1::2])
    assert small.intrinsics == Intrinsics(10.0, 10.5, 8.0, 6.0) and small.crop == Tile(2, 4, 6, 8)
    np.testing.assert_array_equal(whole.resized((24, 32)).depth, whole.depth)
    np.testing.assert_array_equal(whole.resized((48, 64)).depth, whole.depth.repeat(2, 0).repeat(2, 1))


def test_tensors():
    depth = np.full((24, 32), 5.0)
    depth[0, :2] = np.nan, np.inf
    tensors = sample(depth, sky=np.isinf(depth), intrinsics=Intrinsics(20.0, 21.0, 16.0, 12.0)).tensors()
    assert tensors["image"].shape == (3, 24, 32) and tensors["image"].dtype == torch.float32
    assert tensors["image"][:, 23, 31].tolist() == pytest.approx([23 / 255, 31 / 255, 0])
    assert tensors["depth"][0, 0].tolist() == [0, 0] + [5] * 30
    assert tensors["valid"].sum() == 24 * 32 - 2 and tensors["sky"].sum() == 1 and tensors["focal"] == 20


def test_samples_with_and_without_everything_make_one_batch():
    full = sample(sky=ROWS > 3, intrinsics=Intrinsics(20.0, 21.0, 16.0, 12.0))
    batch = collate([full, sample(None)])
    assert batch["depth"].shape == (2, 1, 24, 32) and not batch["valid"][1].any() and not batch["sky"][1].any()
    assert batch["focal"][0] == 20 and math.isnan(batch["focal"][1])


def test_sixteen_bits_and_floats_are_scaled_by_their_own_full_scale():
    for pixels in (np.full((16, 16, 3), 65535, np.uint16), np.ones((16, 16, 3), np.float32)):
        assert (Sample("a", Photo(pixels), None).tensors()["image"] == 1).all()
