"""The base class of data sets on disk: it lists samples, reads them, and refuses those that cannot be used."""

import inspect
import math
import sys
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from copy import copy
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from tokenize import TokenError
from typing import Any, ClassVar
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

import numpy as np
from torch.utils.data import Dataset

from patchwrap.convention import DepthConvention
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.lazy_sample import LazySample, SampleSource
from patchwrap.datasets.optional import check_readable
from patchwrap.datasets.sample import METRIC, NEAREST, Sample
from patchwrap.digest import digest
from patchwrap.errors import ImageError, OptionError, one_line
from patchwrap.intrinsics import Intrinsics
from patchwrap.io import Photo, read_image
from patchwrap.source_digest import source_digest
from patchwrap.tiling import Size, Tile
from patchwrap.types import Mask, Values

_BROKEN = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, EOFError),
    *(BadZipFile, zlib.error, ParseError, TokenError),
)
"""Exceptions that libraries raise for damaged files."""


def at_depths(pattern: str, most: int) -> tuple[str, ...]:
    """Return glob patterns for files in a folder and up to ``most`` levels below it.

    Example:
        >>> at_depths("*.dpt", 2)
        ('*.dpt', '*/*.dpt', '*/*/*.dpt')
    """
    return tuple("*/" * count + pattern for count in range(most + 1))


class DepthDataset(Dataset[Sample], ABC):
    """Pictures with depth in a folder, read from disk when they are indexed.

    Indexing raises an ImageError if a file is damaged or no pixel's depth is evaluated; a caller may skip such samples.
    A subclass sets the class attributes and implements ``entries_of`` and ``depth``. Its public instance attributes are
    options that change what is read, and part of every sample's stamp; the names of all others begin with ``_``. The
    stamp also has a digest of its module's whole source and of what of patchwrap's it builds on, so that results of a
    loader that was changed are not used again: keep it in a module of its own, apart from a script that is edited
    between runs.

    Args:
        folder: of the data set, or of a part of it such as a scene.
        split: a text file whose lines begin with a picture's path below the folder, as in PatchFusion's and Eigen's
            lists; pictures that it does not name are left out. File name extensions are ignored.

    Attributes:
        entries: the samples' files, sorted by name.

    Raises:
        OptionError: if there is no such folder, no sample in it, or none that the split names.
        MissingExtraError: if its files need a package that is not installed.
    """

    kind: ClassVar[str]
    """Name of the data set on the command line."""

    patterns: ClassVar[tuple[str, ...]]
    """Glob patterns of the files by which a folder is recognised, most often the depth files."""

    expected_files: ClassVar[str]
    """The files that a folder must have, in words, for error messages."""

    convention: DepthConvention = METRIC
    limits: tuple[float, float] = (NEAREST, math.inf)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        missing = [name for name in ("kind", "patterns", "expected_files") if not hasattr(cls, name)]
        if missing:
            raise TypeError(
                f"{cls.__name__} does not set {' and '.join(missing)}; a data set needs the class attributes kind (its "
                "name), patterns (globs of its files) and expected_files (those files in words)."
            )

    def __init__(self, folder: str | Path, *, split: str | Path | None = None) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise OptionError(f"data {str(folder)!r} is not a folder. Give one with {self.expected_files}")
        self.entries: Sequence[Entry] = _distinct(self.found(), self.folder)
        if not self.entries:
            raise OptionError(f"data {str(folder)!r} holds no {self.kind} sample; looked for {self.expected_files}")
        if split is not None:
            self.entries = _listed(self.entries, Path(split))
        check_readable({entry.depth.suffix.lower() for entry in self.entries if entry.depth})

    @classmethod
    def holds(cls, folder: Path) -> bool:
        """Whether a folder has files of this data set."""
        return any(next(folder.glob(pattern), None) for pattern in cls.patterns)

    def found(self) -> Iterator[Entry]:
        """Yield every sample of the folder."""
        for pattern in self.patterns:
            for path in sorted(self.folder.glob(pattern)):
                yield from self.entries_of(path)

    @abstractmethod
    def entries_of(self, path: Path) -> Iterable[Entry]:
        """Return the samples that belong to one of the files found by ``patterns``."""

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
            ImageError: if a file is damaged or missing, sizes differ, or no pixel's depth is evaluated.
        """
        try:
            sample = self.read(entry)
        except _BROKEN as error:
            if isinstance(error, ImageError):
                raise
            files = ", ".join(repr(str(path)) for path in (entry.depth, *entry.others) if path)
            raise ImageError(f"{entry.name}: {files} cannot be read: {one_line(error)}") from error
        if sample.depth is not None and not sample.evaluated.any():
            low, high = sample.limits
            raise ImageError(
                f"{str(entry.depth or entry.name)!r} has no pixel that counts: none with a depth from {low:g} to "
                f"{high:g}{' in its evaluation crop' if sample.crop else ''}. Leave it out"
            )
        return sample

    @property
    def has_depth(self) -> bool:
        """Whether the pictures have depth.

        Raises:
            OptionError: if only some have.
        """
        return all_have_depth(self.folder.resolve().name, self.lazy_samples)

    @property
    def lazy_samples(self) -> list[LazySample]:
        """The samples, each read from disk only when its ``read`` is called."""
        reading = self._reading()
        return [LazySample(entry, self.load, self.limits[1], reading) for entry in self.entries]

    def _reading(self) -> str:
        """What is read of the files, and how: options, limits, convention, and a digest of the code that reads."""
        hidden = ("folder", "entries")
        options = {name: value for name, value in vars(self).items() if name[0] != "_" and name not in hidden}
        facts = {"kind": self.kind, "limits": self.limits, "convention": str(self.convention)}
        facts["code"] = _code(type(self))
        return repr(sorted((options | facts).items()))

    def only(self, names: Iterable[str]) -> "DepthDataset":
        """Return the data set with these samples only, in its own order."""
        kept, asked = copy(self), set(names)
        kept.entries = [entry for entry in self.entries if entry.name in asked]
        return kept

    def read(self, entry: Entry) -> Sample:
        """Read a sample's files without checking that it has depth to evaluate."""
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
            focal_times_baseline=self.focal_times_baseline(entry, photo.size),
        )

    def photo(self, entry: Entry) -> Photo:
        """Read the picture; without EXIF's focal length, which only some pictures of a set have."""
        return replace(read_image(entry.image), focal=None)

    @abstractmethod
    def depth(self, path: Path, entry: Entry, size: Size) -> Values:
        """Read depth: NaN where unknown, inf in the sky."""

    def sky(self, entry: Entry, depth: Values) -> Mask | None:
        """Mask of the sky, or None if the data set has none."""
        return None

    def intrinsics(self, entry: Entry, size: Size) -> Intrinsics | None:
        """Pinhole parameters, or None if the data set has none."""
        return None

    def crop(self, size: Size) -> Tile | None:
        """The part of a picture that the data set's papers evaluate, or None for all of it."""
        return None

    def edges(self, entry: Entry) -> Mask | None:
        """Mask of depth edges, or None if the data set has none."""
        return None

    def focal_times_baseline(self, entry: Entry, size: Size) -> float | None:
        """In pixels times metres, of the stereo rig whose disparity the depth is from; None for other depth."""
        return None

    def sample_name(self, image: Path) -> str:
        """A sample's name: its picture's path below the folder, without the ending."""
        return image.relative_to(self.folder).with_suffix("").as_posix()


