"""Which images a comparison has, and what of their depth it measures on."""

import numpy as np
import pytest
from PIL import Image

from patchwrap.datasets import NyuV2, Sample
from patchwrap.datasets.image_set import ImageSet, data_name
from patchwrap.errors import OptionError
from patchwrap.io import Photo


@pytest.fixture
def rooms(tmp_path, paint, write):
    for number in range(1, 6):
        paint(tmp_path / f"rgb_{number}.png")
        write(tmp_path / f"depth_{number}.png", np.full((24, 32), 1000 * number))
    return tmp_path


def names(data):
    return [sample.name for sample in data.samples]


def sample(name="a", depth=None, **options):
    return Sample(name, Photo(np.zeros((24, 32, 3), np.uint8)), depth, **options)


def test_a_folder_a_kind_and_a_data_set_are_the_same(rooms):
    for data in (rooms, str(rooms), f"nyuv2:{rooms}", NyuV2(rooms)):
        opened = ImageSet.open(data)
        assert opened.name == rooms.name and opened.has_truth
        assert names(opened) == [f"rgb_{number}" for number in range(1, 6)]
        read = opened.samples[2].read()
        assert read.photo.size == (24, 32) and read.truth[0, 0] == 3


def test_count_draws_with_the_seed(rooms):
    drawn = [names(ImageSet.open(rooms, 3, seed)) for seed in (1, 1, 2, 3)]
    assert drawn[0] == drawn[1] == sorted(drawn[0]) and len(drawn[0]) == 3
    assert len({tuple(names) for names in drawn}) > 1
    assert len(ImageSet.open(rooms, 99).samples) == 5


def test_a_negative_seed_is_refused(rooms):
    with pytest.raises(OptionError, match="seed -1 is negative"):
        ImageSet.open(rooms, 3, -1)


def test_own_samples(rooms):
    near, far = (np.full((24, 32), metres, np.float32) for metres in (1, 2))
    data = ImageSet.open([sample("a", near), sample("b", far)])
    assert data.has_truth and (data.samples[1].read().truth == 2).all()
    assert not ImageSet.open([sample("a"), sample("b")]).has_truth


def test_names_are_unique_and_depth_is_everywhere_or_nowhere():
    with pytest.raises(OptionError, match="'a' twice"):
        ImageSet.open([sample("a"), sample("a")])
    with pytest.raises(OptionError, match=r"own samples is mixed: 1 images with depth .*'b'.* 1 without .*'a'"):
        ImageSet.open([sample("a"), sample("b", np.ones((24, 32), np.float32))])


@pytest.mark.parametrize("make, words", [(lambda path: path / "none", "not a folder"), (lambda path: path, "photos")])
def test_no_images(tmp_path, make, words):
    with pytest.raises(OptionError, match=words):
        ImageSet.open(make(tmp_path))


def test_a_report_tells_no_folders(tmp_path, monkeypatch):
    Image.new("RGB", (32, 24)).save(tmp_path / "a.png")
    assert data_name(tmp_path) == data_name(str(tmp_path)) == tmp_path.name
    assert data_name(f"kitti:{tmp_path}") == f"kitti:{tmp_path.name}"
    assert data_name("generated:2@64x48:hall") == "generated:2@64x48:hall" and data_name([]) == "SAMPLES"
    monkeypatch.chdir(tmp_path)
    assert data_name(".") == tmp_path.name and data_name("pairs:.") == f"pairs:{tmp_path.name}"
