"""DIODE: laser depth indoors and outdoors (Vasiljevic et al., arXiv 1908.00463)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from patchwrap.datasets.dataset import DepthDataset, as_depth, at_depths
from patchwrap.datasets.entry import Entry
from patchwrap.tiling import Size
from patchwrap.types import Values


class Diode(DepthDataset):
    """``X.png`` with ``X_depth.npy`` (metres, 768x1024x1) and ``X_depth_mask.npy`` (1 where known).

    Evaluated between .6 and 350 m, the range of its laser.
    """

    kind = "diode"
    patterns = at_depths("*_depth_mask.npy", 5)
    expected_files = "X.png, X_depth.npy and X_depth_mask.npy"
    limits = (0.6, 350.0)

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture that belongs to a mask."""
        stem = path.name.removesuffix("_depth_mask.npy")
        image = path.with_name(f"{stem}.png")
        if image.exists():
            yield Entry(self.sample_name(image), image, path.with_name(f"{stem}_depth.npy"), (path,))

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Metres where the mask is 1."""
        depth = as_depth(np.load(path))
        mask = np.load(entry.others[0]).reshape(depth.shape)
        return np.where(mask > 0, depth, np.float32(np.nan))
