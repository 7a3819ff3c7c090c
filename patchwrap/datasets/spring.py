"""Spring: an animated film at 1920x1080 with finer depth (Mehl et al., CVPR 2023, arXiv 2303.01943)."""

from collections.abc import Iterable
from pathlib import Path

from patchwrap.datasets.dataset import DepthDataset, levels
from patchwrap.datasets.disparity import metres
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.optional import reader
from patchwrap.scenes import Intrinsics
from patchwrap.tiling import Size
from patchwrap.types import Values

BASELINE = 0.065
"""Metres."""


class Spring(DepthDataset):
    """``train/0001/frame_left/frame_left_0001.png`` with ``disp1_left/disp1_left_0001.dsp5`` (HDF5 ``disparity``).

    Disparity is sampled twice as finely as the picture; every second number of every second row is taken. Depth is
    fx .065 / disparity, fx from the frame's line of ``cam_data/intrinsics.txt``. Only the training part has depth.
    """

    kind = "spring"
    signs = levels("disp1_left/disp1_left_*.dsp5", 2)
    wanted = "SEQUENCE/frame_left/frame_left_0001.png, disp1_left/disp1_left_0001.dsp5 and cam_data/intrinsics.txt"

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a disparity map."""
        sequence, number = path.parents[1], path.stem.rpartition("_")[2]
        image = sequence / "frame_left" / f"frame_left_{number}.png"
        if image.exists():
            yield Entry(self.called(image), image, path, (sequence / "cam_data" / "intrinsics.txt",))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """From disparity, at the picture's pixels."""
        with reader(".dsp5").File(path) as file:
            disparity = file["disparity"][()]
        step = max(1, disparity.shape[0] // size[0])
        return metres(disparity[::step, ::step], self.rig(entry, size))

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics:
        """Of the frame's line."""
        lines = entry.others[0].read_text().splitlines()
        number = int(entry.image.stem.rpartition("_")[2])
        return Intrinsics(*map(float, lines[number - 1].split()[:4]))

    def rig(self, entry: Entry, size: Size) -> float:
        """Of the film's cameras."""
        return self.intrinsics(entry, size).fx * BASELINE
