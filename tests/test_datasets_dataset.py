"""What every data set does: lists, leaves out, refuses what cannot be used, hands over to torch."""

import importlib
import sys

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from patchwrap.datasets import DepthDataset, Diode, NyuV2, Pairs, SampleSource, collate
from patchwrap.datasets.dataset import as_depth
from patchwrap.errors import ImageError, MissingExtraError, OptionError, PatchwrapError


@pytest.fixture
def rooms(tmp_path, paint, write):
    """Three good samples and one without any depth."""
    for number, code in ((1, 1000), (2, 0), (3, 3000), (4, 4000)):
        paint(tmp_path / "den" / f"rgb_{number}.png")
        write(tmp_path / "den" / f"depth_{number}.png", np.full((24, 32), code))
    return tmp_path


def test_a_caller_leaves_out_what_cannot_be_used(rooms, write):
    write(rooms / "den" / "depth_3.png", b"torn")
    data, usable, faults = NyuV2(rooms), [], []
    for index in range(len(data)):
        try:
            usable.append(data[index].name)
        except PatchwrapError as error:
            faults.append(str(error))
    assert usable == ["den/rgb_1", "den/rgb_4"]
    assert "depth_2.png' has no pixel that counts: none with a depth from 0.001 to 10. Leave it out" in faults[0]
    assert "depth_3.png'" in faults[1] and not any("\n" in fault for fault in faults)


def test_a_damaged_header_of_an_array_is_a_damaged_file(tmp_path, paint, write):
    paint(tmp_path / "x.png")
    np.save(tmp_path / "x_depth_mask.npy", np.ones((24, 32), np.float32))
    np.save(tmp_path / "x_depth.npy", np.ones((24, 32), np.float32))
    write(tmp_path / "x_depth.npy", (tmp_path / "x_depth.npy").read_bytes().replace(b"}", b" "))
    with pytest.raises(ImageError, match=r"x_depth\.npy.* cannot be read"):
        Diode(tmp_path)[0]


def test_unread_samples_are_read_when_asked_for(rooms, write):
    lazy = NyuV2(rooms).lazy_samples
    assert all(isinstance(sample, SampleSource) for sample in lazy)
    assert [sample.name for sample in lazy] == [f"den/rgb_{number}" for number in (1, 2, 3, 4)]
    before = lazy[0].stamp
    write(rooms / "den" / "depth_1.png", np.full((24, 32), 1500))
    assert lazy[0].has_depth and lazy[0].read().truth[0, 0] == 1.5
    write(rooms / "den" / "depth_1.png", b"torn")
    assert lazy[0].stamp != before
    with pytest.raises(ImageError, match=r"depth_1\.png"):
        lazy[0].read()


def test_a_sample_is_another_when_it_is_read_otherwise(tmp_path):
    Image.new("RGB", (32, 24)).save(tmp_path / "a.png")
    Image.fromarray(np.full((24, 32), 2000, np.uint16)).save(tmp_path / "a_depth.png")
    [one], [same], [other] = (Pairs(tmp_path, depth_scale=scale).lazy_samples for scale in (0.001, 0.001, 0.01))
    assert one.stamp == same.stamp != other.stamp
    assert (one.max_depth, NyuV2.limits[1]) == (np.inf, 10.0)


def test_a_sample_is_another_when_its_data_sets_class_is_changed(rooms):
    class Halved(NyuV2):
        def depth(self, path, entry, size):
            return super().depth(path, entry, size) / 2

    class Nearer(NyuV2):
        limits = (1e-3, 5.0)

    made = {}
    exec("class Typed(NyuV2): pass", {"NyuV2": NyuV2, "__name__": "session"}, made)  # as in a session without a file
    sets = [kind(rooms) for kind in (NyuV2, Halved, Nearer, made["Typed"])]
    sets[2].limits = (1e-3, 4.0)
    stamps = [data.lazy_samples[0].stamp for data in (*sets, Nearer(rooms))]
    assert len(set(stamps)) == 5 and stamps[0] == NyuV2(rooms).lazy_samples[0].stamp
    assert all(stamp.isprintable() and "0x" not in stamp for stamp in stamps)


def test_a_sample_is_another_when_what_its_data_sets_module_calls_is_changed(rooms, monkeypatch):
    monkeypatch.syspath_prepend(rooms)
    stamps = set()
    for factor in ("2", "3.5"):
        (rooms / "halls.py").write_text(
            "from patchwrap.datasets import NyuV2\n\n\n"
            f"def scaled(values):\n    return values * {factor}\n\n\n"
            "class Halls(NyuV2):\n"
            "    def depth(self, path, entry, size):\n"
            "        return scaled(super().depth(path, entry, size))\n"
        )
        importlib.invalidate_caches()
        stamps.add(importlib.import_module("halls").Halls(rooms).lazy_samples[0].stamp)
        monkeypatch.delitem(sys.modules, "halls")
    assert len(stamps) == 2


def test_samples_know_how_far_they_count(rooms):
    assert {sample.max_depth for sample in NyuV2(rooms).lazy_samples} == {10.0} == {NyuV2(rooms)[0].max_depth}


def test_a_loader_makes_batches(rooms):
    data = NyuV2(rooms).only(["den/rgb_3", "den/rgb_4"])
    [batch] = DataLoader(data, batch_size=2, collate_fn=collate)
    assert batch["name"] == ["den/rgb_3", "den/rgb_4"]
    assert batch["image"].shape == (2, 3, 24, 32) and batch["valid"].all() and not batch["sky"].any()
    assert batch["depth"][:, 0, 5, 5].tolist() == [3, 4] and batch["focal"].isnan().all()


