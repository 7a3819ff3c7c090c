import numpy as np
import pytest
import scipy.stats

from patchwrap.robust import correlation, map_spread, robust_fit, robust_spread

RNG = np.random.default_rng(0)


def line(n=400):
    x = RNG.uniform(-1, 1, n)
    return np.stack([np.ones(n), x], axis=1), 2 + 3 * x + 0.01 * RNG.normal(size=n)


FREE = (np.array([1.5, 2.0]), np.full(2, np.inf))


def test_outliers_do_not_move_the_fit():
    design, target = line()
    target[::5] += 10
    solution, weights = robust_fit(design, target, np.ones(len(target)), *FREE)
    assert solution == pytest.approx([2, 3], abs=0.02)
    assert np.linalg.lstsq(design, target)[0][0] > 3.5
    assert weights[::5].max() < 0.01 < 0.5 < np.median(weights)


def test_outliers_in_the_design_do_not_move_the_fit_either():
    design, target = line()
    design[::10, 1] = 50
    assert robust_fit(design, target, np.ones(len(target)), *FREE)[0] == pytest.approx([2, 3], abs=0.02)


def test_the_prior_determines_what_the_data_do_not():
    design = np.stack([np.ones(50), np.full(50, 0.5)], axis=1)
    solution, _ = robust_fit(design, np.ones(50), np.ones(50), np.array([0.0, 1.0]), np.array([np.inf, 0.1]))
    assert solution == pytest.approx([0.5, 1.0], abs=1e-3)


def test_weights_of_zero_leave_samples_out():
    design, target = line()
    weights = np.ones(len(target))
    weights[:300], target[:300] = 0, 100
    assert robust_fit(design, target, weights, *FREE)[0] == pytest.approx([2, 3], abs=0.02)


def test_spread_is_scipys():
    values = RNG.normal(size=1000)
    assert robust_spread(values) == pytest.approx(scipy.stats.median_abs_deviation(values, scale="normal"), rel=1e-3)
    assert robust_spread(np.array([np.nan, np.inf])) == 0


@pytest.mark.parametrize("draw", [RNG.normal, RNG.uniform, RNG.exponential])
def test_spread_of_a_map_is_the_robust_one(draw):
    values = draw(size=4000)
    assert map_spread(values) == robust_spread(values) > 0


@pytest.mark.parametrize("share", [0.55, 0.7, 0.85])
def test_a_sky_of_one_value_leaves_a_map_its_spread(share):
    ground = RNG.uniform(1, 2, 2000)
    whole = np.r_[np.zeros(round(2000 * share / (1 - share))), ground, np.nan]
    assert robust_spread(whole) == 0
    assert map_spread(whole) > 0.5 * robust_spread(ground)
    assert map_spread(np.full(9, 3.0)) == map_spread(np.full(9, np.nan)) == 0


@pytest.mark.parametrize("noise", [0, 1e-3])
def test_a_small_subject_before_a_wall_gives_a_map_its_spread(noise):
    whole = np.r_[RNG.normal(0, noise, 960), RNG.uniform(1, 2, 40)]
    assert 0.02 < map_spread(whole) < 0.06


def test_correlation_is_numpys():
    a, b = RNG.normal(size=(2, 100))
    assert correlation(a, b, np.ones(100)) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert correlation(a, np.ones(100), np.ones(100)) == 0
