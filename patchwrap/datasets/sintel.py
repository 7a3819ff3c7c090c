"""MPI Sintel: an animated film (Butler et al., ECCV 2012; depth and cameras at sintel.is.tue.mpg.de/depth)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np

from patchwrap.datasets.dataset import DepthDataset, as_depth, at_depths
from patchwrap.datasets.entry import Entry
from patchwrap.errors import ImageError
from patchwrap.intrinsics import Intrinsics
from patchwrap.tiling import Size
from patchwrap.types import Values

TAG = 202021.25
"""First float of every depth and camera file."""


class Sintel(DepthDataset):
    """``training/final/SEQUENCE/frame_0001.png`` with ``depth/SEQUENCE/frame_0001.dpt`` (metres).

    Cameras are in ``camdata_left/SEQUENCE/frame_0001.cam``.

    Args:
        folder: ``training``, or what contains it.
        rendering: ``final`` with fog and blur, or ``clean`` without.
    """

    kind = "sintel"
    patterns = at_depths("depth/*/frame_*.dpt", 2)
    expected_files = "final/SEQUENCE/frame_0001.png and depth/SEQUENCE/frame_0001.dpt"

    def __init__(
        self,
        folder: str | Path,
        *,
        split: str | Path | None = None,
        rendering: Literal["final", "clean"] = "final",
    ) -> None:
        self.rendering = rendering
        super().__init__(folder, split=split)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a depth map."""
        root, sequence = path.parents[2], path.parent.name
        image = root / self.rendering / sequence / f"{path.stem}.png"
        if image.exists():
            camera = root / "camdata_left" / sequence / f"{path.stem}.cam"
            yield Entry(f"{sequence}/{path.stem}", image, path, (camera,))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth in metres; the file has a tag, width and height as int32, then float32 values."""
        data = path.read_bytes()
        _check_tag(path, data)
        width, height = np.frombuffer(data, "<i4", 2, offset=4)
        return as_depth(np.frombuffer(data, "<f4", int(width) * int(height), offset=12).reshape(height, width))

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Pinhole parameters from the camera file, if there is one: a tag, the matrix and the position in doubles."""
        if not entry.others[0].exists():
            return None
        data = entry.others[0].read_bytes()
        _check_tag(entry.others[0], data)
        matrix = np.frombuffer(data, "<f8", 9, offset=4).reshape(3, 3)
        fx, fy, cx, cy = (float(matrix[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2)))
        return Intrinsics(fx, fy, cx + 0.5, cy + 0.5)


def _check_tag(path: Path, data: bytes) -> None:
    if np.frombuffer(data, "<f4", 1)[0] != np.float32(TAG):
        raise ImageError(f"{str(path)!r} does not begin with the float {TAG} as Sintel's files do")