def test_a_part_is_a_data_set_of_its_own(rooms):
    data = NyuV2(rooms)
    assert len(data.only(["den/rgb_4", "none"])) == 1 and len(data) == 4


@pytest.mark.parametrize("line", ["den/rgb_3.png den/depth_3.png", "/den/rgb_3.raw", "rgb_3.jpg 1"])
def test_a_split_names_pictures_below_any_folder(rooms, write, line):
    split = write(rooms / "split.txt", f"{line}\n")
    assert [entry.name for entry in NyuV2(rooms, split=split).entries] == ["den/rgb_3"]


def test_a_split_names_pictures_with_spaces(tmp_path, paint, write):
    for name in ("my room.jpg", "hall.jpg", "den.jpg"):
        paint(tmp_path / name)
    split = write(tmp_path / "split.txt", "my room.jpg\nhall.jpg 1 2\n/\n")
    assert [entry.name for entry in Pairs(tmp_path, split=split).entries] == ["hall", "my room"]


@pytest.mark.parametrize("line", ["v1.5 room", "v1.5 room.jpg"])
def test_a_split_names_pictures_with_dots(tmp_path, paint, write, line):
    for name in ("v1.5 room.png", "v1.6 room.png"):
        paint(tmp_path / name)
    assert [entry.name for entry in Pairs(tmp_path, split=write(tmp_path / "s.txt", line)).entries] == ["v1.5 room"]


@pytest.mark.parametrize(
    ("line", "name"), [("v1.5 room.jpg 7", "v1.5 room"), ("my room.jpg", "my room"), ("my 7", "my")]
)
def test_a_line_of_a_split_names_one_picture(tmp_path, paint, write, line, name):
    for one in ("v1.jpg", "v1.5 room.jpg", "my.jpg", "my room.jpg"):
        paint(tmp_path / one)
    assert [entry.name for entry in Pairs(tmp_path, split=write(tmp_path / "s.txt", line)).entries] == [name]


def test_a_split_selects_no_picture_whose_name_is_cut_at_a_dot(tmp_path, paint, write):
    for name in ("IMG_1.jpg", "IMG_1.5.jpg", "IMG_2.jpg"):
        paint(tmp_path / name)
    split = write(tmp_path / "s.txt", "IMG_1.5\nIMG_2.5\n")
    assert [entry.name for entry in Pairs(tmp_path, split=split).entries] == ["IMG_1.5", "IMG_2"]


def test_a_split_may_be_written_on_windows(rooms, write):
    split = write(rooms / "split.txt", b"\xef\xbb\xbfden\\rgb_1.png\r\nden\\rgb_3.png 1\r\n")
    assert [entry.name for entry in NyuV2(rooms, split=split).entries] == ["den/rgb_1", "den/rgb_3"]


def test_no_folder_and_no_samples(tmp_path):
    with pytest.raises(OptionError, match=r"not a folder\. Give one with SCENE/rgb_00000"):
        NyuV2(tmp_path / "none")
    with pytest.raises(OptionError, match="holds no nyuv2 sample; looked for SCENE/rgb_00000"):
        NyuV2(tmp_path)


def test_pictures_of_one_name_keep_their_paths(tmp_path, paint):
    paint(tmp_path / "a.png")
    paint(tmp_path / "a.jpg")
    assert [entry.name for entry in Pairs(tmp_path).entries] == ["a.jpg", "a.png"]


def test_a_stamp_tells_of_changed_files(rooms, write):
    entry = NyuV2(rooms).entries[0]
    before = entry.stamp
    assert entry.stamp == before
    write(entry.depth, np.full((24, 32), 77))
    assert entry.stamp != before


def test_a_missing_package_is_told_when_the_folder_is_opened(tmp_path, paint, write, monkeypatch):
    from patchwrap.datasets import Spring, optional

    paint(tmp_path / "frame_left" / "frame_left_0001.png")
    write(tmp_path / "disp1_left" / "disp1_left_0001.dsp5", b"")
    monkeypatch.setitem(optional.READERS, ".dsp5", "no_such_package")
    with pytest.raises(MissingExtraError, match=r'no_such_package, .* `pip install "patchwrap\[datasets\]"`'):
        Spring(tmp_path)
    with pytest.raises(MissingExtraError, match="no_such_package"):
        optional.reader(".dsp5")


def test_only_numbers_are_depth():
    values = as_depth(np.array([[[2], [0], [-1]], [[np.nan], [np.inf], [-np.inf]]]))
    np.testing.assert_array_equal(values, np.float32([[2, np.nan, np.nan], [np.nan, np.nan, np.nan]]))
    assert np.isinf(as_depth(np.array([[np.inf]]), beyond=np.inf)).all()
    for wrong in (np.zeros(3), np.zeros((2, 2, 3)), np.zeros((2, 2), complex)):
        with pytest.raises(ImageError, match="numbers"):
            as_depth(wrong)


def test_a_data_set_class_without_its_class_attributes_is_refused_when_it_is_defined():
    with pytest.raises(TypeError, match=r"^Nameless does not set kind and expected_files; a data set needs"):
        type("Nameless", (DepthDataset,), {"patterns": ("*.png",)})


def test_a_data_set_class_that_does_not_read_depth_is_refused(tmp_path):
    class Depthless(DepthDataset):
        kind, patterns, expected_files = "depthless", ("*.png",), "X.png"

        def entries_of(self, path):
            return []

    with pytest.raises(TypeError, match="depth"):
        Depthless(tmp_path)
