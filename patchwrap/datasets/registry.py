"""The data sets by name, and how text on the command line selects one."""

from pathlib import Path

from patchwrap.datasets.booster import Booster
from patchwrap.datasets.dataset import DepthDataset
from patchwrap.datasets.diode import Diode
from patchwrap.datasets.eth3d import Eth3d
from patchwrap.datasets.hypersim import Hypersim
from patchwrap.datasets.ibims import Ibims1
from patchwrap.datasets.kitti import Kitti
from patchwrap.datasets.middlebury import Middlebury2014
from patchwrap.datasets.mvs_synth import MvsSynth
from patchwrap.datasets.nyu import NyuV2
from patchwrap.datasets.pairs import Pairs
from patchwrap.datasets.sintel import Sintel
from patchwrap.datasets.spring import Spring
from patchwrap.datasets.unreal_stereo import UnrealStereo4K
from patchwrap.errors import OptionError
from patchwrap.io.encode import MILLIMETRE

# In the order in which a folder is tested; Pairs, which fits any folder of pictures, comes last.
_CLASSES: tuple[type[DepthDataset], ...] = (
    *(UnrealStereo4K, MvsSynth, Middlebury2014, Eth3d, Booster, Hypersim, Kitti),
    *(Spring, Sintel, Diode, NyuV2, Ibims1, Pairs),
)
DATASETS: dict[str, type[DepthDataset]] = {known.kind: known for known in _CLASSES}
"""By the name used on the command line."""


def open_dataset(
    data: str | Path, *, split: str | Path | None = None, depth_scale: float = MILLIMETRE
) -> DepthDataset:
    """Open a data set; the classes themselves have further options.

    Args:
        data: ``KIND:FOLDER``, or a folder whose kind is recognised by its files. Instead of a folder, a text file in it
            can be given, which is then the split.
        split: a text file that lists pictures, see ``DepthDataset``.
        depth_scale: metres per step of a depth PNG in a plain folder.

    Raises:
        OptionError: if there is no such folder, or no sample in it.
        MissingExtraError: if its files need the extra ``datasets``.

    Example:
        >>> open_dataset("kitti:/no/where")
        Traceback (most recent call last):
        patchwrap.errors.OptionError: data '/no/where' is not a folder. ...
    """
    kind, place = named_kind(data)
    if place.is_file() and place.suffix == ".txt":
        split, place = split or place, place.parent
    found = DATASETS[kind] if kind else _recognised(place)
    return Pairs(place, split=split, depth_scale=depth_scale) if found is Pairs else found(place, split=split)


def named_kind(data: str | Path) -> tuple[str | None, Path]:
    """Split ``KIND:FOLDER``; text that does not begin with a kind is a folder, even if it contains a colon.

    Returns:
        The kind, or None, and the folder.

    Raises:
        OptionError: if the text begins with an unknown kind and is not an existing path.
    """
    kind, colon, place = str(data).partition(":")
    if colon and kind in DATASETS:
        return kind, Path(place)
    if colon and kind.isidentifier() and len(kind) > 1 and not Path(data).exists():
        raise OptionError(f"data {str(data)!r} is of no known kind. There are: {', '.join(DATASETS)}.")
    return None, Path(data)


def _recognised(folder: Path) -> type[DepthDataset]:
    return next((known for known in _CLASSES if known.holds(folder)), Pairs)
