"""Intervals and paired tests, against scipy and against what must come out."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy.stats import bootstrap, ttest_1samp, wilcoxon

from patchwrap.bench.estimate import compare, estimate


def drawn(count, mean=0.0, seed=0):
    return np.random.default_rng(seed).normal(mean, 1, count)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_the_interval_is_scipys(statistic):
    values = np.random.default_rng(1).lognormal(0, 1, 60)
    ours = estimate(values, statistic)
    options = {"n_resamples": 20_000, "method": "percentile", "random_state": 7}
    theirs = bootstrap((values,), getattr(np, statistic), **options).confidence_interval
    assert ours.mean == pytest.approx(getattr(np, statistic)(values))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=0.03)


def test_images_without_a_value_do_not_count():
    values = drawn(30)
    assert estimate(np.append(values, [np.nan, np.inf])) == estimate(values)
    assert estimate(values).images == 30
    nothing = estimate(np.array([np.nan]))
    assert nothing.images == 0 and math.isnan(nothing.mean)


def test_one_image_has_no_interval_and_the_largest_has_none():
    one = estimate(np.array([3.0]))
    assert (one.mean, one.images) == (3, 1) and math.isnan(one.low)
    largest = estimate(np.array([1.0, 4.0, 2.0]), "largest")
    assert (largest.mean, largest.images) == (4, 3) and math.isnan(largest.high)


def test_many_images_are_drawn_in_blocks():
    values = drawn(3000, 5)
    error = 1.96 * values.std() / 3000**0.5
    assert estimate(values).low == pytest.approx(values.mean() - error, abs=0.01)


def test_signs_of_many_images_are_drawn_in_blocks():
    difference = drawn(1500, 0.05)
    tracemalloc.start()
    p = compare(difference, np.zeros(1500)).p
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert p == pytest.approx(ttest_1samp(difference, 0).pvalue, abs=0.02)
    assert peak < 200e6, "4000 draws at once take twice as much"


def test_a_tie_is_not_separable():
    values = drawn(20)
    tie = compare(values, values)
    assert (tie.difference.mean, tie.p, tie.separable) == (0, 1, False)


def test_chance_is_not_separable_and_a_shift_is():
    reference = drawn(24)
    same = compare(reference + drawn(24, 0.0, 1), reference)
    assert not same.separable and same.difference.low < 0 < same.difference.high
    better = compare(reference - 1 + 0.5 * drawn(24, 0.0, 1), reference)
    assert better.separable and better.difference.high < 0 and better.p < 0.01
    # Another paired test, with other assumptions, says so too.
    assert wilcoxon(-1 + 0.5 * drawn(24, 0.0, 1)).pvalue < 0.01


@pytest.mark.parametrize("images, p, separable", [(2, 0.5, False), (5, 2 / 2**5, False), (6, 2 / 2**6, True)])
def test_the_least_p_of_few_images_is_that_of_signs(images, p, separable):
    row = compare(1 + 0.01 * np.arange(images), np.zeros(images))
    assert row.p == pytest.approx(p)
    assert row.separable is separable
    assert row.difference.low > 0


def test_a_median_is_compared_by_medians():
    """One slow image decides a mean; the tables show medians."""
    row, reference = np.full(12, 0.9), np.ones(12)
    row[0] = 9.0
    mean, median = compare(row, reference), compare(row, reference, "median")
    assert mean.difference.mean > 0 and not mean.separable
    assert median.difference.mean == pytest.approx(-0.1) and median.separable


def test_only_images_of_both_are_compared():
    row = compare(np.array([1.0, np.nan, 3.0]), np.array([0.0, 1.0, np.nan]))
    assert (row.difference.mean, row.difference.images, row.separable) == (1, 1, False)
    assert math.isnan(row.p)
