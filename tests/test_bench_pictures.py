"""Pictures of an image: common colours, fixed error scale, no side above 1600 pixels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchwrap.bench.pictures import LONG_SIDE, Album, depth_name, error_name, photo_name, truth_name
from patchwrap.bench.protocol import measure
from patchwrap.convention import DepthConvention
from patchwrap.depth_map import DepthMap
from patchwrap.io import Photo, color_table

METRIC = DepthConvention("depth", "metric")
TRUTH = np.linspace(1, 9, 48 * 64, dtype=np.float32).reshape(48, 64)


@pytest.fixture
def album(tmp_path):
    return Album(tmp_path, frozenset({"a", "wide"}))


def draw(album, values, truth, row="r", image="a", convention=METRIC, pixels=None):
    depth = DepthMap(values=values, convention=convention, valid=np.ones(values.shape, bool), coarse_map=values)
    photo = Photo(np.zeros((*values.shape, 3), np.uint8) if pixels is None else pixels)
    album.add(image, row, photo, truth, depth, measure(depth, truth, convention, ((), ())))


def seen(album, name):
    with Image.open(album.report / name) as picture:
        return np.asarray(picture).astype(int)


def test_right_depth_has_the_colours_of_truth_and_no_error(album):
    truth = TRUTH.copy()
    truth[:8] = np.inf
    truth[8:16] = 0
    draw(album, TRUTH, truth)
    np.testing.assert_allclose(seen(album, depth_name("a", "r"))[20:], seen(album, truth_name("a"))[20:], atol=6)
    # Sky is the far colour, unknown is black.
    assert abs(seen(album, truth_name("a"))[:6] - color_table("Spectral")[0]).max() < 12
    assert seen(album, truth_name("a"))[9:14].max() < 12
    error = seen(album, error_name("a", "r"))
    assert abs(error[20:] - color_table("viridis")[0]).max() < 12 and error[:14].max() < 12


def test_the_error_scale_ends_at_one_half(album):
    for factor, row in ((1.25, "half"), (1.5, "all"), (4, "more")):
        draw(album, (factor * TRUTH).astype(np.float32), TRUTH, row)
    table = color_table("viridis")
    for row, index in (("half", 512), ("all", -1), ("more", -1)):
        assert abs(seen(album, error_name("a", row)) - table[index]).max() < 12


def test_rows_share_the_colours_of_an_image(album):
    draw(album, TRUTH, TRUTH, "right")
    draw(album, (TRUTH * 2).astype(np.float32), TRUTH, "far")
    right, far = (seen(album, depth_name("a", row)) for row in ("right", "far"))
    assert abs(right - far).max() > 60
    # Twice 2 m looks as 4 m does.
    here, there = np.abs(TRUTH - 2).argmin(), np.abs(TRUTH - 4).argmin()
    assert abs(far.reshape(-1, 3)[here] - right.reshape(-1, 3)[there]).max() < 12


def test_without_truth_there_is_no_error(album):
    draw(album, TRUTH, None, convention=DepthConvention("inverse_depth", "affine"))
    assert {path.name for path in (album.report / "pictures").iterdir()} == {"a_photo.jpg", "a_r_depth.jpg"}
    assert album.complete("a", "r", has_truth=False) and not album.complete("a", "r", has_truth=True)
    told = album.picture("a", ["r", "failed"], has_truth=False)
    assert (told.truth, told.errors, list(told.depths)) == (None, {}, ["r"])
    # Inverse depth: the largest is the nearest, and warm.
    picture = seen(album, depth_name("a", "r"))
    assert picture[-1, -1, 0] > picture[-1, -1, 2] and picture[0, 0, 2] > picture[0, 0, 0]


def test_an_invalid_pixel_does_not_take_the_colours(album):
    values = TRUTH.copy()
    values[0, 0] = np.nan
    draw(album, values, None, convention=DepthConvention("depth", "scale"))
    assert seen(album, depth_name("a", "r"))[4:].std(axis=(0, 1)).max() > 20


def test_large_pictures_are_small(album):
    values = np.full((40, 3200), 3, np.float32)
    draw(album, values, values, image="wide")
    for name in (photo_name("wide"), truth_name("wide"), depth_name("wide", "r"), error_name("wide", "r")):
        assert seen(album, name).shape == (20, LONG_SIDE, 3)


def test_other_images_are_not_drawn(album):
    draw(album, TRUTH, TRUTH, image="other")
    assert not (album.report / "pictures").exists()
    assert album.complete("other", "r", has_truth=True) and album.picture("other", ["r"], True) is None


def test_a_photo_that_changed_is_drawn_again(album, tmp_path):
    draw(album, TRUTH, TRUTH)
    white = np.full((48, 64, 3), 255, np.uint8)
    draw(Album(tmp_path, album.images), TRUTH, TRUTH, pixels=white)
    assert seen(album, photo_name("a")).min() > 250


def test_names_are_safe_and_never_meet():
    assert depth_name("a_b", "r") == "pictures/a_b_r_depth.jpg"
    names = {photo_name(name) for name in ("a b", "a/b", "a_b", "ä")}
    assert len(names) == 4 and all(name.count("/") == 1 and name.isascii() for name in names)
    assert photo_name("stra\udcdfe").isascii()  # how Python reads a name that is not UTF-8
    long = [photo_name("x" * 300 + end) for end in "ab"]
    assert len(set(long)) == 2 and max(len(Path(name).name) for name in long) < 150
