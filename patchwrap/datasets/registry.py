"""The data sets by name, and how a word on the command line becomes one."""

from pathlib import Path

from patchwrap.datasets.booster import Booster
from patchwrap.datasets.dataset import DepthDataset
from patchwrap.datasets.depth_file import MILLIMETRE
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

# In the order in which a folder is looked at: what any folder of pictures is comes last.
_CLASSES: tuple[type[DepthDataset], ...] = (
    *(UnrealStereo4K, MvsSynth, Middlebury2014, Eth3d, Booster, Hypersim, Kitti),
    *(Spring, Sintel, Diode, NyuV2, Ibims1, Pairs),
)
DATASETS: dict[str, type[DepthDataset]] = {known.kind: known for known in _CLASSES}
"""By the name used on the command line."""


def open_dataset(
    data: str | Path, *, split: str | Path | None = None, depth_scale: float = MILLIMETRE
) -> DepthDataset:
    """Open a data set; what else a class can be asked for, its own constructor takes.

    Args:
        data: ``KIND:FOLDER``, or a folder whose layout tells its kind. Instead of a folder a text file in it may be
            named, which is then the split.
        split: a text file that lists pictures, see ``DepthDataset``.
        depth_scale: metres of one step of a depth PNG in a plain folder.

    Raises:
        OptionError: if there is no such folder, or no sample in it.
        MissingExtraError: if its files need the extra ``datasets``.

    Example:
        >>> open_dataset("kitti:/no/where")
        Traceback (most recent call last):
        patchwrap.errors.OptionError: data '/no/where' is no folder. ...
    """
    kind, place = named_kind(data)
    if place.is_file() and place.suffix == ".txt":
        split, place = split or place, place.parent
    found = DATASETS[kind] if kind else _recognised(place)
    return Pairs(place, split=split, depth_scale=depth_scale) if found is Pairs else found(place, split=split)


def named_kind(data: str | Path) -> tuple[str | None, Path]:
    """Take ``KIND:FOLDER`` apart; what begins with no kind is a folder, whatever colons it has.

    Raises:
        OptionError: if it begins with a word that is neither a kind nor the beginning of a folder.
    """
    kind, colon, place = str(data).partition(":")
    if colon and kind in DATASETS:
        return kind, Path(place)
    if colon and kind.isidentifier() and len(kind) > 1 and not Path(data).exists():
        raise OptionError(f"data {str(data)!r} is of no known kind. There are: {', '.join(DATASETS)}.")
    return None, Path(data)


def _recognised(folder: Path) -> type[DepthDataset]:
    return next((known for known in _CLASSES if known.holds(folder)), Pairs)
