"""Gaussian high-pass filter of a map of any size."""

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
import scipy.fft

from patchwrap.coarsening import CoarseGrid, Region, blocks, fits
from patchwrap.types import Values

REACH = 4
"""Standard deviations beyond which the Gaussian counts as zero."""
SMOOTH = 8
"""From a deviation of this many cells on, smooth on the coarse grid; below, solve in blocks.

A map smoothed that much is represented by the coarse grid without loss; a smaller deviation needs only a narrow halo.
"""


def high_pass(
    shape: tuple[int, int], read: Callable[[Region], Values], deviation: float
) -> Iterator[tuple[Region, Values]]:
    """Subtract the Gaussian low-pass of a map from it; reflecting borders.

    Args:
        shape: ``(height, width)`` of the map.
        read: returns the map in a region.
        deviation: the Gaussian's standard deviation in pixels.

    Yields:
        Regions that together cover the map, and the result there.
    """
    grid = CoarseGrid(shape)
    if fits(shape) or deviation < SMOOTH * grid.factor:
        for outer, inner, inside in blocks(shape, ceil(REACH * deviation)):
            change = read(outer)
            yield inner, (change - smooth(change, deviation))[inside]
        return
    columns = slice(0, shape[1])
    means = grid.means(lambda rows: read((rows, columns)))
    centres = grid.sharpened(smooth(means, deviation, grid.spacing))
    for _, region, _ in blocks(shape, 0):
        yield region, read(region) - grid.enlarged(centres, region)


def smooth(values: Values, deviation: float, spacing: tuple[float, float] = (1.0, 1.0)) -> Values:
    """Low-pass by a Gaussian: ``exp(-(wave number * deviation)^2 / 2)``.

    Args:
        values: the map.
        deviation: standard deviation of the Gaussian, in units of ``spacing``.
        spacing: distance between rows and between columns.
    """
    spectrum = scipy.fft.dctn(values, type=2, workers=-1)
    down, across = (
        np.exp(-0.5 * (deviation * np.pi * np.arange(n) / (n * distance)) ** 2).astype(np.float32)
        for n, distance in zip(values.shape, spacing)
    )
    spectrum *= down[:, None]
    spectrum *= across
    return scipy.fft.idctn(spectrum, type=2, workers=-1, overwrite_x=True)
