"""MPI Sintel from files of its own format."""

import struct

import numpy as np
import pytest

from patchwrap.datasets import Sintel
from patchwrap.errors import ImageError
from patchwrap.intrinsics import Intrinsics

DEPTH = np.arange(1, 24 * 32 + 1, dtype="<f4").reshape(24, 32)


@pytest.fixture
def training(tmp_path, paint, write):
    root = tmp_path / "training"
    paint(root / "final" / "alley_1" / "frame_0003.png")
    write(root / "depth" / "alley_1" / "frame_0003.dpt", struct.pack("<fii", 202021.25, 32, 24) + DEPTH.tobytes())
    camera = np.array([[1120.0, 0, 511.5], [0, 1121.0, 217.5], [0, 0, 1]])
    content = struct.pack("<f", 202021.25) + camera.tobytes() + np.eye(3, 4).tobytes()
    write(root / "camdata_left" / "alley_1" / "frame_0003.cam", content)
    return root


def test_tag_width_height_numbers(training):
    sample = Sintel(training.parent)[0]
    assert sample.name == "alley_1/frame_0003" and sample.sky is None
    np.testing.assert_array_equal(sample.depth, DEPTH)
    assert sample.intrinsics == Intrinsics(1120.0, 1121.0, 512.0, 218.0)
    (training / "camdata_left" / "alley_1" / "frame_0003.cam").unlink()
    assert Sintel(training)[0].intrinsics is None


def test_the_clean_rendering_can_be_chosen(training, paint):
    paint(training / "clean" / "alley_1" / "frame_0003.png")
    assert Sintel(training)[0].source.parts[-3] == "final"
    assert Sintel(training, rendering="clean")[0].source.parts[-3] == "clean"


@pytest.mark.parametrize("content", [struct.pack("<fii", 1.5, 32, 24) + DEPTH.tobytes(), b"", bytes(20)])
def test_another_file_is_refused(training, write, content):
    write(training / "depth" / "alley_1" / "frame_0003.dpt", content)
    with pytest.raises(ImageError, match=r"frame_0003\.dpt"):
        Sintel(training)[0]


def test_a_file_that_ends_early_is_refused(training, write):
    write(training / "depth" / "alley_1" / "frame_0003.dpt", struct.pack("<fii", 202021.25, 32, 24) + bytes(400))
    with pytest.raises(ImageError, match="cannot be read"):
        Sintel(training)[0]
