"""Hypersim: rendered rooms (Roberts et al., ICCV 2021, arXiv 2011.02523)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from patchwrap.datasets.dataset import DepthDataset, as_depth, at_depths
from patchwrap.datasets.depth_file import read_codes
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.optional import reader
from patchwrap.intrinsics import Intrinsics
from patchwrap.tiling import Size
from patchwrap.types import Values

FOCAL, WIDTH = 886.81, 1024
"""Focal length in pixels at this width."""


class Hypersim(DepthDataset):
    """``ai_001_001/images/scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5`` with the preview picture.

    The files hold the distance from the camera's centre, which is converted to z-depth; NaN is unknown. The picture is
    ``scene_cam_00_final_preview/frame.0000.tonemap.jpg``. The output of Marigold's
    scripts (arXiv 2312.02145) can be read as well: ``rgb_cam_00_fr0000.png`` with ``depth_plane_cam_00_fr0000.png``,
    z-depth in millimetres. Evaluated below 65 m, where Marigold clips it.
    """

    kind = "hypersim"
    patterns = (
        *at_depths("images/scene_cam_*_geometry_hdf5/frame.*.depth_meters.hdf5", 2),
        *at_depths("depth_plane_cam_*_fr*.png", 2),
    )
    expected_files = (
        "ai_*/images/scene_cam_00_geometry_hdf5/frame.0000.depth_meters.hdf5 and "
        "scene_cam_00_final_preview/frame.0000.tonemap.jpg"
    )
    limits = (1e-3, 65.0)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a depth map."""
        if path.suffix == ".png":
            image = path.with_name(path.name.replace("depth_plane", "rgb"))
        else:
            preview = path.parent.name.replace("geometry_hdf5", "final_preview")
            image = path.parent.with_name(preview) / path.name.replace("depth_meters.hdf5", "tonemap.jpg")
        if image.exists():
            yield Entry(self.sample_name(image), image, path)

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Z-depth in metres from either kind of file."""
        if path.suffix == ".png":
            return as_depth(read_codes(path) / np.float32(1000))
        with reader(".hdf5").File(path) as file:
            distance = file["dataset"][()].astype(np.float64)
        return as_depth(along_axis(distance, self.intrinsics(entry, size)))

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics:
        """Pinhole parameters of the only camera, at the picture's size."""
        focal = FOCAL * size[1] / WIDTH
        return Intrinsics(focal, focal, size[1] / 2, size[0] / 2)


def along_axis(
    distance: Float[np.ndarray, "height width"], camera: Intrinsics
) -> Float[np.ndarray, "height width"]:
    """Convert distances from the camera's centre to z-depth, ``distance f / sqrt(x^2 + y^2 + f^2)``.

    Args:
        distance: along each pixel's ray.
        camera: pinhole parameters in these pixels, which must be square.
    """
    rows, columns = (np.arange(n) + 0.5 for n in distance.shape)
    x, y = columns - camera.cx, (rows - camera.cy)[:, None]
    return distance * camera.fx / np.sqrt(x**2 + y**2 + camera.fx**2)
