"""A sample that is read whenever it is looked at: what a comparison or a training passes around."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from patchwrap.datasets.entry import Entry
from patchwrap.datasets.sample import Sample


@runtime_checkable
class Readable(Protocol):
    """What a comparison asks of a sample, on disk (``Unread``) or in memory (``Sample``)."""

    @property
    def name(self) -> str:
        """Unique among the samples of a comparison."""

    @property
    def stamp(self) -> str:
        """Changes when the picture or its depth does."""

    @property
    def has_depth(self) -> bool:
        """Whether there is a truth."""

    @property
    def farthest(self) -> float:
        """Below which true depth it counts, in metres."""

    def read(self) -> Sample:
        """The sample with its picture and depth."""


@dataclass(frozen=True)
class Unread:
    """One sample of a data set on disk.

    Args:
        entry: its files.
        load: reads them.
        farthest: below which depth its data set's papers measure, in metres.
        reading: what else than the files decides what they are read as, in words.
    """

    entry: Entry
    load: Callable[[Entry], Sample]
    farthest: float = math.inf
    reading: str = ""

    @property
    def name(self) -> str:
        """Unique in its data set."""
        return self.entry.name

    @property
    def stamp(self) -> str:
        """Changes when a file does, or what it is read as."""
        return f"{self.entry.stamp} {self.reading}".strip()

    @property
    def has_depth(self) -> bool:
        """Whether there is a file with depth."""
        return self.entry.depth is not None

    def read(self) -> Sample:
        """Read the files.

        Raises:
            ImageError: if one is damaged or missing, sizes differ, or no pixel's depth counts.
        """
        return self.load(self.entry)
