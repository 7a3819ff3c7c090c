"""ETH3D high-resolution multi-view: laser-scanned places (Schöps et al., CVPR 2017, eth3d.net)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from patchwrap.datasets.dataset import DepthDataset, as_depth, at_depths
from patchwrap.datasets.entry import Entry
from patchwrap.errors import ImageError
from patchwrap.tiling import Size
from patchwrap.types import Values

_ORIENTATION = 0x0112


class Eth3d(DepthDataset):
    """``SCENE/images/dslr_images/X.JPG`` with ``SCENE/ground_truth_depth/dslr_images/X.JPG``.

    Despite their name, the latter are not pictures but raw little-endian float32 metres, inf where unknown, of the size
    of the picture as stored (most have 4032 rows of 6048). If EXIF rotates the picture, its depth is rotated as well.
    The lenses are fisheyes, so there are no pinhole parameters.
    """

    kind = "eth3d"
    patterns = at_depths("ground_truth_depth/dslr_images/*.JPG", 2)
    expected_files = "SCENE/images/dslr_images/*.JPG and SCENE/ground_truth_depth/dslr_images/*.JPG"

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a depth map."""
        scene = path.parents[2]
        image = scene / "images" / "dslr_images" / path.name
        if image.exists():
            yield Entry(f"{scene.resolve().name}/{image.stem}", image, path)

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth in metres, rotated like the picture."""
        with Image.open(entry.image) as picture:
            (width, height), orientation = picture.size, picture.getexif().get(_ORIENTATION, 1)
        values = np.fromfile(path, "<f4")
        if values.size != width * height:
            raise ImageError(
                f"{str(path)!r} holds {values.size} numbers; its picture has {width}x{height} pixels"
            )
        return as_depth(_turned(values.reshape(height, width), orientation))


def _turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """Apply EXIF's orientation to a map (Exif 2.32, tag 274)."""
    if orientation >= 5:
        values = values.T
    down = orientation in (3, 4, 7, 8)
    across = orientation in (2, 3, 6, 7)
    return values[:: -1 if down else 1, :: -1 if across else 1]
