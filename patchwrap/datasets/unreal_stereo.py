"""UnrealStereo4K: rendered stereo pairs at 3840x2160 (Tosi et al., SMD-Nets, arXiv 2104.03866)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from patchwrap.datasets.dataset import DepthDataset, at_depths
from patchwrap.datasets.disparity import metres
from patchwrap.datasets.entry import Entry
from patchwrap.intrinsics import Intrinsics
from patchwrap.io import Photo, read_image
from patchwrap.tiling import Size
from patchwrap.types import Values

RAW_SIZE = (2160, 3840)


class UnrealStereo4K(DepthDataset):
    """``SCENE/Image0/00000.png`` with ``Disp0/00000.npy`` and ``Extrinsics0`` and ``1/00000.txt``.

    Depth is f |tx0 - tx1| / disparity; f is the first number of a calibration's first line, tx the fourth of its
    second one. Pictures may be ``.raw`` as SMD-Nets' tools write them (2160x3840 blue, green, red bytes) or ``.jpg``
    as in the small copy. Evaluated below 80 m, which excludes the sky (PatchFusion, arXiv 2312.02284, whose split
    files can be given).
    """

    kind = "unrealstereo4k"
    patterns = at_depths("Disp0/*.npy", 2)
    expected_files = "SCENE/Image0/00000.png, Disp0/00000.npy, Extrinsics0/00000.txt and Extrinsics1/00000.txt"
    limits = (1e-3, 80.0)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a disparity map."""
        scene = path.parent.parent
        images = (scene / "Image0" / (path.stem + ending) for ending in (".raw", ".png", ".jpg"))
        cameras = tuple(scene / f"Extrinsics{side}" / f"{path.stem}.txt" for side in (0, 1))
        if image := next((one for one in images if one.exists()), None):
            yield Entry(self.sample_name(image), image, path, cameras)

    def photo(self, entry: Entry) -> Photo:
        """The picture, which may be a ``.raw`` file without a header."""
        if entry.image.suffix != ".raw":
            return super().photo(entry)
        pixels = np.fromfile(entry.image, np.uint8).reshape(*RAW_SIZE, 3)[..., ::-1]
        return Photo(read_image(np.ascontiguousarray(pixels)).pixels, name=str(entry.image))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth from disparity."""
        return metres(np.load(path), self.focal_times_baseline(entry, size))

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics:
        """Pinhole parameters; the principal point is the centre."""
        focal = _camera(entry.others[0])[0]
        return Intrinsics(focal, focal, size[1] / 2, size[0] / 2)

    def focal_times_baseline(self, entry: Entry, size: Size) -> float:
        """Focal length times baseline of the two cameras."""
        (focal, left), (_, right) = (_camera(path) for path in entry.others)
        return focal * abs(left - right)


def _camera(path: Path) -> tuple[float, float]:
    """Focal length in pixels, and the camera's position on the baseline in metres."""
    lines = path.read_text().splitlines()
    return float(lines[0].split()[0]), float(lines[1].split()[3])
