"""A plain folder: photos with their depth beside them, or photos alone."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from patchwrap.convention import DepthConvention
from patchwrap.datasets.dataset import DepthDataset, known
from patchwrap.datasets.depth_file import MILLIMETRE, read_depth
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.sample import METRIC
from patchwrap.outputs import is_output
from patchwrap.scenes import Intrinsics
from patchwrap.tiling import Size
from patchwrap.types import Mask, Values

PHOTOS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
ENDINGS = tuple(ending for suffix in PHOTOS for ending in (suffix, suffix.upper()))
"""Of photos: cameras write capitals."""

DEPTHS = (".npy", ".npz", "_depth.png")
"""What a photo's name becomes for its depth, the first that exists."""


class Pairs(DepthDataset):
    """``NAME.jpg`` (or ``.png`` ...) with ``NAME.npy``, ``NAME.npz`` (array ``depth``) or ``NAME_depth.png``.

    Numbers are metres, inf where the sky is, NaN or 0 where nothing is known; a PNG has 16 bits. ``NAME.json`` may hold
    ``intrinsics`` with ``fx``, ``fy``, ``cx`` and ``cy``. ``patchwrap scenes`` writes such folders. What ``patchwrap
    predict`` wrote beside a photo is not taken for its truth.

    Args:
        folder: is not searched below itself.
        depth_scale: metres of one step of a PNG.
        convention: what the numbers mean where they are not metres.
    """

    kind = "pairs"
    signs = tuple(f"*{ending}" for ending in ENDINGS)
    wanted = f"photos ({' '.join(PHOTOS)})"

    def __init__(
        self,
        folder: str | Path,
        *,
        split: str | Path | None = None,
        depth_scale: float = MILLIMETRE,
        convention: str | DepthConvention = METRIC,
    ) -> None:
        super().__init__(folder, split=split)
        self.depth_scale = depth_scale
        self.convention = DepthConvention.parse(convention)
        if self.convention.ambiguity == "affine":
            self.limits = (-math.inf, math.inf)  # zero means nothing where the shift is unknown

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The photo itself, with its depth if there is one."""
        if _is_photo(path):
            depths = (path.with_name(path.stem + ending) for ending in DEPTHS)
            depth = next((depth for depth in depths if depth.exists() and not is_output(depth)), None)
            yield Entry(path.stem, path, depth, (path.with_suffix(".json"),))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Whatever is beside the photo."""
        values = read_depth(path, self.depth_scale)
        if self.convention.ambiguity == "affine":
            return np.where(np.isfinite(values), values, np.float32(np.nan))
        return known(values, beyond=np.inf)

    def sky(self, entry: Entry, depth: Values) -> Mask | None:
        """Where depth is infinite; a PNG cannot tell."""
        return None if entry.depth and entry.depth.suffix == ".png" else np.isinf(depth)

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Of the JSON file, if it tells any."""
        try:
            told = json.loads(entry.others[0].read_text(encoding="utf-8"))["intrinsics"]
            return Intrinsics(*(float(told[name]) for name in ("fx", "fy", "cx", "cy")))
        except (OSError, ValueError, LookupError, TypeError):  # a JSON file of somebody else's
            return None


def _is_photo(path: Path) -> bool:
    if path.name.startswith(".") or is_output(path):
        return False
    photo = path.name.removesuffix("_depth.png")
    return photo == path.name or not any(path.with_name(photo + ending).exists() for ending in ENDINGS)
