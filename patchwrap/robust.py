"""Robust statistics on plain arrays: spreads, correlation and Huber regression."""

import numpy as np
from jaxtyping import Float, Shaped
from numpy import ndarray

HUBER = 1.345
"""Huber's tuning constant: 95 % efficiency under normal noise (Huber 1981)."""

CAUCHY = 2.385
"""Cauchy's tuning constant for the same efficiency (Holland & Welsch 1977)."""

TENTHS = 2.5631
"""From the tenth to the ninetieth percentile of a normal distribution, in standard deviations."""

LEAST_SHARE = 0.4
"""Of the spread by the tenths that the robust one is taken to have at least."""

SAMPLES = 60.0
"""Independent samples that a fit's data are taken to be worth against its prior: pixels are highly correlated."""


def robust_spread(values: Shaped[ndarray, "..."]) -> float:
    """Median absolute deviation, scaled to a normal distribution's standard deviation (Rousseeuw & Croux 1993).

    Example:
        >>> round(robust_spread(np.array([1.0, 2.0, 3.0, 4.0, 1000.0])), 4)
        1.4826
    """
    finite = values[np.isfinite(values)]
    return 1.4826 * median(np.abs(finite - median(finite))) if finite.size else 0.0


def map_spread(values: Shaped[ndarray, "..."]) -> float:
    """The spread of a depth map: the robust one, but no less than a share of what its tenths tell.

    Where a sky of one value fills more than half of a map, the median lies in it and so do most values, and yet the
    ground is not flat. A map without such a sky has a robust spread of 0.4 times that of a normal distribution with its
    tenths, or more.

    Returns:
        Above zero, but for a constant map.

    Example:
        >>> sky_and_ground = np.r_[np.zeros(600), np.linspace(0, 1, 400)]
        >>> robust_spread(sky_and_ground), round(map_spread(sky_and_ground), 2)
        (0.0, 0.12)
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0
    low, high = np.quantile(finite, (0.1, 0.9))
    return max(robust_spread(finite), LEAST_SHARE * float(high - low) / TENTHS, 1e-3 * float(finite.std()))


def median(values: Float[ndarray, "n"]) -> float:
    """The median of finite values; several times as fast as numpy's where they are few.

    Example:
        >>> median(np.array([4.0, 1.0, 3.0, 2.0])), median(np.array([3.0, 1.0, 2.0]))
        (2.5, 2.0)
    """
    middle = len(values) // 2
    low = middle - 1 + len(values) % 2
    parted = np.partition(values, (low, middle))
    return float(parted[low] + parted[middle]) / 2


def huber_weights(residual: Float[ndarray, "n"]) -> Float[ndarray, "n"]:
    """Weights that make least squares Huber's: 1 within 1.345 sigma of zero, falling as 1/|r| beyond."""
    size = np.abs(residual)
    limit = HUBER * max(1.4826 * median(size), 1e-12)
    return np.minimum(1.0, limit / np.maximum(size, 1e-12))


def correlation(a: Float[ndarray, "n"], b: Float[ndarray, "n"], weights: Float[ndarray, "n"]) -> float:
    """Weighted Pearson correlation; 0 where either is constant."""
    total = weights.sum()
    a, b = a - weights @ a / total, b - weights @ b / total
    weighted = weights * a
    norm = np.sqrt((weighted @ a) * (weights @ (b * b)))
    return float(weighted @ b / norm) if norm > 0 else 0.0


def robust_fit(
    design: Float[ndarray, "samples unknowns"],
    target: Float[ndarray, "samples"],
    weights: Float[ndarray, "samples"],
    guess: Float[ndarray, "unknowns"],
    deviation: Float[ndarray, "unknowns"],
    iterations: int = 12,
) -> tuple[Float[ndarray, "unknowns"], Float[ndarray, "samples"]]:
    """Robust regression by iteratively reweighted least squares, with a Gaussian prior on the unknowns.

    Minimises ``SAMPLES * mean(w * rho(r / sigma)) + sum(((x - guess) / deviation)^2)`` with Cauchy's
    ``rho``, whose influence falls again for far outliers, and ``sigma`` from the median absolute
    residual (Holland & Welsch 1977). It starts at the guess and not at least squares, which an
    outlier in the design itself would already have pulled away.

    Args:
        design: one column an unknown.
        target: what ``design @ x`` should be.
        weights: non-negative, one a sample.
        guess: start, and centre of the prior.
        deviation: how far off the guess may be; infinite says that nothing is known.
        iterations: at most so many reweightings.

    Returns:
        The solution and the weight that every sample ended up with: near zero for outliers.
    """
    precision = 1 / deviation**2
    ridge = np.diag(precision + 1e-9)
    floor = 1e-5 * (1 + float(np.abs(target).max()))
    solution, residual = guess, design @ guess - target
    for _ in range(iterations):
        sigma = max(1.4826 * median(np.abs(residual)), floor)
        robust = weights / (1 + (residual / (CAUCHY * sigma)) ** 2)
        w = robust * (SAMPLES / (robust.sum() * sigma**2))
        weighted = design.T * w
        before, solution = (
            solution,
            np.linalg.solve(weighted @ design + ridge, weighted @ target + precision * guess),
        )
        residual = design @ solution - target
        if (np.abs(before - solution) <= 1e-3 * (sigma + np.abs(solution))).all():
            break
    return solution, robust
