"""The screened Poisson equation with reflecting borders, on a grid of any size.

Solved is the map E that minimises ``|grad E - slopes|^2 + screen |E|^2``, for differences (``slopes``) between
neighbouring pixels that need not be the gradient of any map.

A grid that fits in memory (``coarsening.fits``) is solved exactly by cosine transform. A larger one is solved on two
levels:

1. The means of E over the cells of a coarse grid are solved exactly, from the slopes between the cells' means, which
   follow from the pixels' slopes. The solution E0 is interpolated to pixels such that it keeps the cell means.
2. The residual R minimises ``|grad R - (slopes - grad E0)|^2 + screen |E0 + R|^2``. Its slopes have no mean step
   between cells, so R consists of waves of a few cells and decays within some cells of its cause. It is solved in
   blocks with a halo of ``CROSSOVER`` cells. To keep a block independent of what lies beyond its halo, R is screened
   towards 0 with a crossover of at most ``CROSSOVER`` cells, which hardly affects waves of a few cells.

If ``screen`` itself is at least as strong as that second screen, E0 + R is exact up to the decay in the halo; otherwise
it is an approximation.
"""

from collections.abc import Callable, Iterator

import numpy as np
import scipy.fft
from jaxtyping import Float32
from numpy import ndarray

from patchwrap.coarsening import Cells, CoarseGrid, Region, blocks, fits
from patchwrap.types import Values

CROSSOVER = 32
"""Wavelength in cells above which the coarse solution alone determines the result; also a block's halo in cells."""

Slopes = tuple[Float32[ndarray, "_ columns"], Float32[ndarray, "rows _"]]
"""Differences between neighbouring pixels of a region, down (one row less) and across (one column less)."""


def solve(
    shape: tuple[int, int], slopes: Callable[[Region], Slopes], screen: float
) -> Iterator[tuple[Region, Values]]:
    """Find the map E of least ``|grad E - slopes|^2 + screen E^2``.

    Args:
        shape: ``(height, width)`` of the grid.
        slopes: returns the wanted differences inside a region.
        screen: squared wave number of the crossover, in (radians per pixel)^2.

    Yields:
        Regions that together cover the grid, and E there; its mean is 0.
    """
    if fits(shape):
        everything = slice(0, shape[0]), slice(0, shape[1])
        yield everything, solve_screened_poisson(_divergence(*slopes(everything)), screen)
        return
    grid = CoarseGrid(shape)
    centres = grid.sharpened(_solve_coarse(grid, slopes, screen))
    stiff = max(screen, (2 * np.pi / (CROSSOVER * grid.factor)) ** 2)
    for outer, inner, inside in blocks(shape, CROSSOVER * grid.factor):
        yield inner, _solve_block(grid.enlarged(centres, outer), slopes(outer), screen, stiff)[inside]


def solve_screened_poisson(
    source: Values, screen: float, mean: float = 0.0, spacing: tuple[float, float] = (1.0, 1.0)
) -> Values:
    """Solve ``screen * E - laplace(E) = -source`` with reflecting borders.

    The type-II cosine transform makes the Laplacian diagonal (Press et al., Numerical Recipes, 20.4).

    Args:
        source: divergence of the wanted gradient; overwritten.
        screen: squared wave number of the crossover, in (radians per unit)^2.
        mean: of E: minus the source's mean over the screen. That of a divergence is 0, but for rounding, which a small
            screen would enlarge.
        spacing: distance between rows and between columns, in the same unit.

    Returns:
        E, float32, shape of the source.
    """
    spectrum = scipy.fft.dctn(source, type=2, workers=-1, overwrite_x=True)
    eigenvalues = laplacian_eigenvalues((source.shape[0], source.shape[1]), spacing)
    eigenvalues += np.float32(screen)
    eigenvalues[0, 0] = 1  # with a screen of 0 it would be 0
    spectrum /= np.negative(eigenvalues, out=eigenvalues)
    spectrum[0, 0] = 4 * spectrum.size * mean
    return scipy.fft.idctn(spectrum, type=2, workers=-1, overwrite_x=True).astype(np.float32, copy=False)


def laplacian_eigenvalues(shape: tuple[int, int], spacing: tuple[float, float] = (1.0, 1.0)) -> Values:
    """Eigenvalues of minus the five-point Laplacian under the cosine transform.

    ``4 sin(pi i / 2H)^2 + 4 sin(pi j / 2W)^2`` at spacing one: about the squared wave number in radians per pixel.
    (Written as 2 - 2 cos, the lowest ones would be lost to rounding in float32.)

    Args:
        shape: ``(height, width)`` of the grid.
        spacing: distance between rows and between columns.
    """
    rows, columns = (
        ((2 / distance * np.sin(np.pi * np.arange(n) / (2 * n))) ** 2).astype(np.float32)
        for n, distance in zip(shape, spacing)
    )
    return rows[:, None] + columns[None, :]


def _solve_coarse(grid: CoarseGrid, slopes: Callable[[Region], Slopes], screen: float) -> Cells:
    columns = slice(0, grid.shape[1])
    down = grid.steps(lambda rows: slopes((slice(rows.start, rows.stop + 1), columns))[0], axis=0)
    across = grid.steps(lambda rows: slopes((rows, columns))[1], axis=1)
    height, width = grid.spacing
    return solve_screened_poisson(_divergence(down / height**2, across / width**2), screen, spacing=grid.spacing)


def _solve_block(coarse: Values, slopes: Slopes, screen: float, stiff: float) -> Values:
    """Return the coarse solution plus the residual, which ``stiff`` screens towards 0."""
    down, across = (part - np.diff(coarse, axis=axis) for axis, part in enumerate(slopes))
    source = _divergence(down, across)
    del down, across
    source += np.float32(screen) * coarse
    return coarse + solve_screened_poisson(source, stiff, -screen / stiff * float(coarse.mean()))


def _divergence(down: Float32[ndarray, "_ columns"], across: Float32[ndarray, "rows _"]) -> Values:
    """Adjoint of the forward differences, negated: zero flow through the border."""
    source = np.zeros((across.shape[0], down.shape[1]), np.float32)
    source[:-1] += down
    source[1:] -= down
    source[:, :-1] += across
    source[:, 1:] -= across
    return source
