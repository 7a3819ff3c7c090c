"""Samples that are read only when they are needed, for comparisons and trainings."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from patchwrap.datasets.entry import Entry
from patchwrap.datasets.sample import Sample


@runtime_checkable
class SampleSource(Protocol):
    """What comparisons and trainings need of a sample, on disk (``LazySample``) or in memory (``Sample``)."""

    @property
    def name(self) -> str:
        """Unique among the samples used together."""

    @property
    def stamp(self) -> str:
        """Changes when the picture or its depth does."""

    @property
    def has_depth(self) -> bool:
        """Whether there is true depth."""

    @property
    def max_depth(self) -> float:
        """True depth below which pixels are evaluated, in metres."""

    def read(self) -> Sample:
        """Return the sample with its picture and depth."""


@dataclass(frozen=True)
class LazySample:
    """One sample of a data set on disk.

    Args:
        entry: its files.
        load: reads the files.
        max_depth: depth in metres below which its data set's papers evaluate.
        reading: what else decides what is read, such as options of the data set, as text.
    """

    entry: Entry
    load: Callable[[Entry], Sample]
    max_depth: float = math.inf
    reading: str = ""

    @property
    def name(self) -> str:
        """Unique in its data set."""
        return self.entry.name

    @property
    def stamp(self) -> str:
        """Changes when a file, an option of reading or the code that reads changes."""
        return f"{self.entry.stamp} {self.reading}".strip()

    @property
    def has_depth(self) -> bool:
        """Whether there is a file with depth."""
        return self.entry.depth is not None

    def read(self) -> Sample:
        """Read the files.

        Raises:
            ImageError: if one is damaged or missing, sizes differ, or no pixel's depth is evaluated.
        """
        return self.load(self.entry)


def lasting_part(stamp: str) -> str:
    """What stays in a stamp when a picture is copied or its depth is another: its size; of a sample in memory, all.

    Example:
        >>> lasting_part("52011:1764535000000000000 8294528:1764535000000000000 [('kind', 'pairs')]")
        '52011'
    """
    return stamp.partition(":")[0]  # the picture is the first of the files
