"""Generated data sets: what their names mean, and that scenes are drawn once."""

import numpy as np
import pytest

from patchwrap.datasets.heldout import COUNT, SIZE, Spec, cache_folder, generator_digest, parse_spec
from patchwrap.datasets.image_set import ImageSet
from patchwrap.errors import OptionError


def test_names():
    assert parse_spec("generated") == Spec(COUNT, SIZE)
    assert parse_spec("generated:24") == Spec(24, SIZE)
    assert parse_spec("generated@640x480") == Spec(COUNT, (480, 640))
    assert parse_spec("generated:24@3840x2160") == Spec(24, (2160, 3840))
    assert parse_spec("generated:playground") == Spec(COUNT, SIZE, ("playground",))
    assert str(parse_spec("generated:8@64x48:hall+room")) == "generated:8@64x48:hall+room"
    assert parse_spec("photos") is None
    for wrong in ("generated:0", "generated:x", "generated@640", "generated:2@8x8", "generated:2:hall+"):
        with pytest.raises(OptionError):
            parse_spec(wrong)
    with pytest.raises(OptionError, match=r"'cellar'.*playground"):
        parse_spec("generated:2@64x48:cellar")


@pytest.mark.parametrize("text, most, count", [("generated:2", 5, 2), ("generated:8", 5, 5), ("generated:hall", 9, 9)])
def test_a_number_in_the_name_and_a_largest_one_both_hold(text, most, count):
    assert parse_spec(text, most).count == count


@pytest.mark.parametrize(
    ("platform", "base"),
    [("linux", "xdg"), ("darwin", "home/Library/Caches"), ("win32", "local")],
)
def test_the_cache_lies_where_the_platform_wants_it(monkeypatch, tmp_path, platform, base):
    for name, folder in (("HOME", "home"), ("XDG_CACHE_HOME", "xdg"), ("LOCALAPPDATA", "local")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder() == tmp_path / base / "patchwrap" / "heldout"


def test_scenes_are_drawn_once_and_are_exact_pairs(tmp_path):
    told = []

    def opened(name="generated:2@64x48", **options):
        return ImageSet.open(name, cache=tmp_path, progress=lambda *done: told.append(done), **options)

    data = opened()
    assert told == [(1, 2), (2, 2)]
    assert [sample.name for sample in data.samples] == ["9000000_street", "9000001_garden"]
    assert generator_digest() in data.name and "9000000" in data.name
    picture, truth = (read := data.samples[1].read()).photo, read.truth
    assert picture.size == truth.shape == (48, 64) and truth.dtype == np.float32
    assert (truth > 0).all()
    assert [sample.stamp for sample in opened().samples] == [sample.stamp for sample in data.samples]
    assert len(told) == 2
    assert opened(count=1, seed=1).samples[0].name == "9000001_garden" and len(opened(count=5).samples) == 2
    assert len(told) == 2


def test_kinds_can_be_named(tmp_path):
    data = ImageSet.open("generated:3@64x48:workshop+playground", cache=str(tmp_path))
    assert [sample.name for sample in data.samples] == ["9000000_workshop", "9000001_playground", "9000002_workshop"]
    assert data.name.startswith("generated:3@64x48:workshop+playground (seeds from 9000000")
