"""What all data sets on disk have in common: which samples there are, and that each is usable or an error."""

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import ClassVar
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

import numpy as np
from torch.utils.data import Dataset

from patchwrap.convention import DepthConvention
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.optional import check_readable
from patchwrap.datasets.sample import METRIC, NEAREST, Sample
from patchwrap.datasets.unread import Readable, Unread
from patchwrap.errors import ImageError, OptionError
from patchwrap.io import Photo, read_image
from patchwrap.scenes import Intrinsics
from patchwrap.tiling import Size, Tile
from patchwrap.types import Mask, Values

_BROKEN = (OSError, ValueError, LookupError, TypeError, RuntimeError, EOFError, BadZipFile, ParseError)
"""What readers of damaged files raise."""


def levels(pattern: str, most: int) -> tuple[str, ...]:
    """Globs for files in a folder and up to so many folders below it.

    Example:
        >>> levels("*.dpt", 2)
        ('*.dpt', '*/*.dpt', '*/*/*.dpt')
    """
    return tuple("*/" * count + pattern for count in range(most + 1))


class DepthDataset(Dataset[Sample]):
    """Pictures with depth in a folder, read from disk when asked for.

    Indexing raises an ImageError where a file is damaged or no pixel counts: a caller may leave such samples out.

    Args:
        folder: of the data set, or of a part of it such as a scene.
        split: a text file that begins each line with a picture's path below the folder, as PatchFusion's and Eigen's
            lists do; pictures that it does not name are left out. Endings do not matter.

    Attributes:
        entries: the samples' files, by name.

    Raises:
        OptionError: if there is no such folder, no sample in it, or none that the split names.
        MissingExtraError: if its files need a package that is not installed.
    """

    kind: ClassVar[str]
    """Its name on the command line."""

    signs: ClassVar[tuple[str, ...]]
    """Globs of the files by which its folders are known, most of them those of the depth."""

    wanted: ClassVar[str]
    """What is needed, in words."""

    convention: DepthConvention = METRIC
    limits: tuple[float, float] = (NEAREST, math.inf)

    def __init__(self, folder: str | Path, *, split: str | Path | None = None) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise OptionError(f"data {str(folder)!r} is no folder. Give one with {self.wanted}")
        self.entries: Sequence[Entry] = _distinct(self.found(), self.folder)
        if not self.entries:
            raise OptionError(f"data {str(folder)!r} holds no {self.kind} sample; looked for {self.wanted}")
        if split is not None:
            self.entries = _listed(self.entries, Path(split))
        check_readable({entry.depth.suffix.lower() for entry in self.entries if entry.depth})

    @classmethod
    def holds(cls, folder: Path) -> bool:
        """Whether a folder looks like this data set."""
        return any(next(folder.glob(sign), None) for sign in cls.signs)

    def found(self) -> Iterator[Entry]:
        """Every sample of the folder."""
        for sign in self.signs:
            for path in sorted(self.folder.glob(sign)):
                yield from self.entries_of(path)

    @abstractmethod
    def entries_of(self, path: Path) -> Iterable[Entry]:
        """The samples that one of the files known by ``signs`` stands for."""

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        """Read a sample; see ``load``."""
        return self.load(self.entries[index])

    def load(self, entry: Entry) -> Sample:
        """Read the sample of an entry.

        Raises:
            ImageError: if a file is damaged or missing, sizes differ, or no pixel's depth counts.
        """
        try:
            sample = self.read(entry)
        except _BROKEN as error:
            if isinstance(error, ImageError):
                raise
            files = ", ".join(repr(str(path)) for path in (entry.depth, *entry.others) if path)
            raise ImageError(f"{entry.name}: {files} cannot be read: {' '.join(str(error).split())}") from error
        if sample.depth is not None and not sample.counted.any():
            low, high = sample.limits
            raise ImageError(
                f"{str(entry.depth or entry.name)!r} has no pixel that counts: none with a depth from {low:g} to "
                f"{high:g}{' in its evaluation crop' if sample.crop else ''}. Leave it out"
            )
        return sample

    @property
    def has_depth(self) -> bool:
        """Whether depth is known.

        Raises:
            OptionError: if it is known for some pictures only.
        """
        return all_have_depth(self.folder.resolve().name, self.unread)

    @property
    def unread(self) -> list[Unread]:
        """The samples, each read from disk whenever it is asked for its picture and depth."""
        chosen = {name: value for name, value in vars(self).items() if name not in ("folder", "entries")}
        return [Unread(entry, self.load, self.limits[1], repr(sorted(chosen.items()))) for entry in self.entries]

    def only(self, names: Iterable[str]) -> "DepthDataset":
        """The same data set with these samples alone, in its own order."""
        kept, asked = copy(self), set(names)
        kept.entries = [entry for entry in self.entries if entry.name in asked]
        return kept

    def read(self, entry: Entry) -> Sample:
        """Put a sample together from its files."""
        photo = self.photo(entry)
        depth = None if entry.depth is None else self.depth(entry.depth, entry, photo.size)
        return Sample(
            name=entry.name,
            photo=photo,
            depth=depth,
            convention=self.convention,
            sky=None if depth is None else self.sky(entry, depth),
            intrinsics=self.intrinsics(entry, photo.size),
            source=entry.image,
            crop=self.crop(photo.size),
            limits=self.limits,
            edges=self.edges(entry),
            rig=self.rig(entry, photo.size),
        )

    def photo(self, entry: Entry) -> Photo:
        """The picture; without EXIF's focal length, which some pictures of a set tell and others do not."""
        return replace(read_image(entry.image), focal=None)

    @abstractmethod
    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Depth of a file: NaN where unknown, inf where sky is."""

    def sky(self, entry: Entry, depth: Values) -> Mask | None:
        """Where the sky is, if the data set tells."""
        return None

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Pinhole parameters, if the data set tells."""
        return None

    def crop(self, size: Size) -> Tile | None:
        """The part of a picture that the data set's papers measure in."""
        return None

    def edges(self, entry: Entry) -> Mask | None:
        """Depth edges, if the data set has them."""
        return None

    def rig(self, entry: Entry, size: Size) -> float | None:
        """Focal length times baseline, in pixels times metres, where depth is from a stereo rig's disparity."""
        return None

    def called(self, image: Path) -> str:
        """A picture's path below the folder, without its ending."""
        return image.relative_to(self.folder).with_suffix("").as_posix()


