"""Hypersim from files of its own format."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from patchwrap.datasets import Hypersim
from patchwrap.datasets.hypersim import along_axis
from patchwrap.errors import ImageError
from patchwrap.intrinsics import Intrinsics


@pytest.fixture
def scene(tmp_path, paint):
    """Everything 10 m from the camera's centre."""
    images = tmp_path / "ai_001_002" / "images"
    paint(images / "scene_cam_00_final_preview" / "frame.0004.tonemap.jpg", (768, 1024))
    distance = np.full((768, 1024), 10, np.float16)
    distance[0, 0] = np.nan
    (images / "scene_cam_00_geometry_hdf5").mkdir()
    with h5py.File(images / "scene_cam_00_geometry_hdf5" / "frame.0004.depth_meters.hdf5", "w") as file:
        file["dataset"] = distance
    return tmp_path / "ai_001_002"


def test_distance_becomes_depth(scene):
    sample = Hypersim(scene.parent)[0]
    assert sample.name == "ai_001_002/images/scene_cam_00_final_preview/frame.0004.tonemap"
    assert sample.intrinsics == Intrinsics(886.81, 886.81, 512.0, 384.0)
    # Beside the middle half a pixel is nothing; at the corner 10 * 886.81 / sqrt(511.5^2 + 383.5^2 + 886.81^2).
    assert sample.depth[384, 512] == pytest.approx(10, abs=1e-5)
    assert sample.depth[767, 1023] == pytest.approx(8.1119, abs=1e-4)
    assert sample.depth[0, 1023] == sample.depth[767, 0] == sample.depth[767, 1023]
    assert np.isnan(sample.depth[0, 0]) and sample.limits[1] == 65


@given(depth=some.floats(0.1, 60), row=some.integers(0, 15), column=some.integers(0, 19), focal=some.floats(8, 90))
def test_a_wall_across_the_axis_is_flat(depth, row, column, focal):
    camera = Intrinsics(focal, focal, 9.3, 7.1)
    y, x = np.meshgrid(np.arange(16) + 0.5 - camera.cy, np.arange(20) + 0.5 - camera.cx, indexing="ij")
    distance = depth * np.linalg.norm(np.stack([x / focal, y / focal, np.ones_like(x)]), axis=0)
    assert along_axis(distance, camera)[row, column] == pytest.approx(depth)


def test_what_marigolds_scripts_make_of_it(tmp_path, paint, write):
    paint(tmp_path / "ai_001_002" / "rgb_cam_00_fr0004.png")
    write(tmp_path / "ai_001_002" / "depth_plane_cam_00_fr0004.png", np.r_[[[65000] * 32], np.full((23, 32), 64000)])
    sample = Hypersim(tmp_path)[0]
    assert sample.depth[0, 0] == 65 and sample.depth[1, 0] == 64
    # What is farther was clipped to 65 m.
    assert not sample.evaluated[0].any() and sample.evaluated[1:].all()


def test_a_damaged_file_is_named(scene):
    path = next(scene.rglob("*.hdf5"))
    path.write_bytes(b"torn")
    with pytest.raises(ImageError, match=r"depth_meters\.hdf5' cannot be read"):
        Hypersim(scene)[0]
    with h5py.File(path, "w") as file:
        file["other"] = np.ones((768, 1024))
    with pytest.raises(ImageError, match="dataset"):
        Hypersim(scene)[0]
