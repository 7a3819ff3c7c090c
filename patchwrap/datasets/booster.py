"""Booster: indoor stereo with mirrors and glass (Zama Ramirez et al., CVPR 2022, arXiv 2206.04671)."""

from collections.abc import Collection, Iterable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from patchwrap.datasets.dataset import DepthDataset, at_depths
from patchwrap.datasets.disparity import metres
from patchwrap.datasets.entry import Entry
from patchwrap.intrinsics import Intrinsics
from patchwrap.io import read_image
from patchwrap.tiling import Size
from patchwrap.types import Values

CATEGORIES = (0, 1, 2, 3)
"""Categories of materials, from 0 (dull) to 3 (transparent or a mirror)."""


class Booster(DepthDataset):
    """``train/balanced/SCENE/camera_00/*.png`` with ``SCENE/disp_00.npy`` and ``calib_00-02.xml``.

    Depth is f baselineLR / disparity, the baseline in millimetres, f the first number of ``proj_matL``; disparity 0
    is unknown. All pictures of a scene show it in different light and share its depth.

    Args:
        folder: of the data set, of a part or of a scene.
        categories: of ``mask_cat.png`` whose depth is used, see ``CATEGORIES``.
    """

    kind = "booster"
    patterns = at_depths("disp_00.npy", 3)
    expected_files = "SCENE/camera_00/*.png, disp_00.npy and calib_00-02.xml"

    def __init__(
        self, folder: str | Path, *, split: str | Path | None = None, categories: Collection[int] = CATEGORIES
    ) -> None:
        super().__init__(folder, split=split)
        self.categories = frozenset(categories)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """All pictures of the scene of a disparity map."""
        scene = path.parent
        others = (scene / "calib_00-02.xml", scene / "mask_cat.png")
        for image in sorted((scene / "camera_00").glob("*.png")):
            yield Entry(f"{scene.resolve().name}/{image.stem}", image, path, others)

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth from disparity; unknown on materials that are left out."""
        depth = metres(np.load(path), self.focal_times_baseline(entry, size))
        if self.categories >= set(CATEGORIES):
            return depth
        category = read_image(entry.others[1]).pixels[..., 0]
        return np.where(np.isin(category, list(self.categories)), depth, np.float32(np.nan))

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics:
        """Pinhole parameters of the rectified left camera."""
        row = _calibration(entry.others[0])[0]
        return Intrinsics(row[0], row[5], row[2] + 0.5, row[6] + 0.5)

    def focal_times_baseline(self, entry: Entry, size: Size) -> float:
        """Focal length times baseline of the balanced pair."""
        projection, baseline = _calibration(entry.others[0])
        return projection[0] * baseline / 1000


def _calibration(path: Path) -> tuple[list[float], float]:
    """The left projection matrix row by row, and the baseline in millimetres."""
    root = ElementTree.parse(path).getroot()
    return _numbers(root, "proj_matL"), _numbers(root, "baselineLR")[0]


def _numbers(root: ElementTree.Element, name: str) -> list[float]:
    """A number or a matrix as OpenCV stores it in XML."""
    text = root.findtext(f"{name}/data") or root.findtext(name)
    if not text or not text.strip():
        raise ValueError(f"no {name} in it")
    return [float(word) for word in text.split()]
