"""Depth in files of general use, and what is said of damaged ones."""

import numpy as np
import pytest
from PIL import Image

from patchwrap.datasets.depth_file import read_depth, read_mask
from patchwrap.errors import ImageError

DEPTH = np.linspace(1, 9, 48 * 64, dtype=np.float32).reshape(48, 64)


def damage(path):
    """Write a compressed archive and spoil it in the middle."""
    np.savez_compressed(path, depth=DEPTH)
    whole = bytearray(path.read_bytes())
    whole[80:110] = b"\xff" * 30
    path.write_bytes(whole)


@pytest.mark.parametrize(
    "name, write, words",
    [
        ("x.npy", lambda path: path.write_bytes(b"torn"), "cannot be read as depth"),
        ("x.npz", lambda path: path.write_bytes(b"PK\x03\x04torn"), "cannot be read as depth"),
        ("x.npz", damage, "cannot be read as depth: Error -3"),
        ("x.npz", lambda path: np.savez(path, a=DEPTH, b=DEPTH), "name its array"),
        ("x.npy", lambda path: np.save(path, DEPTH[0]), r"shape \(64,\)"),
        ("x.npy", lambda path: np.save(path, np.array([[{}]])), "cannot be read as depth"),
        ("x_depth.png", lambda path: Image.new("L", (64, 48)).save(path), "8 bits"),
        ("x.npy", lambda path: None, "cannot be read as depth"),
    ],
)
def test_depth_that_cannot_be_read(tmp_path, name, write, words):
    write(tmp_path / name)
    with pytest.raises(ImageError, match=words):
        read_depth(tmp_path / name)


def test_a_mask_is_true_where_it_is_not_black(tmp_path):
    codes = np.zeros((16, 20), np.uint8)
    codes[3, 4:7] = 1, 128, 255
    Image.fromarray(codes).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), codes > 0)
