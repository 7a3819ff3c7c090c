"""One image of a comparison and, where there is one, its true depth; read from disk when asked for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from patchwrap.errors import ImageError
from patchwrap.io import Photo, read_image
from patchwrap.types import Values


@dataclass(frozen=True)
class Sample:
    """An image and how to get its depth.

    Args:
        name: unique in a data set.
        photo: its file.
        truth: reads true depth in metres at the photo's size, sky inf, unknown NaN or 0; None without one.
        files: what it is made of, to notice that they have changed.
    """

    name: str
    photo: Path
    truth: Callable[[], Values] | None = None
    files: tuple[Path, ...] = ()

    def read(self) -> tuple[Photo, Values | None]:
        """Return the photo and its depth.

        Raises:
            ImageError: if either cannot be read or their sizes differ.
        """
        # No focal length: a scale that some photos' EXIF tells and others' does not would make two protocols.
        photo = replace(read_image(self.photo), focal=None)
        if self.truth is None:
            return photo, None
        truth = self.truth()
        if truth.shape != photo.size:
            raise ImageError(
                f"{str(self.photo)!r} is {photo.size[1]}x{photo.size[0]} pixels, its depth "
                f"{'x'.join(map(str, truth.shape[::-1]))}; give a depth of the photo's size"
            )
        return photo, truth

    @property
    def stamp(self) -> str:
        """Changes when a file of this sample does."""
        states = [path.stat() for path in (self.photo, *self.files) if path.exists()]
        return " ".join(f"{state.st_size}:{state.st_mtime_ns}" for state in states)
