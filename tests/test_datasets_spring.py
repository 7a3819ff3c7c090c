"""Spring from files of its own format."""

import h5py
import numpy as np

from patchwrap.datasets import Spring
from patchwrap.intrinsics import Intrinsics


def test_every_second_disparity_by_the_frames_focal_length(tmp_path, paint, write):
    sequence = tmp_path / "train" / "0001"
    disparity = np.full((48, 64), 99, np.float32)
    disparity[::2, ::2] = 13
    disparity[0, :6:2] = 0, np.nan, 26
    paint(sequence / "frame_left" / "frame_left_0002.png")
    write(sequence / "cam_data" / "intrinsics.txt", "1 1 1 1\n2000 2010 960 540\n")
    (sequence / "disp1_left").mkdir()
    with h5py.File(sequence / "disp1_left" / "disp1_left_0002.dsp5", "w") as file:
        file["disparity"] = disparity
    sample = Spring(tmp_path)[0]
    assert sample.name == "train/0001/frame_left/frame_left_0002"
    # 2000 * .065 / 13
    np.testing.assert_array_equal(sample.depth[1:], np.float32(10))
    assert np.isnan(sample.depth[0, :2]).all() and sample.depth[0, 2] == 5
    assert sample.focal_times_baseline == 130
    assert sample.intrinsics == Intrinsics(2000.0, 2010.0, 960.0, 540.0)
