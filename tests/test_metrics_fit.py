"""Alignment rules against numpy's least squares and exact recoveries."""

import numpy as np
import pytest

from patchwrap.convention import DepthConvention
from patchwrap.errors import ConventionError
from patchwrap.metrics import align, align_median, fit


@pytest.fixture
def gt():
    depth = np.random.default_rng(0).uniform(1, 60, (20, 30)).astype(np.float32)
    depth[0, :5] = np.inf
    return depth


@pytest.mark.parametrize(
    ("text", "predict"),
    [
        ("depth:metric", lambda d: d),
        ("inverse_depth:metric", lambda d: 1 / d),
        ("depth:scale", lambda d: 0.3 * d),
        ("inverse_depth:scale", lambda d: 7 / d),
        ("depth:affine", lambda d: 0.1 * d - 2),
        ("inverse_depth:affine", lambda d: 40 / d + 3),
    ],
)
def test_every_convention_is_undone_exactly(gt, text, predict):
    pred = predict(np.minimum(gt, 500)).astype(np.float32)
    aligned = align(pred, gt, None, DepthConvention.parse(text))
    valid = np.isfinite(gt)
    np.testing.assert_allclose(aligned[valid], gt[valid], rtol=2e-4)
    assert aligned.dtype == np.float32 and aligned.max() <= 80


def test_metric_is_left_alone(gt):
    pred = 2 * np.minimum(gt, 30)
    np.testing.assert_array_equal(align(pred, gt, None, DepthConvention("depth", "metric")), pred)


def test_affine_is_numpys_least_squares(gt):
    valid = np.isfinite(gt)
    pred = np.random.default_rng(1).normal(0, 1, gt.shape).astype(np.float32)
    for space, target in (("depth", gt), ("inverse_depth", 1 / gt)):
        design = np.stack([pred[valid], np.ones(valid.sum())], axis=1)
        scale, shift = np.linalg.lstsq(design, target[valid], rcond=None)[0]
        found = fit(pred, gt, valid, DepthConvention(space, "affine"))
        assert (found.scale, found.shift) == (pytest.approx(scale, rel=1e-4), pytest.approx(shift, rel=1e-4))


def test_scale_rules(gt):
    scale = DepthConvention("depth", "scale")
    outlier = np.where(gt < 30, gt, 100 * gt).astype(np.float32)
    valid = np.isfinite(gt)
    ratio = gt[valid] / outlier[valid]
    assert fit(outlier, gt, valid, scale).scale == pytest.approx(np.median(ratio))
    expected = np.exp(np.log(ratio).mean())
    assert fit(outlier, gt, valid, scale, "least_squares").scale == pytest.approx(expected, rel=1e-4)
    np.testing.assert_array_equal(align_median(outlier, gt, valid), align(outlier, gt, valid, scale))


def test_a_borrowed_fit_shows_drift(gt):
    convention = DepthConvention("depth", "scale")
    coarse, drifted = gt / 2, gt / 2 * np.float32(1.1)
    borrowed = fit(coarse, gt, None, convention)
    valid = gt < 70
    np.testing.assert_allclose(borrowed.apply(drifted)[valid], 1.1 * gt[valid], rtol=1e-5)


def test_the_share_that_was_clamped_is_told():
    gt = np.array([[1, 2, 4, 8]], np.float32)
    found = fit(1 / gt, gt, None, DepthConvention("inverse_depth", "affine"))
    behind = np.array([[1, 0.5, -0.5, -1]], np.float32)
    assert found.clamped_share(behind, np.ones((1, 4), bool)) == 0.5
    assert found.apply(behind)[0, 2] == pytest.approx(80)


def test_a_flat_prediction_becomes_the_mean():
    gt = np.array([[2, 4]], np.float32)
    flat = np.ones_like(gt)
    assert align(flat, gt, None, DepthConvention("depth", "affine")).tolist() == [[3, 3]]


def test_height_is_refused():
    ones = np.ones((2, 2), np.float32)
    with pytest.raises(ConventionError, match="measured from the ground"):
        fit(ones, ones, None, DepthConvention("height", "metric"))
