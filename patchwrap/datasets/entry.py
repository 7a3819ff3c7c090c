"""Which files a sample is made of; never opens one."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """The files of one sample.

    Args:
        name: unique in its data set.
        image: the picture.
        depth: what holds its depth; may be the picture's own file. None without depth.
        others: calibration, masks and the like, as its data set wants them; need not exist.
    """

    name: str
    image: Path
    depth: Path | None
    others: tuple[Path, ...] = ()

    @property
    def stamp(self) -> str:
        """Changes when a file of this sample does."""
        files = (self.image, *([self.depth] if self.depth else []), *self.others)
        states = [path.stat() for path in files if path.exists()]
        return " ".join(f"{state.st_size}:{state.st_mtime_ns}" for state in states)
