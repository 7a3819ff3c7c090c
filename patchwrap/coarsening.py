"""A coarse grid over a large one, and blocks of the large one: for maps that are too large to be solved as a whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from jaxtyping import Float, Float32, Int
from numpy import ndarray
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

from patchwrap import scratch
from patchwrap.types import Values

WHOLE = 24_000_000
"""Most pixels of a grid that is solved as a whole."""

Region = tuple[slice, slice]
"""Rows and columns of a grid."""

Cells = Float32[ndarray, "rows columns"]
"""One value per cell of the coarse grid."""


class CoarseGrid:
    """Equal cells of about ``factor`` pixels a side; where it does not divide the grid, cells share pixels by area.

    Args:
        shape: ``(height, width)`` of the large grid.
        factor: side of a cell in pixels, rounded so that whole cells fill the grid; None: the smallest for which the
            coarse grid is solved as a whole.
    """

    def __init__(self, shape: tuple[int, int], factor: int | None = None) -> None:
        self.shape = shape
        self.factor = factor or ceil(sqrt(shape[0] * shape[1] / WHOLE))
        self.axes = tuple(_Axis.of(pixels, max(round(pixels / self.factor), 1)) for pixels in shape)

    @property
    def spacing(self) -> tuple[float, float]:
        """Height and width of a cell in pixels."""
        return self.axes[0].spacing, self.axes[1].spacing

    def means(self, read: Callable[[slice], Values]) -> Cells:
        """The mean over every cell.

        Args:
            read: returns some rows of the large grid.
        """
        return self._gathered(read, self.axes[0].mean, self.axes[1].mean)

    def steps(self, read: Callable[[slice], Values], axis: int) -> Cells:
        """Differences between the means of neighbouring cells along an axis, from differences between pixels.

        The latter are summed from each pixel of a cell to the same position in the next cell, and averaged; so they
        need not be the differences of any map.

        Args:
            read: returns some rows of the differences between neighbouring pixels along the axis.
            axis: 0 for differences down, 1 across.
        """
        down, across = (a.step if k == axis else a.mean for k, a in enumerate(self.axes))
        return self._gathered(read, down, across)

    def sharpened(self, means: Cells) -> Cells:
        """Values at the cells' centres for which ``enlarged`` has the given means over the cells."""
        down, across = (splu(csc_array(a.mean @ a.between)) for a in self.axes)
        return across.solve(down.solve(means).T).T

    def enlarged(self, values: Cells, region: Region) -> Values:
        """Interpolate bilinearly between the cells' centres, for a region of the large grid."""
        down, across = (a.between[part] for a, part in zip(self.axes, region))
        return (across @ (down @ values).T).T

    def _gathered(self, read: Callable[[slice], Values], down: csc_array, across: csc_array) -> Cells:
        total = np.zeros((down.shape[0], across.shape[0]), np.float32)
        for rows in scratch.bands(down.shape[1]):
            total += down[:, rows] @ (across @ read(rows).T).T
        return total


@dataclass(frozen=True)
class _Axis:
    """How one axis of the large grid relates to that of the coarse grid, as banded matrices.

    Args:
        spacing: pixels per cell.
        mean: maps pixels to means over the cells.
        step: maps differences between pixels to differences between the cells' means.
        between: maps values at the cells' centres to pixels by linear interpolation.
    """

    spacing: float
    mean: csc_array
    step: csc_array
    between: csr_array

    @classmethod
    def of(cls, pixels: int, cells: int) -> "_Axis":
        spacing = pixels / cells

        def covered(cell: Int[ndarray, "..."], pixel: Int[ndarray, "..."]) -> Float[ndarray, "..."]:
            """Fraction of a cell before a pixel's first edge."""
            return np.clip(pixel / spacing - cell, 0, 1)

        mean = _banded((cells, pixels), spacing, lambda k, i: covered(k, i + 1) - covered(k, i))
        # Summation by parts: a weighted sum of pixels is a sum of differences with cumulative weights.
        step = _banded((cells - 1, pixels - 1), spacing, lambda k, i: covered(k, i + 1) - covered(k + 1, i + 1))
        centres = (np.arange(pixels) + 0.5) / spacing - 0.5
        low = np.clip(np.floor(centres).astype(int), 0, cells - 1)
        share = np.clip(centres - low, 0, 1).astype(np.float32)
        columns = np.stack([low, np.minimum(low + 1, cells - 1)], 1)
        entries = np.stack([1 - share, share], 1), (np.repeat(np.arange(pixels), 2).reshape(-1, 2), columns)
        return cls(spacing, mean, step, _sparse(*entries, (pixels, cells)).tocsr())


def fits(shape: tuple[int, int]) -> bool:
    """Whether a grid of this ``(height, width)`` is small enough to be solved as a whole."""
    return shape[0] * shape[1] <= WHOLE


def blocks(shape: tuple[int, int], halo: int) -> Iterator[tuple[Region, Region, Region]]:
    """Cut a grid into blocks that can be solved as a whole; a single one if the grid itself can.

    Args:
        shape: ``(height, width)`` of the grid.
        halo: pixels around a block that are solved with it and then discarded.

    Yields:
        A block with its halo, the block itself, and the block's position inside the former.
    """
    if fits(shape):
        whole = slice(0, shape[0]), slice(0, shape[1])
        yield whole, whole, whole
        return
    width = min(shape[1], ceil(sqrt(WHOLE)))
    sides = [ceil(WHOLE / width), width]
    parts = [list(_parts(n, side, halo)) for n, side in zip(shape, sides)]
    for down in parts[0]:
        for across in parts[1]:
            outer, inner, inside = zip(down, across)
            yield outer, inner, inside


def _parts(pixels: int, side: int, halo: int) -> Iterator[tuple[slice, slice, slice]]:
    count = 1 if side >= pixels else ceil(pixels / max(side - 2 * halo, halo))
    edges = np.linspace(0, pixels, count + 1).round().astype(int).tolist()
    for start, stop in zip(edges, edges[1:]):
        first, last = max(start - halo, 0), min(stop + halo, pixels)
        yield slice(first, last), slice(start, stop), slice(start - first, stop - first)


def _banded(
    shape: tuple[int, int],
    spacing: float,
    entry: Callable[[Int[ndarray, "..."], Int[ndarray, "..."]], Float[ndarray, "..."]],
) -> csc_array:
    """A matrix of cells by pixels whose entries lie within two cells' length after the first pixel of each cell."""
    cells = np.arange(shape[0])[:, None]
    pixels = np.floor(cells * spacing).astype(int) + np.arange(ceil(2 * spacing) + 1)
    inside = pixels < shape[1]
    cells = np.broadcast_to(cells, pixels.shape)
    return _sparse(entry(cells, pixels)[inside], (cells[inside], pixels[inside]), shape)


def _sparse(entries: Float[ndarray, "..."], places: tuple[ndarray, ndarray], shape: tuple[int, int]) -> csc_array:
    rows, columns = (place.ravel() for place in places)
    made = csc_array((entries.astype(np.float32).ravel(), (rows, columns)), shape=shape)
    made.eliminate_zeros()
    return made
