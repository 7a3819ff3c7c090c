"""KITTI from files of its own format."""

import numpy as np
import pytest

from patchwrap.datasets import Kitti
from patchwrap.errors import OptionError
from patchwrap.intrinsics import Intrinsics
from patchwrap.tiling import Tile

DATE, DRIVE = "2011_09_26", "2011_09_26_drive_0002_sync"
NAME = f"raw/{DATE}/{DRIVE}/image_02/data/0000000069"


@pytest.fixture
def root(tmp_path, paint, write):
    """Raw data and annotated depth side by side; the right half is 20.5 m away, the left one unknown."""
    codes = np.zeros((375, 1242))
    codes[:, 621:] = 20.5 * 256
    codes[200, 700:702] = 81 * 256, 1
    paint(tmp_path / f"{NAME}.png", (375, 1242))
    calibration = "P_rect_00: 1 2 3\nP_rect_02: 721.5 0 609.5 44 0 721 172.5 0\n"
    write(tmp_path / "raw" / DATE / "calib_cam_to_cam.txt", calibration)
    write(tmp_path / "val" / DRIVE / "proj_depth" / "groundtruth" / "image_02" / "0000000069.png", codes)
    write(tmp_path / "val" / DRIVE / "proj_depth" / "groundtruth" / "image_02" / "0000000070.png", codes)
    return tmp_path


def test_whole_frames(root):
    data = Kitti(root, kb_crop=False)
    assert [entry.name for entry in data.entries] == [NAME], "depth without a picture is no sample"
    sample = data[0]
    assert sample.size == (375, 1242) and sample.depth[0, 621] == 20.5 and np.isnan(sample.depth[0, 620])
    assert sample.depth[200, 700] == 81 and not sample.evaluated[200, 700]
    assert sample.depth[200, 701] == np.float32(1 / 256)
    assert sample.intrinsics == Intrinsics(721.5, 721.0, 610.0, 173.0)
    # int(.40810811 * 375), int(.99189189 * 375); int(.03594771 * 1242), int(.96405229 * 1242)
    assert sample.crop == Tile(153, 44, 371 - 153, 1197 - 44)
    assert sample.evaluated.sum() == (371 - 153) * (1197 - 621) - 1


def test_a_drives_own_folder_finds_its_pictures_beside_it(root, paint):
    name = f"{DATE}/{DRIVE}/image_02/data/0000000069"
    paint(root / "val" / f"{name}.png", (375, 1242))
    data = Kitti(root / "val" / DRIVE)
    assert [entry.name for entry in data.entries] == [name] and data[0].depth[0, 621 - 13] == 20.5


def test_a_drives_own_folder_may_be_the_working_one(root, paint, monkeypatch):
    name = f"{DATE}/{DRIVE}/image_02/data/0000000069"
    paint(root / "val" / f"{name}.png", (375, 1242))
    monkeypatch.chdir(root / "val" / DRIVE)
    data = Kitti(".")
    assert [entry.name for entry in data.entries] == [name] and data.entries[0].image.exists()


def test_the_benchmarks_crop_is_the_lower_middle(root):
    sample = Kitti(root)[0]
    assert sample.size == (352, 1216) and sample.depth.shape == (352, 1216)
    assert np.isnan(sample.depth[0, 607]) and sample.depth[0, 608] == 20.5
    assert sample.intrinsics == Intrinsics(721.5, 721.0, 610.0 - 13, 173.0 - 23)
    assert sample.crop == Tile(143, 43, 349 - 143, 1172 - 43)


def test_the_selection_of_the_benchmark(tmp_path, paint, write):
    folder = tmp_path / "depth_selection" / "val_selection_cropped"
    paint(folder / "image" / f"{DRIVE}_image_0000000069_image_02.png", (352, 1216))
    depth = folder / "groundtruth_depth" / f"{DRIVE}_groundtruth_depth_0000000069_image_02.png"
    write(depth, np.full((352, 1216), 512))
    write(folder / "intrinsics" / f"{DRIVE}_image_0000000069_image_02.txt", "721.5 0 596 0 721 149 0 0 1\n")
    sample = Kitti(tmp_path)[0]
    assert sample.depth[0, 0] == 2 and sample.intrinsics == Intrinsics(721.5, 721.0, 596.5, 149.5)


def test_eigens_list_is_a_split(root, tmp_path, write):
    split = write(tmp_path / "eigen.txt", f"{DATE}/{DRIVE}/image_02/data/0000000069.png None 721.5\n\n")
    assert len(Kitti(root, split=split)) == 1
    write(split, f"{DATE}/{DRIVE}/image_02/data/0000000068.png None 721.5\n")
    with pytest.raises(OptionError, match="names none of 1 pictures"):
        Kitti(root, split=split)
    with pytest.raises(OptionError, match="cannot be read"):
        Kitti(root, split=tmp_path / "none.txt")


def test_a_stamp_depends_on_no_folder(root):
    whole, cut = (Kitti(root, kb_crop=crop).lazy_samples[0].stamp for crop in (False, True))
    assert str(root) not in whole and len(whole) < 200 and whole != cut
