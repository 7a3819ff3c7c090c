"""Which images a data set consists of, and what is said where there are none."""

import numpy as np
import pytest
from PIL import Image

from patchwrap.bench.dataset import DataSet, folder_samples
from patchwrap.bench.sample import Sample
from patchwrap.bench.truth import read_depth
from patchwrap.errors import ImageError, OptionError

DEPTH = np.linspace(1, 9, 48 * 64, dtype=np.float32).reshape(48, 64)


def photo(folder, name, size=(64, 48)):
    Image.new("RGB", size, (90, 120, 150)).save(folder / name)


def codes(path):
    Image.fromarray((DEPTH * 1000).astype(np.uint16)).save(path)


@pytest.fixture
def pairs(tmp_path):
    """Each way to put depth beside a photo."""
    for name in ("a.jpg", "b.png", "c.jpg", "d.jpg", "e.jpg"):
        photo(tmp_path, name)
    np.save(tmp_path / "a.npy", DEPTH)
    np.savez(tmp_path / "b.npz", other=1, depth=DEPTH.astype(np.float64))
    codes(tmp_path / "c_depth.png")
    np.savez(tmp_path / "d.npz", z=DEPTH)
    np.save(tmp_path / "e.npy", DEPTH.astype(np.float16))
    (tmp_path / "a.json").write_text("{}")
    return tmp_path


def test_every_layout_is_read(pairs):
    data = DataSet.open(pairs)
    assert data.name == pairs.name and data.has_truth
    assert [sample.name for sample in data.samples] == ["a", "b", "c", "d", "e"]
    for sample in data.samples:
        picture, truth = sample.read()
        assert picture.size == (48, 64)
        np.testing.assert_allclose(truth, DEPTH, atol=5e-3)


def test_the_scale_of_a_png(pairs):
    tenfold = {sample.name: sample for sample in folder_samples(pairs, 0.01)}
    np.testing.assert_allclose(tenfold["c"].read()[1], 10 * DEPTH, atol=0.02)
    np.testing.assert_array_equal(tenfold["a"].read()[1], DEPTH)


def test_photos_alone_have_no_truth(tmp_path):
    photo(tmp_path, "a.jpg")
    photo(tmp_path, "a.png")
    data = DataSet.open(tmp_path)
    assert not data.has_truth
    assert [sample.name for sample in data.samples] == ["a.jpg", "a.png"]
    assert data.samples[0].read()[1] is None


def test_a_mixture_says_so(pairs):
    photo(pairs, "z.jpg")
    with pytest.raises(OptionError, match=r"mixture: 5 images with depth .*'a'.* and 1 without .*'z'"):
        DataSet.open(pairs)


def test_what_patchwrap_predicted_is_no_photo(tmp_path):
    photo(tmp_path, "a.jpg")
    photo(tmp_path, "a_color.jpg")
    codes(tmp_path / "a_depth.png")
    (tmp_path / "a_depth.json").write_text("{}")
    assert [sample.name for sample in folder_samples(tmp_path)] == ["a"]


def test_count_draws_with_the_seed(pairs):
    drawn = [[sample.name for sample in DataSet.open(pairs, 3, seed).samples] for seed in (1, 1, 2, 3)]
    assert drawn[0] == drawn[1] == sorted(drawn[0]) and len(drawn[0]) == 3
    assert len({tuple(names) for names in drawn}) > 1
    assert len(DataSet.open(pairs, 99).samples) == 5


@pytest.mark.parametrize("make, words", [(lambda path: path / "none", "no folder"), (lambda path: path, "no photo")])
def test_no_images(tmp_path, make, words):
    with pytest.raises(OptionError, match=words):
        DataSet.open(make(tmp_path))


def test_names_are_unique(tmp_path):
    with pytest.raises(OptionError, match="'a' twice"):
        DataSet("twins", [Sample("a", tmp_path / "x.jpg"), Sample("a", tmp_path / "y.jpg")])


def test_another_size_is_named(tmp_path):
    photo(tmp_path, "a.jpg", (80, 48))
    np.save(tmp_path / "a.npy", DEPTH)
    with pytest.raises(ImageError, match="80x48 pixels, its depth 64x48"):
        DataSet.open(tmp_path).samples[0].read()


@pytest.mark.parametrize(
    "name, write, words",
    [
        ("x.npy", lambda path: path.write_bytes(b"torn"), "cannot be read as depth"),
        ("x.npz", lambda path: path.write_bytes(b"PK\x03\x04torn"), "cannot be read as depth"),
        ("x.npz", lambda path: np.savez(path, a=DEPTH, b=DEPTH), "name its array"),
        ("x.npy", lambda path: np.save(path, DEPTH[0]), r"shape \(64,\)"),
        ("x.npy", lambda path: np.save(path, np.array([[{}]])), "cannot be read as depth"),
        ("x_depth.png", lambda path: Image.new("L", (64, 48)).save(path), "8 bits"),
        ("x.npy", lambda path: None, "cannot be read as depth"),
    ],
)
def test_depth_that_cannot_be_read(tmp_path, name, write, words):
    write(tmp_path / name)
    with pytest.raises(ImageError, match=words):
        read_depth(tmp_path / name)


def test_a_stamp_tells_of_changed_files(pairs):
    sample = folder_samples(pairs)[0]
    before = sample.stamp
    assert sample.stamp == before
    np.save(pairs / "a.npy", DEPTH[:24])
    assert sample.stamp != before
