"""ETH3D high-resolution multi-view: laser-scanned places (Schöps et al., CVPR 2017, eth3d.net)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from patchwrap.datasets.dataset import DepthDataset, known, levels
from patchwrap.datasets.entry import Entry
from patchwrap.errors import ImageError
from patchwrap.tiling import Size
from patchwrap.types import Values

_ORIENTATION = 0x0112


class Eth3d(DepthDataset):
    """``SCENE/images/dslr_images/X.JPG`` with ``SCENE/ground_truth_depth/dslr_images/X.JPG``.

    The latter are no pictures but bare little-endian float32 metres of the former's stored size (most have 4032 rows
    of 6048), inf where unknown. Where EXIF turns a picture, its depth is turned with it. The lenses are fisheyes,
    therefore no pinhole parameters.
    """

    kind = "eth3d"
    signs = levels("ground_truth_depth/dslr_images/*.JPG", 2)
    wanted = "SCENE/images/dslr_images/*.JPG and SCENE/ground_truth_depth/dslr_images/*.JPG"

    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The picture of a depth map."""
        scene = path.parents[2]
        image = scene / "images" / "dslr_images" / path.name
        if image.exists():
            yield Entry(f"{scene.resolve().name}/{image.stem}", image, path)

    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Metres as they are, turned as the picture is."""
        with Image.open(entry.image) as picture:
            (width, height), orientation = picture.size, picture.getexif().get(_ORIENTATION, 1)
        values = np.fromfile(path, "<f4")
        if values.size != width * height:
            raise ImageError(
                f"{str(path)!r} holds {values.size} numbers; its picture has {width}x{height} pixels"
            )
        return known(_turned(values.reshape(height, width), orientation))


def _turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """Do to a map what EXIF's orientation asks for a picture (Exif 2.32, tag 274)."""
    if orientation >= 5:
        values = values.T
    down = orientation in (3, 4, 7, 8)
    across = orientation in (2, 3, 6, 7)
    return values[:: -1 if down else 1, :: -1 if across else 1]
