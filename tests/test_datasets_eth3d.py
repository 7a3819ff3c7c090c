"""ETH3D from files of its own format."""

import numpy as np
import pytest
from PIL import Image

from patchwrap.datasets import Eth3d
from patchwrap.errors import ImageError

DEPTH = np.arange(1, 24 * 32 + 1, dtype="<f4").reshape(24, 32)


@pytest.fixture
def scene(tmp_path, paint, write):
    paint(tmp_path / "pipes" / "images" / "dslr_images" / "DSC_0635.JPG")
    depth = DEPTH.copy()
    depth[0, 0] = np.inf
    write(tmp_path / "pipes" / "ground_truth_depth" / "dslr_images" / "DSC_0635.JPG", depth.tobytes())
    return tmp_path / "pipes"


def test_depth_is_bare_floats_and_infinity_unknown(scene):
    sample = Eth3d(scene.parent)[0]
    assert sample.name == "pipes/DSC_0635" and sample.size == (24, 32)
    np.testing.assert_array_equal(sample.depth[1:], DEPTH[1:])
    assert np.isnan(sample.depth[0, 0]) and sample.valid.sum() == 24 * 32 - 1 and sample.sky is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_has_turned_depth(scene, orientation):
    """Pillow's own turning of a picture that shows the same numbers is what is right."""
    path = scene / "images" / "dslr_images" / "DSC_0635.JPG"
    exif = Image.Exif()
    exif[0x0112] = orientation
    codes = (np.arange(24)[:, None] * 5 + np.arange(32)[None] * 4).astype(np.uint8)
    Image.fromarray(codes).convert("RGB").save(path, quality=100, exif=exif)
    write = scene / "ground_truth_depth" / "dslr_images" / "DSC_0635.JPG"
    write.write_bytes((codes + 1.0).astype("<f4").tobytes())
    sample = Eth3d(scene)[0]
    assert sample.size == ((24, 32) if orientation < 5 else (32, 24))
    np.testing.assert_allclose(sample.photo.pixels[..., 0] + 1.0, sample.depth, atol=4)


def test_another_size_is_named(scene):
    (scene / "ground_truth_depth" / "dslr_images" / "DSC_0635.JPG").write_bytes(bytes(40))
    with pytest.raises(ImageError, match="holds 10 numbers; its picture has 32x24 pixels"):
        Eth3d(scene)[0]
