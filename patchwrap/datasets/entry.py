"""The files of a sample, which are not opened here."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """The files of one sample.

    Args:
        name: unique in its data set.
        image: the picture.
        depth: the file with its depth, which may also hold the picture; None without depth.
        others: calibration, masks and the like, in an order that its data set defines; they need not exist.
    """

    name: str
    image: Path
    depth: Path | None
    others: tuple[Path, ...] = ()

    @property
    def stamp(self) -> str:
        """Sizes and modification times of the files, to detect changes."""
        files = (self.image, *([self.depth] if self.depth else []), *self.others)
        states = [path.stat() for path in files if path.exists()]
        return " ".join(f"{state.st_size}:{state.st_mtime_ns}" for state in states)
