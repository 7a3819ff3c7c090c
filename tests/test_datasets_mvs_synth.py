"""MVS-Synth from files of its own format."""

import json

import numpy as np
import OpenEXR
import pytest

from patchwrap.datasets import MvsSynth
from patchwrap.errors import ImageError
from patchwrap.intrinsics import Intrinsics


def exr(path, values, channel):
    exr_of(path, {channel: values})


def exr_of(path, channels):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(path))


@pytest.fixture
def pose(write):
    def pose(path):
        write(path, json.dumps({"c_x": 405, "c_y": 270, "f_x": 1920.0, "f_y": 600.0, "extrinsic": []}))

    return pose


@pytest.mark.parametrize("channel", ["Y", "R"])
def test_depth_is_in_tenths_of_metres_and_the_sky_infinite(tmp_path, paint, pose, channel):
    depth = np.full((24, 32), 125, np.float32)
    depth[0, :3] = np.inf, 900, 0
    scene = tmp_path / "GTAV_1080" / "0011"
    exr(scene / "depths" / "0003.exr", depth, channel)
    paint(scene / "images" / "0003.png")
    pose(scene / "poses" / "0003.json")
    sample = MvsSynth(tmp_path)[0]
    assert sample.name == "GTAV_1080/0011/images/0003"
    assert sample.depth[5, 5] == 12.5 and np.isinf(sample.depth[0, 0]) and np.isnan(sample.depth[0, 2])
    assert sample.sky.sum() == 1 and sample.sky[0, 0]
    assert not sample.valid[0, 0] and sample.valid[0, 1] and not sample.evaluated[0, 1]
    assert sample.intrinsics == Intrinsics(1920.0, 600.0, 405.0, 270.0)
    assert MvsSynth(tmp_path, unit=1 / 256)[0].depth[5, 5] == np.float32(125 / 256)


def test_the_small_pictures_focal_length_is_that_of_the_large_ones(tmp_path, paint, pose):
    exr(tmp_path / "0000" / "depths" / "0000.exr", np.ones((16, 810), np.float32), "Y")
    paint(tmp_path / "0000" / "images" / "0000.png", (16, 810))
    pose(tmp_path / "0000" / "poses" / "0000.json")
    assert MvsSynth(tmp_path)[0].intrinsics.fx == 1920 * 810 / 1920


def test_opacity_is_no_depth(tmp_path, paint):
    depth, opaque = np.full((24, 32), 30, np.float32), np.ones((24, 32), np.float32)
    exr_of(tmp_path / "depths" / "0000.exr", {"A": opaque, "Y": depth})
    paint(tmp_path / "images" / "0000.png")
    assert MvsSynth(tmp_path)[0].depth[5, 5] == 3


def test_without_a_pose_there_are_no_intrinsics(tmp_path, paint):
    exr(tmp_path / "depths" / "0000.exr", np.ones((24, 32), np.float32), "Z")
    paint(tmp_path / "images" / "0000.png")
    assert MvsSynth(tmp_path)[0].intrinsics is None


def test_a_damaged_file_is_named(tmp_path, paint, write):
    write(tmp_path / "depths" / "0000.exr", b"torn")
    paint(tmp_path / "images" / "0000.png")
    with pytest.raises(ImageError, match=r"0000\.exr.* cannot be read"):
        MvsSynth(tmp_path)[0]
