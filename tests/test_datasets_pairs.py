"""Plain folders: which photos have depth, and in which form it may be beside them."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from patchwrap.convention import DepthConvention
from patchwrap.datasets import Pairs
from patchwrap.depth_map import DepthMap
from patchwrap.errors import ImageError, OptionError
from patchwrap.intrinsics import Intrinsics

DEPTH = np.linspace(1, 9, 48 * 64, dtype=np.float32).reshape(48, 64)


def photo(folder, name, size=(64, 48)):
    Image.new("RGB", size, (90, 120, 150)).save(folder / name)


def codes(path):
    Image.fromarray((DEPTH * 1000).astype(np.uint16)).save(path)


@pytest.fixture
def pairs(tmp_path):
    """Each way to put depth beside a photo."""
    for name in ("a.jpg", "b.png", "c.jpg", "d.JPG", "e.jpg"):
        photo(tmp_path, name)
    np.save(tmp_path / "a.npy", DEPTH)
    np.savez(tmp_path / "b.npz", other=1, depth=DEPTH.astype(np.float64))
    codes(tmp_path / "c_depth.png")
    np.savez(tmp_path / "d.npz", z=DEPTH)
    np.save(tmp_path / "e.npy", DEPTH.astype(np.float16))
    (tmp_path / "a.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("ending", [".JPG", ".PNG", ".TIF"])
def test_a_depth_png_beside_a_photo_in_capitals_is_no_photo(tmp_path, ending):
    photo(tmp_path, f"a{ending}")
    codes(tmp_path / "a_depth.png")
    data = Pairs(tmp_path)
    assert names(data) == ["a"] and data.has_depth


def names(data):
    return [entry.name for entry in data.entries]


def test_every_layout_is_read(pairs):
    data = Pairs(pairs)
    assert data.has_depth and names(data) == ["a", "b", "c", "d", "e"]
    for sample in data:
        assert sample.size == (48, 64) and sample.intrinsics is None and sample.evaluated.all()
        np.testing.assert_allclose(sample.depth, DEPTH, atol=5e-3)


def test_the_scale_of_a_png(pairs):
    tenfold = {sample.name: sample for sample in Pairs(pairs, depth_scale=0.01)}
    np.testing.assert_allclose(tenfold["c"].depth, 10 * DEPTH, atol=0.02)
    np.testing.assert_array_equal(tenfold["a"].depth, DEPTH)


def test_sky_is_infinite_and_zero_unknown(tmp_path):
    photo(tmp_path, "a.jpg")
    depth = DEPTH.copy()
    depth[0, :4] = np.inf, 0, np.nan, -1
    np.save(tmp_path / "a.npy", depth)
    sample = Pairs(tmp_path)[0]
    assert sample.sky[0, 0] and sample.sky.sum() == 1 and np.isinf(sample.depth[0, 0])
    assert np.isnan(sample.depth[0, 1:4]).all() and sample.valid.sum() == depth.size - 4
    (tmp_path / "a.npy").unlink()
    codes(tmp_path / "a_depth.png")
    assert Pairs(tmp_path)[0].sky is None, "a PNG cannot tell"


def test_code_zero_is_unknown_where_zero_is_a_number_too(tmp_path):
    photo(tmp_path, "a.jpg")
    stored = (DEPTH * 1000).astype(np.uint16)
    stored[0, :4] = 0
    Image.fromarray(stored).save(tmp_path / "a_depth.png")
    sample = Pairs(tmp_path, convention="depth:affine")[0]
    assert np.isnan(sample.depth[0, :4]).all() and sample.evaluated.sum() == DEPTH.size - 4


def test_numbers_of_another_convention_keep_their_sign(tmp_path):
    photo(tmp_path, "a.jpg")
    np.save(tmp_path / "a.npy", DEPTH - 5)
    sample = Pairs(tmp_path, convention="inverse_depth:affine")[0]
    assert sample.valid.all() and str(sample.convention) == "inverse_depth:affine"
    np.testing.assert_array_equal(sample.depth, DEPTH - 5)
    assert sample.evaluated.all()


def test_intrinsics_are_those_that_scenes_writes(pairs):
    told = {"intrinsics": {"fx": 50, "fy": 51.0, "cx": 32, "cy": 24}}
    (pairs / "a.json").write_text(json.dumps(told))
    assert Pairs(pairs)[0].intrinsics == Intrinsics(50.0, 51.0, 32.0, 24.0)


def test_photos_alone_have_no_depth(tmp_path):
    photo(tmp_path, "a.jpg")
    photo(tmp_path, "a.png")
    data = Pairs(tmp_path)
    assert not data.has_depth and names(data) == ["a.jpg", "a.png"]
    assert data[0].depth is None and not data[0].valid.any()


def test_a_mixture_says_so(pairs):
    photo(pairs, "z.jpg")
    with pytest.raises(OptionError, match=r"mixed: 5 images with depth .*'a'.* and 1 without .*'z'"):
        assert Pairs(pairs).has_depth


def test_what_patchwrap_predicted_is_neither_photo_nor_truth(tmp_path):
    photo(tmp_path, "a.jpg")
    predicted().save(tmp_path / "a", ["png", "color"])
    data = Pairs(tmp_path)
    assert names(data) == ["a"] and not data.has_depth


def predicted():
    return DepthMap(DEPTH, DepthConvention("depth", "metric"), np.ones(DEPTH.shape, bool), DEPTH)


def test_predictions_saved_under_the_name_of_true_depth_are_none(tmp_path):
    depth = predicted()
    for name in ("npy.jpg", "both.jpg", "png.jpg"):
        photo(tmp_path, name)
    depth.save(tmp_path / "npy.npy")
    depth.save(tmp_path / "both.npy")
    codes(tmp_path / "both_depth.png")
    depth.save(tmp_path / "png", formats=["png"])
    depth.save(tmp_path / "painted.png")
    (tmp_path / "png_depth.json").unlink()  # as after an interrupted run
    entries = {entry.name: entry.depth and entry.depth.name for entry in Pairs(tmp_path).entries}
    assert entries == {"npy": None, "both": "both_depth.png", "png": None}


def test_predictions_of_several_saves_and_of_an_interrupted_one_are_none(tmp_path, monkeypatch):
    for name in ("many.jpg", "torn.jpg"):
        photo(tmp_path, name)
    for ending in (".npy", ".ply", ".tiff"):
        predicted().save(tmp_path / f"many{ending}")
    predicted().save(tmp_path / "torn.npy")
    monkeypatch.setattr("patchwrap.depth_files.write_npy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        predicted().save(tmp_path / "torn.npy")
    assert not Pairs(tmp_path).has_depth


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{", '{"files": {"npy": "other.npy"}}'),
        '{"files": {"depth": "a.npy", "image": "a.jpg"}}',
        '{"versions": {"patchwrap": "1"}, "files": {"npy": "other.npy"}}',
        '{"versions": {"patchwrap": "1"}, "files": ["a.npy"]}',
        '{"versions": {"patchwrap": "1"}, "files": null}',
        '{"versions": {"patchwrap": "1"}, "files": {"npy": ["a.npy"]}}',
        '{"versions": {"patchwrap": "1"}, "earlier": null}',
    ],
)
def test_an_unrelated_json_file_vouches_for_nothing(tmp_path, text):
    photo(tmp_path, "a.jpg")
    np.save(tmp_path / "a.npy", DEPTH)
    (tmp_path / "a.json").write_text(text)
    assert Pairs(tmp_path).has_depth


def test_another_size_is_named(tmp_path):
    photo(tmp_path, "a.jpg", (80, 48))
    np.save(tmp_path / "a.npy", DEPTH)
    with pytest.raises(ImageError, match="80x48 pixels, its depth 64x48"):
        Pairs(tmp_path)[0]


@pytest.fixture
def unread(tmp_path, monkeypatch):
    """A HEIC photo with depth, without the extra that reads it."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "IMG_1.HEIC").write_bytes(b"heic")
    codes(tmp_path / "IMG_1_depth.png")
    return tmp_path


def test_without_the_extra_a_folder_of_heic_photos_tells_what_to_install(unread, caplog):
    with pytest.raises(OptionError, match=r'holds HEIC photos only; pip install "patchwrap\[heic\]" reads them'):
        Pairs(unread)
    assert not caplog.messages


def test_without_the_extra_heic_photos_are_left_out_with_one_warning(unread, caplog):
    photo(unread, "a.jpg")
    (unread / "IMG_2.heic").write_bytes(b"heic")
    (unread / "._IMG_2.heic").write_bytes(b"heic")
    assert names(Pairs(unread)) == ["a"], "a depth PNG beside a photo that is not read is no photo either"
    [message] = caplog.messages
    assert "2 of 3 photos are HEIC and left out" in message and 'pip install "patchwrap[heic]"' in message


def test_with_the_extra_heic_photos_have_depth(tmp_path, caplog):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"heic")
    codes(tmp_path / "IMG_1_depth.png")
    data = Pairs(tmp_path)
    assert names(data) == ["IMG_1"] and data.has_depth and not caplog.messages
