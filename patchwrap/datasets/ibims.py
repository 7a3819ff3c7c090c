"""iBims-1: a hundred rooms with exact edges (Koch et al., ECCV workshops 2018, arXiv 1805.01328)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError

from patchwrap.datasets.dataset import DepthDataset, known, levels
from patchwrap.datasets.depth_file import read_codes, read_mask
from patchwrap.datasets.entry import Entry
from patchwrap.io import Photo, read_image
from patchwrap.scenes import Intrinsics
from patchwrap.tiling import Size
from patchwrap.types import Mask, Values

STEP = 50 / 65535
"""Metres of one step of a depth PNG."""

MASKS = ("mask_invalid", "mask_transp")
"""Not zero where depth is good."""


class Ibims1(DepthDataset):
    """``rgb/X.png`` with ``depth/X.png`` (16 bits, 50 m at full scale, 0 unknown) and the masks beside.

    ``imagelist.txt`` names the pictures. Read, too: a ``X.mat`` a picture, whose structure ``data`` holds ``rgb``,
    ``depth`` in metres, both masks, ``calib`` and ``edges``. What is invalid or transparent is unknown.
    """

    kind = "ibims1"
    signs = (*levels("imagelist.txt", 1), *levels("*.mat", 1))
    wanted = "imagelist.txt with rgb/X.png, depth/X.png, mask_invalid/X.png and mask_transp/X.png, or X.mat"
    limits = (1e-3, 50.0)

    @classmethod
    def holds(cls, folder: Path) -> bool:
        """Whether there is a list of pictures, or a MATLAB file that holds everything: others have some, too."""
        found = (path for sign in cls.signs for path in folder.glob(sign))
        return any(path.suffix != ".mat" or _holds_data(path) for path in found)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The pictures of a list, or of one file that holds everything."""
        if path.suffix == ".mat":
            yield Entry(path.stem, path, path)
            return
        for name in path.read_text().split():
            image, depth = (path.parent / part / f"{name}.png" for part in ("rgb", "depth"))
            others = tuple(path.parent / part / f"{name}.png" for part in (*MASKS, "edges"))
            if image.exists():
                yield Entry(name, image, depth, (*others, path.parent / "calib" / f"{name}.txt"))

    def photo(self, entry: Entry) -> Photo:
        """The picture, from a picture's file or from one that holds everything."""
        if entry.image.suffix != ".mat":
            return super().photo(entry)
        return Photo(read_image(np.ascontiguousarray(_matlab(entry.image)["rgb"])).pixels, name=str(entry.image))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Metres where neither mask is zero."""
        if path.suffix == ".mat":
            data = _matlab(path)
            depth, masks = known(data["depth"]), [data[name] > 0 for name in MASKS]
        else:
            depth = known(read_codes(path) * np.float32(STEP))
            masks = [read_mask(path) for path in entry.others[: len(MASKS)]]
        return np.where(masks[0] & masks[1], depth, np.float32(np.nan))

    def edges(self, entry: Entry) -> Mask | None:
        """Depth edges, for the DBE errors."""
        if entry.image.suffix == ".mat":
            data = _matlab(entry.image)
            return data["edges"] > 0 if "edges" in data else None
        return read_mask(entry.others[2]) if entry.others[2].exists() else None

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Of ``calib``, in whichever form it is there: a matrix, or the four numbers."""
        if entry.image.suffix == ".mat":
            numbers = [float(value) for value in np.ravel(_matlab(entry.image).get("calib", []))]
        else:
            calibration = entry.others[-1]
            text = calibration.read_text() if calibration.exists() else ""
            numbers = [float(word) for word in text.replace(",", " ").split()]
        if len(numbers) == 9:  # MATLAB keeps the matrix transposed
            numbers = [numbers[0], numbers[4], numbers[2] or numbers[6], numbers[5] or numbers[7]]
        return Intrinsics(*numbers) if len(numbers) == 4 else None


def _holds_data(path: Path) -> bool:
    try:
        return any(name == "data" for name, _, _ in whosmat(path))
    except (OSError, ValueError, TypeError, MatReadError, NotImplementedError):
        return False


def _matlab(path: Path) -> dict[str, Any]:
    """The fields of the structure ``data``."""
    try:
        data = loadmat(path, squeeze_me=True, struct_as_record=False)["data"]
    except (MatReadError, NotImplementedError) as error:
        raise ValueError(str(error)) from error
    return {name: getattr(data, name) for name in data._fieldnames}
