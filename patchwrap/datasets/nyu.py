"""NYU Depth v2: rooms seen by a Kinect (Silberman et al., ECCV 2012)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from patchwrap.datasets.dataset import DepthDataset, as_depth, at_depths
from patchwrap.datasets.depth_file import read_codes
from patchwrap.datasets.entry import Entry
from patchwrap.intrinsics import Intrinsics
from patchwrap.tiling import Size, Tile
from patchwrap.types import Values

SIZE = (480, 640)
CAMERA = Intrinsics(518.857901, 519.469611, 325.582449 - 0.5, 253.736166 - 0.5)
"""Of the toolbox's ``camera_params.m``, whose first pixel's centre is at (1, 1)."""

EIGEN = Tile(45, 41, 471 - 45, 601 - 41)
"""The evaluation crop of Eigen et al. (arXiv 1406.2283)."""


class NyuV2(DepthDataset):
    """``SCENE/rgb_00045.jpg`` or ``.png`` with ``sync_depth_00045.png`` or ``depth_00045.png``: 16 bits, millimetres.

    0 is unknown. Evaluated below 10 m inside Eigen's crop.
    """

    kind = "nyuv2"
    patterns = (*at_depths("sync_depth_*.png", 2), *at_depths("depth_[0-9]*.png", 2))
    expected_files = "SCENE/rgb_00000.png or .jpg and sync_depth_00000.png or depth_00000.png"
    limits = (1e-3, 10.0)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a depth map."""
        number = path.stem.rpartition("_")[2]
        images = (path.with_name(f"rgb_{number}{ending}") for ending in (".png", ".jpg"))
        if image := next((one for one in images if one.exists()), None):
            yield Entry(self.sample_name(image), image, path)

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth in metres from codes of a millimetre."""
        return as_depth(read_codes(path) / np.float32(1000))

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Pinhole parameters of the only camera, for pictures of its size."""
        return CAMERA if size == SIZE else None

    def crop(self, size: Size) -> Tile | None:
        """Eigen's, for pictures of the camera's size."""
        return EIGEN if size == SIZE else None
