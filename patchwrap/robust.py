"""Robust statistics on plain arrays: spreads, correlation and Huber regression."""

import numpy as np
from jaxtyping import Float, Shaped
from numpy import ndarray

HUBER = 1.345
"""Huber's tuning constant: 95 % efficiency under normal noise (Huber 1981)."""

CAUCHY = 2.385
"""Cauchy's tuning constant for the same efficiency (Holland & Welsch 1977)."""

TENTHS, HUNDREDTHS = 2.5631, 4.6527
"""Distances from the 10th to the 90th and from the 1st to the 99th percentile of a normal distribution, in standard
deviations."""

LEAST_SHARE, LEAST_TAIL = 0.4, 0.1
"""Lower bounds of ``map_spread``, as fractions of the standard deviations that these percentiles imply."""

SAMPLES = 60.0
"""Number of independent samples that a fit's data count as, relative to its prior: pixels are highly correlated."""

REWEIGHTINGS = 12
"""Most reweightings of a robust fit."""


def robust_spread(values: Shaped[ndarray, "..."]) -> float:
    """Median absolute deviation, scaled to a normal distribution's standard deviation (Rousseeuw & Croux 1993).

    Example:
        >>> round(robust_spread(np.array([1.0, 2.0, 3.0, 4.0, 1000.0])), 4)
        1.4826
    """
    finite = values[np.isfinite(values)]
    return 1.4826 * median(np.abs(finite - median(finite))) if finite.size else 0.0


def map_spread(values: Shaped[ndarray, "..."]) -> float:
    """The spread of a depth map: the robust spread, but not much less than percentiles imply.

    If a sky of one value fills more than half of a map, the median absolute deviation is 0 although the ground is not
    flat; the 10th and 90th percentiles still show its spread. The 1st and 99th show a small subject before a flat wall.
    Most other maps have a robust spread above both bounds.

    Returns:
        Above zero except for a constant map.

    Example:
        >>> sky_and_ground = np.r_[np.zeros(600), np.linspace(0, 1, 400)]
        >>> robust_spread(sky_and_ground), round(map_spread(sky_and_ground), 2)
        (0.0, 0.12)
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0
    lowest, low, high, highest = map(float, np.quantile(finite, (0.01, 0.1, 0.9, 0.99)))
    implied = max(LEAST_SHARE * (high - low) / TENTHS, LEAST_TAIL * (highest - lowest) / HUNDREDTHS)
    return max(robust_spread(finite), implied, 1e-3 * float(finite.std()))


def median(values: Float[ndarray, "n"]) -> float:
    """The median of finite values; for small arrays several times faster than numpy's.

    Example:
        >>> median(np.array([4.0, 1.0, 3.0, 2.0])), median(np.array([3.0, 1.0, 2.0]))
        (2.5, 2.0)
    """
    middle = len(values) // 2
    low = middle - 1 + len(values) % 2
    parted = np.partition(values, (low, middle))
    return float(parted[low] + parted[middle]) / 2


def huber_weights(residual: Float[ndarray, "n"]) -> Float[ndarray, "n"]:
    """Weights of Huber's regression by least squares: 1 within 1.345 sigma of zero, falling as 1/|r| beyond."""
    size = np.abs(residual)
    limit = HUBER * max(1.4826 * median(size), 1e-12)
    return np.minimum(1.0, limit / np.maximum(size, 1e-12))


def correlation(a: Float[ndarray, "n"], b: Float[ndarray, "n"], weights: Float[ndarray, "n"]) -> float:
    """Weighted Pearson correlation; 0 if either is constant."""
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
) -> tuple[Float[ndarray, "unknowns"], Float[ndarray, "samples"]]:
    """Robust regression by iteratively reweighted least squares, with a Gaussian prior on the unknowns.

    Minimises ``SAMPLES * mean(w * rho(r / sigma)) + sum(((x - guess) / deviation)^2)`` with Cauchy's
    ``rho``, whose influence decreases for far outliers, and ``sigma`` from the median absolute
    residual (Holland & Welsch 1977). It starts at the guess instead of the least-squares solution, which
    outliers in the design (leverage points) would distort.

    Args:
        design: one column per unknown.
        target: what ``design @ x`` should be.
        weights: non-negative, one per sample.
        guess: start, and mean of the prior.
        deviation: standard deviation of the prior; infinite for no prior.

    Returns:
        The solution and the final weight of every sample: near zero for outliers.
    """
    precision = 1 / deviation**2
    ridge = np.diag(precision + 1e-9)
    floor = 1e-5 * (1 + float(np.abs(target).max()))
    solution, residual = guess, design @ guess - target
    for _ in range(REWEIGHTINGS):
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
