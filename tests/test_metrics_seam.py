"""Seam ratio on maps whose seams were put there."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.transform import resize

from patchwrap.metrics import seam

COLUMNS, ROWS = [128, 256, 384], [96, 192]


def scene(seed=0):
    """Smooth relief with a slope, as a network's log depth."""
    relief = gaussian_filter(np.random.default_rng(seed).normal(0, 1, (288, 512)), 12)
    return (relief + np.linspace(0, 2, 288)[:, None]).astype(np.float32)


def offsets(step, seed=1):
    """One constant per 96x128 tile."""
    levels = np.random.default_rng(seed).normal(0, step, (3, 4))
    return np.kron(levels, np.ones((96, 128))).astype(np.float32)


def test_no_seam_is_about_one():
    ratios = [seam(scene(seed), COLUMNS, ROWS) for seed in range(6)]
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)


def test_grows_with_the_seam():
    ratios = [seam(scene() + offsets(step), COLUMNS, ROWS) for step in (0, 0.005, 0.02)]
    assert ratios == sorted(ratios)
    assert ratios[-1] > 2


def test_a_seam_elsewhere_is_not_this_plans():
    here = seam(scene() + offsets(0.02), COLUMNS, ROWS)
    there = seam(np.roll(scene() + offsets(0.02), 64, axis=1), COLUMNS)
    assert there < 0.5 * here


def test_slope_and_scale_do_not_matter():
    ramp = np.linspace(0, 5, 512, dtype=np.float32)[None] * np.ones((288, 1), np.float32)
    assert seam(ramp, COLUMNS) == pytest.approx(1, abs=0.2)
    assert seam(scene() + np.float32(3), COLUMNS) == pytest.approx(seam(scene(), COLUMNS), rel=1e-2)


def test_a_known_step_on_known_noise():
    noise = np.random.default_rng(2).normal(0, 1e-3, (400, 256)).astype(np.float32)
    stepped = noise.copy()
    stepped[:, 128:] += 0.04
    flat = seam(noise, [128])
    # Second differences of means over 8: the noise's own mean jump is 1e-3 * sqrt(5 / 8) * sqrt(2 / pi).
    expected = 0.04 / (1e-3 * math.sqrt(5 / 8) * math.sqrt(2 / math.pi))
    assert flat == pytest.approx(1, abs=0.15)
    assert seam(stepped, [128]) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("width", [450, 600, 1000, 2000])
def test_an_enlarged_map_has_no_seam_whatever_its_pixels(width):
    small = gaussian_filter(np.random.default_rng(0).normal(0, 20, (width // 2, width)), width / 100)
    large = resize(small, (1080, 3840), order=1).astype(np.float32)
    assert seam(large, range(480, 3840, 480)) == pytest.approx(1, abs=0.25)


def test_masked_object_edges_do_not_count():
    values = scene()
    values[20:40, 100:256] -= 1
    valid = np.ones(values.shape, bool)
    valid[10:50, 90:270] = False
    assert seam(values, [256], valid=valid) == seam(scene(), [256], valid=valid)


def test_borders_near_the_images_own_give_nothing():
    assert math.isnan(seam(scene(), [0, 3, 512], [288]))
