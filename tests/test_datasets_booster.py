"""Booster from files of its own format."""

import numpy as np
import pytest
from PIL import Image

from patchwrap.datasets import Booster
from patchwrap.errors import ImageError
from patchwrap.intrinsics import Intrinsics

CALIBRATION = """<?xml version="1.0"?>
<opencv_storage>
<proj_matL type_id="opencv-matrix">
  <rows>3</rows><cols>4</cols><dt>d</dt>
  <data>4000. 0. 2055.5 0. 0. 4000. 1503.5 0. 0. 0. 1. 0.</data></proj_matL>
<baselineLR>{baseline}</baselineLR>
</opencv_storage>
"""
MATRIX = '<rows>1</rows><cols>1</cols><dt>d</dt><data>80.</data>'


@pytest.fixture
def scene(tmp_path, paint, write):
    disparity = np.full((24, 32), 160, np.float32)
    disparity[0, 0] = 0
    scene = tmp_path / "train" / "balanced" / "Bottle"
    for name in ("im0", "im1"):
        paint(scene / "camera_00" / f"{name}.png")
    write(scene / "disp_00.npy", disparity)
    write(scene / "calib_00-02.xml", CALIBRATION.format(baseline="80."))
    category = np.zeros((24, 32), np.uint8)
    category[:, 16:] = 3
    Image.fromarray(category).save(scene / "mask_cat.png")
    return scene


@pytest.mark.parametrize("baseline", ["80.", MATRIX])
def test_depth_by_the_baseline_in_millimetres(scene, write, baseline):
    write(scene / "calib_00-02.xml", CALIBRATION.format(baseline=baseline))
    data = Booster(scene.parents[2])
    assert [entry.name for entry in data.entries] == ["Bottle/im0", "Bottle/im1"]
    sample = data[1]
    # 4000 * .08 / 160
    assert sample.depth[5, 5] == 2 and np.isnan(sample.depth[0, 0])
    assert sample.focal_times_baseline == pytest.approx(320) and sample.disparity[5, 5] == 160
    assert sample.intrinsics == Intrinsics(4000.0, 4000.0, 2056.0, 1504.0)


def test_materials_can_be_left_out(scene):
    assert Booster(scene)[0].valid.sum() == 24 * 32 - 1
    assert Booster(scene, categories=(3,))[0].valid[:, 16:].all()
    assert Booster(scene, categories=(3,))[0].valid.sum() == 24 * 16


def test_a_calibration_without_baseline_is_told(scene, write):
    write(scene / "calib_00-02.xml", CALIBRATION.replace("baselineLR", "other").format(baseline=1))
    with pytest.raises(ImageError, match=r"Bottle/im0: .*calib_00-02.xml'.* no baselineLR"):
        Booster(scene)[0]
    write(scene / "calib_00-02.xml", "<torn")
    with pytest.raises(ImageError, match="cannot be read"):
        Booster(scene)[0]
