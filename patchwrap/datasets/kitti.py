"""KITTI: streets with laser depth (Geiger et al., IJRR 2013; Uhrig et al., arXiv 1708.06500)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from patchwrap.datasets.dataset import DepthDataset, as_depth, at_depths
from patchwrap.datasets.depth_file import read_codes
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.sample import Sample
from patchwrap.intrinsics import Intrinsics
from patchwrap.tiling import Size, Tile
from patchwrap.types import Values

STEP = 1 / 256
"""Metres per step of a depth PNG."""

BENCHMARK = (352, 1216)
GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
"""First and last row, first and last column of the evaluation crop as fractions (Garg et al., arXiv 1603.04992)."""


class Kitti(DepthDataset):
    """``proj_depth/groundtruth/image_02/X.png`` (16 bits, metres times 256, 0 unknown) with the raw data's pictures.

    Drives of depth may lie in the folder or up to two levels below it (``train/2011_09_26_drive_0001_sync``), the
    pictures in ``2011_09_26/2011_09_26_drive_0001_sync/image_02/data`` in the folder or in one beside it. The depth
    benchmark's ``val_selection_cropped`` can be read as well. Evaluated below 80 m inside Garg's crop; Eigen's list of
    697 pictures, 652 of which have depth, can be given as split.

    Args:
        folder: with depth and pictures.
        kb_crop: crop pictures to the 1216x352 pixels at the bottom centre, as the depth benchmark does.
    """

    kind = "kitti"
    patterns = (*at_depths("proj_depth/groundtruth/image_0[23]/*.png", 3), *at_depths("groundtruth_depth/*.png", 2))
    expected_files = (
        "DRIVE/proj_depth/groundtruth/image_02/X.png and DATE/DRIVE/image_02/data/X.png, or the benchmark's "
        "groundtruth_depth and image"
    )
    limits = (1e-3, 80.0)

    def __init__(self, folder: str | Path, *, split: str | Path | None = None, kb_crop: bool = True) -> None:
        self._dates: dict[Path, list[Path]] = {}
        place = Path(folder)
        # The folders above it are needed, which "." does not name.
        super().__init__(place.absolute() if place.is_dir() else place, split=split)
        self.kb_crop = kb_crop

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a depth map, if it is there."""
        selected = path.parent.name == "groundtruth_depth"
        for image, calibration in self._selected(path) if selected else self._driven(path):
            if image.exists():
                yield Entry(self.sample_name(image), image, path, (calibration,))
                return

    def sample_name(self, image: Path) -> str:
        """A picture's path below the folder; if the folder is a drive, below the folder of its date."""
        if image.is_relative_to(self.folder):
            return super().sample_name(image)
        return image.relative_to(image.parents[4]).with_suffix("").as_posix()

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth in metres from codes of 1/256 m."""
        return as_depth(read_codes(path) * np.float32(STEP))

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Pinhole parameters of the rectified camera, if its calibration is there."""
        path = entry.others[0]
        if not path.exists():
            return None
        if path.name != "calib_cam_to_cam.txt":
            fx, _, cx, _, fy, cy = map(float, path.read_text().split()[:6])
            return Intrinsics(fx, fy, cx + 0.5, cy + 0.5)
        camera = f"P_rect_{entry.image.parent.parent.name[-2:]}:"
        line = next(line for line in path.read_text().splitlines() if line.startswith(camera))
        row = [float(word) for word in line.split()[1:]]
        return Intrinsics(row[0], row[5], row[2] + 0.5, row[6] + 0.5)

    def read(self, entry: Entry) -> Sample:
        """Read a sample, cropped as in the benchmark."""
        sample = super().read(entry)
        if self.kb_crop and sample.size[0] >= BENCHMARK[0] and sample.size[1] >= BENCHMARK[1]:
            sample = sample.cut(_benchmark_part(sample.size))
        return replace(sample, crop=_garg(sample.size))

    def _driven(self, path: Path) -> Iterator[tuple[Path, Path]]:
        """Possible places of a drive's picture and calibration."""
        place = Path(path.parents[3].name) / path.parent.name / "data"
        if place not in self._dates:
            bases = [path.parents[4], self.folder, *sorted(path for path in self.folder.iterdir() if path.is_dir())]
            dates = [base / part for base in bases for part in (place.parts[0][:10], "")]
            self._dates[place] = [date for date in dates if (date / place).is_dir()]
        for date in self._dates[place]:
            for ending in (".png", ".jpg"):
                yield date / place / (path.stem + ending), date / "calib_cam_to_cam.txt"

    def _selected(self, path: Path) -> Iterator[tuple[Path, Path]]:
        """Place of a picture and its calibration in the benchmark's selection."""
        name = path.name.replace("_groundtruth_depth_", "_image_")
        image = path.parent.with_name("image") / name
        yield image, path.parent.with_name("intrinsics") / f"{image.stem}.txt"


def _benchmark_part(size: Size) -> Tile:
    return Tile(size[0] - BENCHMARK[0], (size[1] - BENCHMARK[1]) // 2, *BENCHMARK)


def _garg(size: Size) -> Tile:
    rows, columns = (int(share * size[0]) for share in GARG[:2]), (int(share * size[1]) for share in GARG[2:])
    (top, bottom), (left, right) = rows, columns
    return Tile(top, left, bottom - top, right - left)
