"""Confidence intervals of means over images, and tests whether two rows differ; reproducible."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import permutation_test, wilcoxon

from patchwrap.bench.report import Comparison, Estimate, Statistic

RESAMPLES = 4000
SIGNIFICANCE = 0.05
_BLOCK = 2_000_000
"""Random numbers drawn at once."""

PerImage = Float[ndarray, "images"]
"""One value per image; NaN where a measure is not defined."""


def estimate(values: PerImage, statistic: Statistic = "mean") -> Estimate:
    """Average over images, with the percentile bootstrap's 95 % interval (images are resampled).

    Args:
        values: NaN for images on which the measure is not defined, which are left out.
        statistic: that is estimated; ``largest`` has no interval.

    Returns:
        NaN without any value; no interval (NaN) with a single one.
    """
    values = values[np.isfinite(values)]
    nothing = float("nan")
    if not len(values):
        return Estimate(nothing, nothing, nothing, 0)
    if statistic == "largest":
        return Estimate(float(values.max()), nothing, nothing, len(values))
    average = np.median if statistic == "median" else np.mean
    centre = float(average(values))
    if len(values) == 1:
        return Estimate(centre, nothing, nothing, 1)
    resampled = np.concatenate([average(values[draw], axis=1) for draw in _draws(len(values))])
    low, high = np.percentile(resampled, (2.5, 97.5))
    return Estimate(centre, float(low), float(high), len(values))


def compare(row: PerImage, reference: PerImage, statistic: Statistic = "mean") -> Comparison:
    """Compare a row with its reference on the images that both have a value for.

    The test is the paired permutation test on the mean difference: under the null hypothesis either row could have
    made either map of an image, so that each difference is as likely to have the other sign. It is preferred to
    Wilcoxon's signed-rank test because it tests the mean that the tables show, does not assume a symmetric
    distribution, and is exact for up to eleven images. Where tables show medians, Wilcoxon's test is used. With fewer
    than six images neither can fall below 0.05, while a bootstrap's interval is too narrow; rows therefore count as
    different only if the interval and the test agree.

    Args:
        row: one value per image.
        reference: likewise, in the same order.
        statistic: of the differences; ``median`` for times, which a single slow image must not decide.
    """
    difference = row - reference
    difference = difference[np.isfinite(difference)]
    mean = estimate(difference, statistic)
    if len(difference) < 2:
        return Comparison(mean, float("nan"), False)
    p = _by_ranks(difference) if statistic == "median" else _by_signs(difference)
    return Comparison(mean, p, bool((mean.low > 0 or mean.high < 0) and p < SIGNIFICANCE))


def _by_signs(difference: PerImage) -> float:
    options: Any = {"permutation_type": "samples", "n_resamples": RESAMPLES, "vectorized": True, "random_state": 0}
    batch = max(1, _BLOCK // len(difference))
    return float(permutation_test((difference,), np.mean, batch=batch, **options).pvalue)


def _by_ranks(difference: PerImage) -> float:
    return float(wilcoxon(difference).pvalue) if difference.any() else 1.0


def _draws(images: int) -> Iterator[ndarray]:
    """Random image indices, ``(resamples, images)``, in blocks that fit in memory."""
    generator, left = np.random.default_rng(0), RESAMPLES
    while left:
        rows = min(left, max(1, _BLOCK // images))
        yield generator.integers(0, images, (rows, images))
        left -= rows
