"""Data sets by name and by the look of their folders."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from patchwrap.datasets import DATASETS, open_dataset
from patchwrap.datasets.registry import named_kind
from patchwrap.errors import OptionError

LAYOUTS = {
    "unrealstereo4k": ("00000/Image0/00000.png", "00000/Disp0/00000.npy"),
    "mvssynth": ("GTAV_1080/0000/images/0000.png", "GTAV_1080/0000/depths/0000.exr"),
    "middlebury2014": ("Piano-perfect/im0.png", "Piano-perfect/disp0.pfm"),
    "eth3d": ("pipes/images/dslr_images/DSC_1.JPG", "pipes/ground_truth_depth/dslr_images/DSC_1.JPG"),
    "booster": ("train/balanced/Bottle/camera_00/im0.png", "train/balanced/Bottle/disp_00.npy"),
    "nyuv2": ("test/den/rgb_00001.jpg", "test/den/sync_depth_00001.png"),
    "kitti": (
        "2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000005.png",
        "train/2011_09_26_drive_0002_sync/proj_depth/groundtruth/image_02/0000000005.png",
    ),
    "hypersim": (
        "ai_001_001/images/scene_cam_00_final_preview/frame.0000.tonemap.jpg",
        "ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5",
    ),
    "diode": ("val/outdoor/scene_1/scan_2/x.png", "val/outdoor/scene_1/scan_2/x_depth_mask.npy"),
    "ibims1": ("rgb/imagelist.png", "imagelist.txt"),
    "sintel": ("training/final/alley_1/frame_0001.png", "training/depth/alley_1/frame_0001.dpt"),
    "spring": ("train/0001/frame_left/frame_left_0001.png", "train/0001/disp1_left/disp1_left_0001.dsp5"),
    "pairs": ("a.png", "a.npy"),
}


@pytest.fixture
def laid_out(tmp_path, paint, write):
    """Make a data set's folder, or one of those."""

    def laid_out(kind):
        picture, depth = LAYOUTS[kind]
        paint(tmp_path / kind / picture)
        write(tmp_path / kind / depth, Path(depth).stem)
        return tmp_path / kind

    return laid_out


def test_every_kind_is_tried_here():
    assert set(LAYOUTS) == set(DATASETS)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_folder_tells_its_kind(laid_out, kind):
    folder = laid_out(kind)
    data = open_dataset(folder)
    assert type(data) is DATASETS[kind] and data.kind == kind
    assert [entry.image for entry in data.entries] == [folder / LAYOUTS[kind][0]] and data.has_depth
    assert type(open_dataset(f"{kind}:{folder}")) is DATASETS[kind]


@pytest.mark.parametrize("kind", ["nyuv2", "pairs"])
def test_somebody_elses_matlab_file_is_no_room_of_ibims(laid_out, write, kind):
    folder = laid_out(kind)
    savemat(folder / "splits.mat", {"trainNdxs": np.arange(3)})
    write(folder / "calibration" / "torn.mat", b"torn")
    savemat(folder / "calibration" / "damaged.mat", {"trainNdxs": np.arange(999)}, do_compression=True)
    with (folder / "calibration" / "damaged.mat").open("r+b") as file:
        file.seek(150)  # in the middle of the compressed numbers
        file.write(b"\xff" * 30)
    assert open_dataset(folder).kind == kind


def test_a_matlab_file_with_everything_is_a_room_of_ibims(tmp_path):
    savemat(tmp_path / "corridor_01.mat", {"data": {"rgb": np.zeros((2, 2, 3), np.uint8)}})
    assert open_dataset(tmp_path).kind == "ibims1"


def test_a_list_in_the_folder_is_a_split(laid_out, paint, write):
    folder = laid_out("nyuv2")
    paint(folder / "test" / "den" / "rgb_00002.jpg")
    write(folder / "test" / "den" / "sync_depth_00002.png", np.ones((24, 32)))
    assert len(open_dataset(folder)) == 2
    listed = write(folder / "test.txt", "test/den/rgb_00002.jpg\n")
    for data in (open_dataset(listed), open_dataset(f"nyuv2:{listed}"), open_dataset(folder, split=listed)):
        assert [entry.name for entry in data.entries] == ["test/den/rgb_00002"]


def test_the_scale_is_for_plain_folders(tmp_path, paint, write):
    paint(tmp_path / "a.png")
    write(tmp_path / "a_depth.png", np.full((24, 32), 7))
    assert open_dataset(tmp_path, depth_scale=0.5)[0].depth[0, 0] == 3.5


def test_words_that_name_nothing(tmp_path):
    with pytest.raises(OptionError, match=r"no known kind\. There are: unrealstereo4k, "):
        open_dataset("kity:somewhere")
    with pytest.raises(OptionError, match="holds no pairs sample"):
        open_dataset(tmp_path)
    for kind in DATASETS:
        with pytest.raises(OptionError, match="'nowhere' is not a folder"):
            open_dataset(f"{kind}:nowhere")
    with pytest.raises(OptionError, match="'nowhere' is not a folder"):
        open_dataset("nowhere")


def test_paths_with_colons_are_paths(tmp_path):
    (tmp_path / "a:b").mkdir()
    for text in (str(tmp_path / "a:b"), "C:\\pictures", "./kitti:x"):
        assert named_kind(text) == (None, Path(text))
    assert named_kind("kitti:C:\\pictures") == ("kitti", Path("C:\\pictures"))
