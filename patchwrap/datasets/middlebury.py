"""Middlebury 2014: high-resolution indoor stereo (Scharstein et al., GCPR 2014, vision.middlebury.edu/stereo)."""

import re
from collections.abc import Iterable
from pathlib import Path

from patchwrap.datasets.dataset import DepthDataset, at_depths
from patchwrap.datasets.disparity import metres, read_pfm
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.sample import Sample
from patchwrap.intrinsics import Intrinsics
from patchwrap.tiling import Size, Tile
from patchwrap.types import Values

CROP = (1840, 2300)
"""``(height, width)`` of the centre to which PatchFusion crops larger pictures."""


class Middlebury2014(DepthDataset):
    """``SCENE-perfect/im0.png`` with ``disp0.pfm`` and ``calib.txt``.

    Depth is baseline f / (disparity + doffs), the baseline in millimetres; infinite disparity is unknown. Evaluated
    below 10 m; larger pictures are cropped to their central 2300x1840 pixels (PatchFusion, arXiv 2312.02284).
    """

    kind = "middlebury2014"
    patterns = at_depths("disp0.pfm", 2)
    expected_files = "SCENE/im0.png, disp0.pfm and calib.txt"
    limits = (1e-3, 10.0)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The scene's left picture."""
        scene = path.parent
        if (scene / "im0.png").exists():
            yield Entry(scene.resolve().name, scene / "im0.png", path, (scene / "calib.txt",))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth from disparity."""
        return metres(read_pfm(path), self.focal_times_baseline(entry, size), _calibration(entry.others[0])["doffs"][0])

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics:
        """Pinhole parameters of the left camera."""
        camera = _calibration(entry.others[0])["cam0"]
        return Intrinsics(camera[0], camera[4], camera[2] + 0.5, camera[5] + 0.5)

    def focal_times_baseline(self, entry: Entry, size: Size) -> float:
        """Focal length times baseline of the two cameras."""
        calibration = _calibration(entry.others[0])
        return calibration["cam0"][0] * calibration["baseline"][0] / 1000

    def read(self, entry: Entry) -> Sample:
        """Read a sample, cropped as in PatchFusion."""
        sample = super().read(entry)
        height, width = sample.size
        if height < CROP[0] or width < CROP[1]:
            return sample
        return sample.cut(Tile((height - CROP[0]) // 2, (width - CROP[1]) // 2, *CROP))


def _calibration(path: Path) -> dict[str, list[float]]:
    """The numbers of each line of ``calib.txt``, such as ``cam0=[f 0 cx; 0 f cy; 0 0 1]``."""
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name.strip(): [float(word) for word in re.split(r"[\s;\[\]]+", text) if word] for name, _, text in lines}