def all_have_depth(name: str, samples: Iterable[Readable]) -> bool:
    """Whether samples have depth, all of them or none.

    Raises:
        OptionError: if some have and some have not.
    """
    known = {sample.name: sample.has_depth for sample in samples}
    having = [name for name in known if known[name]]
    without = [name for name in known if not known[name]]
    if having and without:
        raise OptionError(
            f"{name} is a mixture: {len(having)} images with depth (such as {having[0]!r}) and "
            f"{len(without)} without (such as {without[0]!r}). Use them one after the other, from two folders"
        )
    return bool(having)


def known(values: np.ndarray, beyond: float = math.nan) -> Values:
    """Numbers of a file as depth: NaN where they are not finite or not positive.

    Args:
        values: ``(height, width)``, or with a third axis of length one.
        beyond: what infinity becomes; inf where it means the sky.

    Raises:
        ImageError: if they are no map.
    """
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise ImageError(f"depth is {values.dtype} of shape {values.shape}; needed are numbers (height, width)")
    metres = values.astype(np.float32)
    unknown = ~(metres > 0)
    metres[np.isinf(metres)] = beyond
    metres[unknown] = np.nan
    return metres


def _distinct(entries: Iterable[Entry], folder: Path) -> list[Entry]:
    """Each picture once, by name; pictures of one name keep their whole path."""
    once = {entry.image: entry for entry in entries}
    counts = Counter(entry.name for entry in once.values())
    named = [
        replace(entry, name=entry.image.relative_to(folder).as_posix()) if counts[entry.name] > 1 else entry
        for entry in once.values()
    ]
    return sorted(named, key=lambda entry: entry.name)


def _listed(entries: Sequence[Entry], split: Path) -> list[Entry]:
    try:
        lines = split.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise OptionError(f"split {str(split)!r} cannot be read: {error}. Give a text file of pictures") from error
    # The picture's path is a line's first word, or all of it: it may have spaces.
    paths = [path.lstrip("/") for line in lines if line.strip() for path in (line.split()[0], line.strip())]
    asked = {PurePosixPath(path).with_suffix("") for path in paths if PurePosixPath(path).name}
    kept = [entry for entry in entries if not asked.isdisjoint(_tails(entry.image))]
    if not kept:
        raise OptionError(f"split {str(split)!r} names none of {len(entries)} pictures, such as {entries[0].name!r}")
    return kept


def _tails(image: Path) -> Iterator[PurePosixPath]:
    """A picture's path without its ending, below each of the folders above it."""
    parts = image.absolute().with_suffix("").parts
    return (PurePosixPath(*parts[start:]) for start in range(1, len(parts)))
