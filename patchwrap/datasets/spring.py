"""Spring: an animated film at 1920x1080 with finer depth (Mehl et al., CVPR 2023, arXiv 2303.01943)."""

from collections.abc import Iterable
from pathlib import Path

from patchwrap.datasets.dataset import DepthDataset, at_depths
from patchwrap.datasets.disparity import metres
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.optional import reader
from patchwrap.intrinsics import Intrinsics
from patchwrap.tiling import Size
from patchwrap.types import Values

BASELINE = 0.065
"""Distance of the cameras in metres."""


class Spring(DepthDataset):
    """``train/0001/frame_left/frame_left_0001.png`` with ``disp1_left/disp1_left_0001.dsp5`` (HDF5 ``disparity``).

    Disparity has twice the picture's resolution; every second value of every second row is used. Depth is
    fx .065 / disparity, fx from the frame's line of ``cam_data/intrinsics.txt``. Only the training part has depth.
    """

    kind = "spring"
    patterns = at_depths("disp1_left/disp1_left_*.dsp5", 2)
    expected_files = (
        "SEQUENCE/frame_left/frame_left_0001.png, disp1_left/disp1_left_0001.dsp5 and cam_data/intrinsics.txt"
    )

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a disparity map."""
        sequence, number = path.parents[1], path.stem.rpartition("_")[2]
        image = sequence / "frame_left" / f"frame_left_{number}.png"
        if image.exists():
            yield Entry(self.sample_name(image), image, path, (sequence / "cam_data" / "intrinsics.txt",))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth from disparity, at the picture's pixels."""
        with reader(".dsp5").File(path) as file:
            disparity = file["disparity"][()]
        step = max(1, disparity.shape[0] // size[0])
        return metres(disparity[::step, ::step], self.focal_times_baseline(entry, size))

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics:
        """Pinhole parameters from the frame's line."""
        lines = entry.others[0].read_text().splitlines()
        number = int(entry.image.stem.rpartition("_")[2])
        return Intrinsics(*map(float, lines[number - 1].split()[:4]))

    def focal_times_baseline(self, entry: Entry, size: Size) -> float:
        """Focal length times baseline of the film's cameras."""
        return self.intrinsics(entry, size).fx * BASELINE
