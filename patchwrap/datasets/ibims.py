"""iBims-1: a hundred rooms with exact edges (Koch et al., ECCV workshops 2018, arXiv 1805.01328)."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatReadError

from patchwrap.datasets.dataset import DepthDataset, as_depth, at_depths
from patchwrap.datasets.depth_file import read_codes, read_mask
from patchwrap.datasets.entry import Entry
from patchwrap.intrinsics import Intrinsics
from patchwrap.io import Photo, read_image
from patchwrap.tiling import Size
from patchwrap.types import Mask, Values

STEP = 50 / 65535
"""Metres per step of a depth PNG."""

MASKS = ("mask_invalid", "mask_transp")
"""Masks that are not zero where depth is valid."""


class Ibims1(DepthDataset):
    """``rgb/X.png`` with ``depth/X.png`` (16 bits, 50 m at full scale, 0 unknown) and the masks beside.

    ``imagelist.txt`` names the pictures. Alternatively there is one ``X.mat`` per picture, whose structure ``data``
    holds ``rgb``, ``depth`` in metres, both masks, ``calib`` and ``edges``. Depth is unknown on invalid and transparent
    pixels.
    """

    kind = "ibims1"
    patterns = (*at_depths("imagelist.txt", 1), *at_depths("*.mat", 1))
    expected_files = "imagelist.txt with rgb/X.png, depth/X.png, mask_invalid/X.png and mask_transp/X.png, or X.mat"
    limits = (1e-3, 50.0)

    @classmethod
    def holds(cls, folder: Path) -> bool:
        """Whether there is a list of pictures, or a MATLAB file with the structure ``data``."""
        found = (path for pattern in cls.patterns for path in folder.glob(pattern))
        return any(path.suffix != ".mat" or _holds_data(path) for path in found)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The pictures of a list, or the one of a MATLAB file."""
        if path.suffix == ".mat":
            yield Entry(path.stem, path, path)
            return
        for name in path.read_text().split():
            image, depth = (path.parent / part / f"{name}.png" for part in ("rgb", "depth"))
            others = tuple(path.parent / part / f"{name}.png" for part in (*MASKS, "edges"))
            if image.exists():
                yield Entry(name, image, depth, (*others, path.parent / "calib" / f"{name}.txt"))

    def photo(self, entry: Entry) -> Photo:
        """The picture, from a PNG or a MATLAB file."""
        if entry.image.suffix != ".mat":
            return super().photo(entry)
        return Photo(read_image(np.ascontiguousarray(_matlab(entry.image)["rgb"])).pixels, name=str(entry.image))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth in metres where neither mask is zero."""
        if path.suffix == ".mat":
            data = _matlab(path)
            depth, masks = as_depth(data["depth"]), [data[name] > 0 for name in MASKS]
        else:
            depth = as_depth(read_codes(path) * np.float32(STEP))
            masks = [read_mask(path) for path in entry.others[: len(MASKS)]]
        return np.where(masks[0] & masks[1], depth, np.float32(np.nan))

    def edges(self, entry: Entry) -> Mask | None:
        """Depth edges for the DBE errors, if they are there."""
        if entry.image.suffix == ".mat":
            data = _matlab(entry.image)
            return data["edges"] > 0 if "edges" in data else None
        return read_mask(entry.others[2]) if entry.others[2].exists() else None

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Pinhole parameters from ``calib``, which holds a matrix or the four numbers."""
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
    except (OSError, ValueError, TypeError, MatReadError, NotImplementedError, zlib.error):
        return False


def _matlab(path: Path) -> dict[str, Any]:
    """The fields of the structure ``data``."""
    try:
        data = loadmat(path, squeeze_me=True, struct_as_record=False)["data"]
    except (MatReadError, NotImplementedError) as error:
        raise ValueError(str(error)) from error
    return {name: getattr(data, name) for name in data._fieldnames}
