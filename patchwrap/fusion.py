"""Fuse aligned tiles with the coarse map into one canvas. All maps are in the fusion space and finite.

Every fuser is an accumulator: tiles come in any order and may be freed at once.
"""

from collections.abc import Callable

import numpy as np
import scipy.fft
import torch
from jaxtyping import Float32
from numpy import ndarray

from patchwrap.errors import OptionError
from patchwrap.spec import Fuser
from patchwrap.types import Map, Values

ANCHOR = 0.01
"""Weight of the coarse map beside the tiles. It decides where no tile counts, and lets a tile whose neighbour is not
trusted fade out before its own border, where a network's padding shows."""

DEFAULT_CROSSOVER = 3.0
"""Crossover of the default detail strength, in tile widths."""


class BlendFuser:
    """Weighted mean of the tiles; the coarse map where there are none.

    Args:
        coarse: the coarse map on the canvas.
        detail: 0 returns the coarse map, 1 the tiles, between them in proportion.
    """

    default_detail = 1.0

    def __init__(self, coarse: Map, tile_width: int, detail: float | None = None) -> None:
        self.coarse = coarse.numpy()
        self.detail = check_detail(self.default_detail if detail is None else detail)
        self._sum = ANCHOR * self.coarse
        self._weight = np.full_like(self.coarse, ANCHOR)

    def add(self, top: int, left: int, values: Map, weights: Map) -> None:
        """Take in one aligned tile whose upper left corner lies at (top, left)."""
        place = np.s_[top : top + values.shape[0], left : left + values.shape[1]]
        self._sum[place] += (weights * values).numpy()
        self._weight[place] += weights.numpy()

    def result(self) -> Map:
        """Return the fused canvas."""
        return torch.from_numpy(self.coarse + self.detail * (self._sum / self._weight - self.coarse))


class SplitFuser(BlendFuser):
    """Frequency split: low frequencies of the coarse map, high ones of the blended tiles (a Gaussian parts them).

    Args:
        coarse: the coarse map on the canvas.
        tile_width: a tile's width in canvas pixels.
        detail: sets the crossover as in ``crossover``.
    """

    default_detail = 0.5

    def __init__(self, coarse: Map, tile_width: int, detail: float | None = None) -> None:
        super().__init__(coarse, tile_width, detail)
        self._tile_width = tile_width

    def result(self) -> Map:
        """Return the fused canvas."""
        change = self._sum / self._weight - self.coarse
        wave = crossover(self.detail, self._tile_width)
        if wave == 0 or np.isinf(wave):
            return torch.from_numpy(self.coarse + (change if wave else 0))
        spectrum = scipy.fft.dctn(change, type=2, workers=-1, overwrite_x=True)
        spectrum *= -np.expm1(-0.5 * laplacian_eigenvalues(change.shape) * np.float32(wave / (2 * np.pi)) ** 2)
        return torch.from_numpy(self.coarse + scipy.fft.idctn(spectrum, type=2, workers=-1))


class PoissonFuser:
    """Gradient-domain composition: the tiles' gradients, screened towards the coarse map.

    Minimises ``|grad D - g|^2 + k^2 |D - C|^2`` with ``g`` the weighted mean of the tiles'
    gradients and ``k = 2 pi / crossover`` (screened Poisson: Bhat et al., ECCV 2008), exactly and
    in O(N log N) by the cosine transform, for the difference from the coarse map ``C``.

    Args:
        coarse: the coarse map on the canvas.
        tile_width: a tile's width in canvas pixels.
        detail: sets the crossover as in ``crossover``: 0 returns the coarse map, 1 pure tiles.
    """

    default_detail = 0.5

    def __init__(self, coarse: Map, tile_width: int, detail: float | None = None) -> None:
        self.coarse = coarse.numpy()
        self.crossover = crossover(self.default_detail if detail is None else detail, tile_width)
        self._slopes = [_Slope(self.coarse, axis) for axis in (0, 1)]

    def add(self, top: int, left: int, values: Map, weights: Map) -> None:
        """Take in one aligned tile whose upper left corner lies at (top, left)."""
        for slope in self._slopes:
            slope.add(top, left, values.numpy(), weights.numpy())

    def result(self) -> Map:
        """Return the fused canvas."""
        if self.crossover == 0:
            return torch.from_numpy(self.coarse)
        source = sum(_divergence(slope.excess(), slope.axis) for slope in self._slopes)
        change = solve_screened_poisson(np.asarray(source), (2 * np.pi / self.crossover) ** 2)
        return torch.from_numpy(self.coarse + change)


