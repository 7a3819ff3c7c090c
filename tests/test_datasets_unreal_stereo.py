"""UnrealStereo4K from files of its own format."""

import numpy as np
import pytest
from PIL import Image

from patchwrap.datasets import UnrealStereo4K
from patchwrap.intrinsics import Intrinsics


@pytest.fixture
def scene(tmp_path, paint, write):
    """A camera of 1000 pixels of focal length, .5 m beside the other one."""
    disparity = np.full((24, 32), 100, np.float32)
    disparity[0, :3] = 5, 0, np.inf
    disparity[1, 0] = 12.5
    root = tmp_path / "00003"
    write(root / "Disp0" / "00007.npy", disparity)
    write(root / "Extrinsics0" / "00007.txt", "1000.0 0 16 0 1000 12 0 0 1\n1 0 0 2.25 0 1 0 7 0 0 1 9\n")
    write(root / "Extrinsics1" / "00007.txt", "1000.0 0 16 0 1000 12 0 0 1\n1 0 0 1.75 0 1 0 7 0 0 1 9\n")
    paint(root / "Image0" / "00007.png")
    return root


def test_depth_is_focal_times_baseline_over_disparity(scene):
    data = UnrealStereo4K(scene.parent)
    sample = data[0]
    assert len(data) == 1 and sample.name == "00003/Image0/00007"
    # 1000 * |2.25 - 1.75| = 500: over 100 it is 5 m, over 5 it is 100 m.
    assert sample.depth[2, 0] == 5 and sample.depth[0, 0] == 100 and sample.depth[1, 0] == 40
    assert np.isnan(sample.depth[0, 1:3]).all() and not sample.valid[0, 1:3].any()
    assert sample.valid[0, 0] and not sample.evaluated[0, 0], "100 m is beyond the 80 m that count"
    assert sample.focal_times_baseline == 500 and sample.disparity[1, 0] == 12.5
    assert sample.intrinsics == Intrinsics(1000.0, 1000.0, 16.0, 12.0) and sample.sky is None


def test_a_scene_alone_is_a_data_set(scene):
    assert UnrealStereo4K(scene).entries[0].name == "Image0/00007"


def test_a_raw_picture_is_blue_green_red(scene, write):
    pixels = np.zeros((2160, 3840, 3), np.uint8)
    pixels[0, 0] = 1, 2, 3
    write(scene / "Image0" / "00007.raw", pixels.tobytes())
    write(scene / "Disp0" / "00007.npy", np.full((2160, 3840), 100, np.float32))
    sample = UnrealStereo4K(scene)[0]
    assert sample.photo.pixels[0, 0].tolist() == [3, 2, 1] and sample.size == (2160, 3840)


def test_the_small_copys_jpeg(scene):
    Image.new("RGB", (32, 24)).save(scene / "Image0" / "00007.jpg")
    (scene / "Image0" / "00007.png").unlink()
    assert UnrealStereo4K(scene)[0].source.suffix == ".jpg"
