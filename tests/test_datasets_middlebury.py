"""Middlebury 2014 from files of its own format."""

import numpy as np
import pytest

from patchwrap.datasets import Middlebury2014
from patchwrap.intrinsics import Intrinsics

CALIBRATION = """cam0=[4000.5 0 1300.25; 0 4000.5 990.75; 0 0 1]
cam1=[4000.5 0 1400.25; 0 4000.5 990.75; 0 0 1]
doffs=100
baseline=200
width=32
height=24
ndisp=290
"""


def pfm(disparity):
    return b"Pf\n%d %d\n-1.0\n" % disparity.shape[::-1] + disparity[::-1].astype("<f4").tobytes()


@pytest.fixture
def scene(tmp_path, paint, write):
    disparity = np.full((24, 32), 100.0)
    disparity[0, 0], disparity[23, 0], disparity[1, 1] = 300, np.inf, 20
    root = tmp_path / "Piano-perfect"
    paint(root / "im0.png")
    write(root / "disp0.pfm", pfm(disparity))
    write(root / "calib.txt", CALIBRATION)
    return root


def test_depth_counts_the_offset_and_the_baseline_is_in_millimetres(scene):
    sample = Middlebury2014(scene.parent)[0]
    assert sample.name == "Piano-perfect"
    # .2 m * 4000.5 / (100 + 100)
    assert sample.depth[5, 5] == np.float32(4.0005)
    assert sample.depth[0, 0] == np.float32(0.2 * 4000.5 / 400), "the file begins with the lowest row"
    assert np.isnan(sample.depth[23, 0]) and sample.valid.sum() == 24 * 32 - 1
    assert sample.depth[1, 1] == np.float32(0.2 * 4000.5 / 120) and sample.evaluated[1, 1]
    assert sample.intrinsics == Intrinsics(4000.5, 4000.5, 1300.75, 991.25)
    assert sample.focal_times_baseline == pytest.approx(0.2 * 4000.5)
    assert sample.disparity[0, 0] - sample.disparity[5, 5] == pytest.approx(200), "the offset is no step"
    assert sample.crop is None and sample.limits[1] == 10


def test_the_lines_order_does_not_matter_and_a_scene_alone_has_its_name(scene, write):
    write(scene / "calib.txt", "\n".join(reversed(CALIBRATION.splitlines())))
    sample = Middlebury2014(scene)[0]
    assert sample.name == "Piano-perfect" and sample.depth[5, 5] == np.float32(4.0005)


def test_of_large_pictures_the_middle_is_the_picture(tmp_path, paint, write):
    paint(tmp_path / "im0.png", (1988, 2964))
    disparity = np.full((1988, 2964), 100.0)
    disparity[74, 332], disparity[73, 332] = 300, 700
    write(tmp_path / "disp0.pfm", pfm(disparity))
    write(tmp_path / "calib.txt", CALIBRATION)
    sample = Middlebury2014(tmp_path)[0]
    assert sample.size == (1840, 2300) and sample.crop is None and sample.evaluated.all()
    assert sample.depth[0, 0] == np.float32(0.2 * 4000.5 / 400) and sample.depth[5, 5] == np.float32(4.0005)
    assert sample.intrinsics == Intrinsics(4000.5, 4000.5, 1300.75 - 332, 991.25 - 74)