class _Slope:
    """Weighted mean of the tiles' differences along one axis, beyond the coarse map's own."""

    def __init__(self, coarse: Values, axis: int) -> None:
        self.axis = axis
        self.coarse = coarse
        shape = [n - (k == axis) for k, n in enumerate(coarse.shape)]
        self._sum = np.zeros(shape, np.float32)
        self._weight = np.full(shape, ANCHOR, np.float32)

    def add(self, top: int, left: int, values: Values, weights: Values) -> None:
        """Take in the differences inside one tile."""
        inner = np.s_[1:], np.s_[:-1]
        after, before = inner if self.axis == 0 else tuple((slice(None), s) for s in inner)
        weight = np.minimum(weights[after], weights[before])
        whole = np.s_[top : top + values.shape[0], left : left + values.shape[1]]
        change = values - self.coarse[whole]
        place = np.s_[top : top + weight.shape[0], left : left + weight.shape[1]]
        self._sum[place] += weight * (change[after] - change[before])
        self._weight[place] += weight

    def excess(self) -> Values:
        return self._sum / self._weight


FUSERS: dict[str, Callable[[Map, int, float | None], Fuser]] = {
    "poisson": PoissonFuser,
    "blend": BlendFuser,
    "split": SplitFuser,
}
"""Called with the coarse map on the canvas, a tile's width and the detail strength (None: the fuser's own)."""


def check_detail(detail: float) -> float:
    """Return the detail strength.

    Raises:
        OptionError: if it is not in [0, 1].
    """
    if not 0 <= detail <= 1:
        raise OptionError(f"detail {detail} is not in [0, 1]. 0 is the coarse map, 1 pure tiles.")
    return detail


def crossover(detail: float, tile_width: int) -> float:
    """Wavelength in pixels above which the coarse map decides and below which the tiles do.

    ``detail / (1 - detail)`` times three tile widths: 0 at detail 0, three tile widths at one
    half, without bound at 1.

    Raises:
        OptionError: if detail is not in [0, 1].
    """
    check_detail(detail)
    return np.inf if detail == 1 else DEFAULT_CROSSOVER * tile_width * detail / (1 - detail)


def solve_screened_poisson(source: Values, screen: float) -> Values:
    """Solve ``screen * E - laplace(E) = -source`` with reflecting borders.

    The type-II cosine transform makes the Laplacian diagonal (Press et al., Numerical Recipes, 20.4).

    Args:
        source: divergence of the wanted gradient, shape of the canvas.
        screen: squared wave number of the crossover; 0 leaves the mean free, which is then set to 0.

    Returns:
        E, float32, shape of the canvas.
    """
    spectrum = scipy.fft.dctn(source, type=2, workers=-1, overwrite_x=True)
    eigenvalues = laplacian_eigenvalues(source.shape) + np.float32(screen)
    eigenvalues[0, 0] = max(eigenvalues[0, 0], 1e-12)
    spectrum /= -eigenvalues
    if screen == 0:
        spectrum[0, 0] = 0
    return scipy.fft.idctn(spectrum, type=2, workers=-1, overwrite_x=True).astype(np.float32, copy=False)


def laplacian_eigenvalues(shape: tuple[int, ...]) -> Values:
    """Eigenvalues of minus the five-point Laplacian under the cosine transform.

    ``4 - 2 cos(pi i / H) - 2 cos(pi j / W)``: about the squared wave number in radians a pixel.
    """
    rows, columns = (2 - 2 * np.cos(np.pi * np.arange(n, dtype=np.float32) / n) for n in shape)
    return rows[:, None] + columns[None, :]


def _divergence(slope: Values, axis: int) -> Float32[ndarray, "rows columns"]:
    """Adjoint of the forward difference, negated: zero flow through the border."""
    before, after = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
    before[axis], after[axis] = (0, 1), (1, 0)
    return np.pad(slope, before) - np.pad(slope, after)