@cache
def _code(reader: type[DepthDataset]) -> str:
    """A digest of the code that reads: the modules of a class and of those that it inherits from."""
    readers = [one for one in reader.__mro__ if issubclass(one, DepthDataset)]
    return digest([(one.__module__, one.__qualname__, _source(one.__module__)) for one in readers])


def _source(module: str) -> str:
    """The source of a module; of one of patchwrap's, a digest that covers what it imports."""
    if module.startswith("patchwrap."):
        return source_digest(module)
    try:
        return inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):  # a session without a file
        return ""


def all_have_depth(name: str, samples: Iterable[SampleSource]) -> bool:
    """Whether samples have depth.

    Raises:
        OptionError: if only some have.
    """
    known = {sample.name: sample.has_depth for sample in samples}
    having = [name for name in known if known[name]]
    without = [name for name in known if not known[name]]
    if having and without:
        raise OptionError(
            f"{name} is mixed: {len(having)} images with depth (such as {having[0]!r}) and "
            f"{len(without)} without (such as {without[0]!r}). Use them one after the other, from two folders"
        )
    return bool(having)


def as_depth(values: np.ndarray, beyond: float = math.nan) -> Values:
    """Convert a file's numbers to depth: NaN where they are not finite or not positive.

    Args:
        values: ``(height, width)``, or with a third axis of length one.
        beyond: replaces infinity; inf where infinity means the sky.

    Raises:
        ImageError: if they do not have such a shape, or are not numbers.
    """
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise ImageError(f"depth is {values.dtype} of shape {values.shape}; needed are numbers (height, width)")
    depth = values.astype(np.float32)
    unknown = ~(depth > 0)
    depth[np.isinf(depth)] = beyond
    depth[unknown] = np.nan
    return depth


def _distinct(entries: Iterable[Entry], folder: Path) -> list[Entry]:
    """Each picture once, sorted by name; those that would share a name are named by their whole path."""
    once = {entry.image: entry for entry in entries}
    counts = Counter(entry.name for entry in once.values())
    named = [
        replace(entry, name=entry.image.relative_to(folder).as_posix()) if counts[entry.name] > 1 else entry
        for entry in once.values()
    ]
    return sorted(named, key=lambda entry: entry.name)


def _listed(entries: Sequence[Entry], split: Path) -> list[Entry]:
    try:
        lines = split.read_text(encoding="utf-8-sig").replace("\\", "/").splitlines()
    except (OSError, ValueError) as error:
        raise OptionError(f"split {str(split)!r} cannot be read: {error}. Give a text file of pictures") from error
    tails = [set(_tails(entry.image)) for entry in entries]
    known = set().union(*tails)
    asked = {_named(line, known) for line in lines if line.strip()}
    kept = [entry for entry, own in zip(entries, tails) if own & asked]
    if not kept:
        raise OptionError(f"split {str(split)!r} names none of {len(entries)} pictures, such as {entries[0].name!r}")
    return kept


def _named(line: str, known: Set[PurePosixPath]) -> PurePosixPath | None:
    """The picture of a line: the whole line if a picture has this name, else its first word; an ending may be left out.

    Spaces and dots may be part of a name, so that the longest reading comes first.
    """
    paths = [PurePosixPath(text.lstrip("/")) for text in (line.strip(), line.split()[0])]
    names = (name for path in paths if path.name for name in (path, path.with_suffix("")))
    return next((name for name in names if name in known), None)


def _tails(image: Path) -> Iterator[PurePosixPath]:
    """A picture's path without its ending, below each of the folders above it."""
    parts = image.absolute().with_suffix("").parts
    return (PurePosixPath(*parts[start:]) for start in range(1, len(parts)))
