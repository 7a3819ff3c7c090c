"""A plain folder: photos with their depth beside them, or photos alone."""

import json
import logging
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from patchwrap.convention import DepthConvention
from patchwrap.datasets.dataset import DepthDataset, as_depth
from patchwrap.datasets.depth_file import read_depth
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.sample import METRIC
from patchwrap.errors import OptionError
from patchwrap.intrinsics import Intrinsics
from patchwrap.io.encode import MILLIMETRE
from patchwrap.outputs import is_result
from patchwrap.suffixes import HEIF, HEIF_ADVICE, reads_heif, without_twins
from patchwrap.tiling import Size
from patchwrap.types import Mask, Values

_log = logging.getLogger("patchwrap")

PHOTOS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", *sorted(HEIF))
ENDINGS = tuple(ending for suffix in PHOTOS for ending in (suffix, suffix.upper()))
"""File name extensions of photos; cameras write capitals."""

DEPTHS = (".npy", ".npz", "_depth.png")
"""What replaces a photo's extension for its depth; the first file that exists is taken."""


class Pairs(DepthDataset):
    """``NAME.jpg`` (or ``.png`` ...) with ``NAME.npy``, ``NAME.npz`` (array ``depth``) or ``NAME_depth.png``.

    Values are metres, inf in the sky, NaN or 0 where unknown; a PNG has 16 bits. ``NAME.json`` may hold ``intrinsics``
    with ``fx``, ``fy``, ``cx`` and ``cy``. ``patchwrap scenes`` writes such folders. Results of ``patchwrap predict``
    and ``DepthMap.save`` beside a photo, under any name, are not taken for its true depth.

    Args:
        folder: of the photos; its subfolders are not searched.
        depth_scale: metres per step of a PNG.
        convention: of the values, if they are not metres.
    """

    kind = "pairs"
    patterns = tuple(f"*{ending}" for ending in ENDINGS)
    expected_files = f"photos ({' '.join(PHOTOS)})"

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
            self.limits = (-math.inf, math.inf)  # without a known shift, zero is an ordinary value

    def found(self) -> Iterator[Entry]:
        """Yield every photo, but no HEIC photo that is there in another format, too.

        Without the extra ``heic``, HEIC photos are left out with a warning.

        Raises:
            OptionError: if that leaves none.
        """
        found = {entry.image: entry for entry in super().found()}  # Windows finds each in both cases
        entries = [found[image] for image in without_twins(found)]
        unread = frozenset() if reads_heif() else HEIF
        readable = [entry for entry in entries if entry.image.suffix.lower() not in unread]
        if len(readable) < len(entries):
            _report_unread(self.folder, len(entries) - len(readable), len(entries))
        yield from readable

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The photo, with its depth if there is one."""
        if _is_photo(path):
            depths = (path.with_name(path.stem + ending) for ending in DEPTHS)
            depth = next((depth for depth in depths if depth.exists() and not is_result(depth)), None)
            yield Entry(path.stem, path, depth, (path.with_suffix(".json"),))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """The values of the file beside the photo."""
        values = read_depth(path, self.depth_scale)
        if self.convention.ambiguity == "affine":
            return np.where(np.isfinite(values), values, np.float32(np.nan))
        return as_depth(values, beyond=np.inf)

    def sky(self, entry: Entry, depth: Values) -> Mask | None:
        """Where depth is infinite; None for a PNG, which cannot store infinity."""
        return None if entry.depth and entry.depth.suffix == ".png" else np.isinf(depth)

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Pinhole parameters from the JSON file, if it has them."""
        try:
            told = json.loads(entry.others[0].read_text(encoding="utf-8"))["intrinsics"]
            return Intrinsics(*(float(told[name]) for name in ("fx", "fy", "cx", "cy")))
        except (OSError, ValueError, LookupError, TypeError):  # an unrelated JSON file
            return None


def _report_unread(folder: Path, heic: int, total: int) -> None:
    """Refuse a folder whose photos are all HEIC; warn if only some are."""
    advice = f"{HEIF_ADVICE} reads them, or convert them to JPEG"
    if heic == total:
        raise OptionError(f"data {str(folder)!r} holds HEIC photos only; {advice}")
    _log.warning("warning: data %r: %d of %d photos are HEIC and left out; %s", str(folder), heic, total, advice)


def _is_photo(path: Path) -> bool:
    if path.name.startswith(".") or is_result(path):
        return False
    photo = path.name.removesuffix("_depth.png")
    return photo == path.name or not any(path.with_name(photo + ending).exists() for ending in ENDINGS)
