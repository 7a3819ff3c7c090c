"""NYU Depth v2 from files of its own format."""

import numpy as np

from patchwrap.datasets import NyuV2


def test_codes_are_millimetres_counted_in_eigens_crop(tmp_path, paint, write):
    codes = np.full((480, 640), 2500)
    codes[100, 100], codes[101, 100], codes[102, 100] = 0, 9999, 10000
    paint(tmp_path / "bathroom" / "rgb_00045.jpg", (480, 640))
    write(tmp_path / "bathroom" / "sync_depth_00045.png", codes)
    sample = NyuV2(tmp_path)[0]
    assert sample.name == "bathroom/rgb_00045" and sample.depth[0, 0] == 2.5
    assert np.isnan(sample.depth[100, 100]) and sample.evaluated[101, 100] and not sample.evaluated[102, 100]
    assert sample.evaluated[45, 41] and sample.evaluated[470, 600]
    assert not sample.evaluated[44, 41] and not sample.evaluated[45, 40] and not sample.evaluated[471, 600]
    assert sample.evaluated.sum() == (471 - 45) * (601 - 41) - 2
    k = sample.intrinsics
    # The toolbox counts pixel centres from 1; here the first lies at 0.5.
    wanted = (518.857901, 519.469611, 325.582449 - 0.5, 253.736166 - 0.5)
    np.testing.assert_allclose((k.fx, k.fy, k.cx, k.cy), wanted, atol=1e-6)


def test_pictures_of_another_size_have_neither_crop_nor_camera(tmp_path, paint, write):
    paint(tmp_path / "rgb_0001.png")
    write(tmp_path / "depth_0001.png", np.full((24, 32), 1234))
    sample = NyuV2(tmp_path)[0]
    assert sample.crop is None and sample.intrinsics is None and sample.depth[0, 0] == np.float32(1.234)
