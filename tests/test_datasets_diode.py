"""DIODE from files of its own format."""

import numpy as np
import pytest

from patchwrap.datasets import Diode
from patchwrap.errors import ImageError


def test_the_mask_tells_what_is_known(tmp_path, paint, write):
    scan = tmp_path / "val" / "indoors" / "scene_00019" / "scan_00183"
    depth = np.full((24, 32, 1), 7.25, np.float32)
    depth[0, :4, 0] = 0.5, 351, 0, 0.7
    mask = np.ones((24, 32))
    mask[1] = 0
    paint(scan / "00019_00183_indoors_000_010.png")
    write(scan / "00019_00183_indoors_000_010_depth.npy", depth)
    write(scan / "00019_00183_indoors_000_010_depth_mask.npy", mask)
    sample = Diode(tmp_path)[0]
    assert sample.name == "val/indoors/scene_00019/scan_00183/00019_00183_indoors_000_010"
    assert sample.depth.shape == (24, 32) and sample.depth[2, 2] == 7.25
    assert np.isnan(sample.depth[1]).all() and np.isnan(sample.depth[0, 2])
    assert sample.evaluated[0, :4].tolist() == [False, False, False, True]
    write(scan / "00019_00183_indoors_000_010_depth_mask.npy", np.zeros((24, 32)))
    with pytest.raises(ImageError, match=r"no pixel that counts: none with a depth from 0\.6 to 350"):
        Diode(tmp_path)[0]
    (scan / "00019_00183_indoors_000_010_depth.npy").unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        Diode(tmp_path)[0]
