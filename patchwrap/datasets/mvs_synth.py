"""MVS-Synth: streets of a video game (Huang et al., DeepMVS, arXiv 1804.00650)."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from patchwrap.datasets.dataset import DepthDataset, as_depth, at_depths
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.optional import reader
from patchwrap.intrinsics import Intrinsics
from patchwrap.tiling import Size
from patchwrap.types import Mask, Values

SMALL_WIDTH, FULL_WIDTH = 810, 1920
"""Widths of the pictures of GTAV_540 and GTAV_1080; both store the focal length for the latter."""


class MvsSynth(DepthDataset):
    """``GTAV_1080/SCENE/images/0000.png`` with ``depths/0000.exr`` and ``poses/0000.json``.

    The sky is inf. The authors do not state a unit; it is a tenth of a metre (``depth_unit`` in MoGe's
    ``configs/train/v2.json``). Evaluated below 80 m (PatchFusion, arXiv 2312.02284).

    Args:
        folder: ``GTAV_1080``, what contains it, or a scene.
        unit: metres per unit of the files; PatchFusion's own copy needs 1 / 256.
    """

    kind = "mvssynth"
    patterns = at_depths("depths/*.exr", 2)
    expected_files = "SCENE/images/0000.png, depths/0000.exr and poses/0000.json"
    limits = (1e-3, 80.0)

    def __init__(self, folder: str | Path, *, split: str | Path | None = None, unit: float = 0.1) -> None:
        super().__init__(folder, split=split)
        self.unit = unit

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a depth map."""
        scene = path.parent.parent
        image = scene / "images" / f"{path.stem}.png"
        if image.exists():
            yield Entry(self.sample_name(image), image, path, (scene / "poses" / f"{path.stem}.json",))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth in metres from the files' unit."""
        return as_depth(_first_channel(path) * np.float32(self.unit), beyond=np.inf)

    def sky(self, entry: Entry, depth: Values) -> Mask:
        """Where depth is infinite."""
        return np.isinf(depth)

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Pinhole parameters from the pose file, if there is one."""
        if not entry.others[0].exists():
            return None
        pose = json.loads(entry.others[0].read_text())
        fx, fy, cx, cy = (float(pose[name]) for name in ("f_x", "f_y", "c_x", "c_y"))
        return Intrinsics(fx * SMALL_WIDTH / FULL_WIDTH if size[1] == SMALL_WIDTH else fx, fy, cx, cy)


def _first_channel(path: Path) -> np.ndarray:
    """The first channel of an EXR file by name; ``A``, opacity, only if it is the only one."""
    channels = reader(".exr").File(str(path), separate_channels=True).channels()
    name = min(channels, key=lambda name: (name == "A", name))
    return channels[name].pixels.astype(np.float32)
