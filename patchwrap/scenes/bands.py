"""Cuts a picture into bands of rows, drawn one after another so that memory stays bounded; never draws."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from patchwrap.scenes.camera import Window

SAMPLES = 9_000_000
"""In a band, at most."""

OCCLUSION_WIDTH = 800
PATTERN = 4
REACH = 96
"""In strides of the ambient occlusion: 90 of ``occlusion.frag``, 2 of ``smooth.frag``, up to a whole pattern."""


@dataclass(frozen=True)
class Band:
    """Rows of a picture.

    Attributes:
        first: its topmost row.
        last: the row below it.
        size: ``(height, width)`` of the whole picture.
    """

    first: int
    last: int
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Its ``(height, width)``."""
        return self.last - self.first, self.size[1]

    @property
    def rows(self) -> slice:
        """Its rows in the picture."""
        return slice(self.first, self.last)

    def window(self, whole: Window) -> Window:
        """The window that it shows when the picture shows ``whole``."""
        top, left, height, width = whole
        return top + height * self.first / self.size[0], left, height * (self.last - self.first) / self.size[0], width

    def widened(self) -> "Band":
        """The band and all rows with something that may darken its pixels."""
        rows = margin(self.size[1])
        return replace(self, first=max(0, self.first - rows), last=min(self.size[0], self.last + rows))

    def parts(self, supersample: int, longest: int) -> Iterator["Band"]:
        """Cut it into bands of at most ``SAMPLES``, from the bottom to the top.

        Args:
            supersample: samples along each side of a pixel.
            longest: most rows of a part.
        """
        rows = min(SAMPLES // (self.size[1] * supersample**2), longest)
        if rows < self.last - self.first:
            # The pattern of the occlusion's directions starts at the bottom and goes on where the next part begins.
            pattern = PATTERN * occlusion_stride(self.size[1])
            rows = max(rows - rows % pattern, pattern)
        for last in range(self.last, self.first, -rows):
            yield replace(self, first=max(self.first, last - rows), last=last)


def occlusion_stride(width: int) -> int:
    """Pixels along a side of what has one value of ambient light, in a picture of a width."""
    return max(1, round(width / OCCLUSION_WIDTH))


def margin(width: int) -> int:
    """How many rows away something still darkens a pixel, in a picture of a width."""
    return REACH * occlusion_stride(width)
