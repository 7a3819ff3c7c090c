"""iBims-1 from files of its own formats."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from patchwrap.datasets import Ibims1
from patchwrap.errors import ImageError
from patchwrap.intrinsics import Intrinsics

INVALID, TRANSPARENT, EDGES = (np.ones((24, 32), np.uint8) for _ in range(3))
INVALID[0], TRANSPARENT[1], EDGES[:, :31] = 0, 0, 0


def test_pictures_masks_and_codes(tmp_path, paint, write):
    codes = np.full((24, 32), 13107)
    codes[2, 2:4] = 0, 65535
    write(tmp_path / "imagelist.txt", "corridor_01\noffice_02\n")
    paint(tmp_path / "rgb" / "corridor_01.png")
    write(tmp_path / "depth" / "corridor_01.png", codes)
    for folder, mask in (("mask_invalid", INVALID), ("mask_transp", TRANSPARENT), ("edges", EDGES)):
        (tmp_path / folder).mkdir()
        Image.fromarray(mask * 255).save(tmp_path / folder / "corridor_01.png")
    data = Ibims1(tmp_path)
    assert [entry.name for entry in data.entries] == ["corridor_01"], "what is listed but not there is no sample"
    sample = data[0]
    # 13107 is a fifth of 65535, and that is 50 m.
    assert sample.depth[5, 5] == 10 and sample.depth[2, 3] == 50
    assert np.isnan(sample.depth[:2]).all() and np.isnan(sample.depth[2, 2])
    assert sample.valid.sum() == 22 * 32 - 1 and sample.edges.sum() == 24 and sample.intrinsics is None
    write(tmp_path / "calib" / "corridor_01.txt", "550.4, 549.1, 320.5, 240.5")
    assert data[0].intrinsics == Intrinsics(550.4, 549.1, 320.5, 240.5)
    (tmp_path / "edges" / "corridor_01.png").unlink()
    assert data[0].edges is None


def test_one_file_with_everything(tmp_path):
    colour = np.zeros((24, 32, 3), np.uint8)
    colour[0, 0] = 9, 8, 7
    data = {
        "rgb": colour,
        "depth": np.full((24, 32), 3.5),
        "mask_invalid": INVALID,
        "mask_transp": TRANSPARENT,
        "edges": EDGES,
        "calib": np.array([[550.0, 0, 0], [0, 549.0, 0], [320.0, 240.0, 1]]),
    }
    savemat(tmp_path / "corridor_01.mat", {"data": data})
    sample = Ibims1(tmp_path)[0]
    assert sample.name == "corridor_01" and sample.photo.pixels[0, 0].tolist() == [9, 8, 7]
    assert sample.depth[5, 5] == 3.5 and sample.valid.sum() == 22 * 32 and sample.edges.sum() == 24
    assert sample.intrinsics == Intrinsics(550.0, 549.0, 320.0, 240.0)


@pytest.mark.parametrize("content", [b"torn", b""])
def test_a_damaged_file_is_named(tmp_path, write, content):
    write(tmp_path / "corridor_01.mat", content)
    with pytest.raises(ImageError, match=r"corridor_01\.mat' cannot be read"):
        Ibims1(tmp_path)[0]


def test_data_that_is_no_structure_is_named(tmp_path):
    savemat(tmp_path / "corridor_01.mat", {"data": np.arange(3.0)})
    with pytest.raises(ImageError, match=r"corridor_01\.mat' cannot be read"):
        Ibims1(tmp_path)[0]


def test_damaged_compressed_numbers_are_named(tmp_path):
    path = tmp_path / "corridor_01.mat"
    savemat(path, {"data": {"depth": np.arange(9999.0)}}, do_compression=True)
    whole = bytearray(path.read_bytes())
    whole[400:430] = b"\xff" * 30
    path.write_bytes(whole)
    with pytest.raises(ImageError, match=r"corridor_01\.mat' cannot be read"):
        Ibims1(tmp_path)[0]
