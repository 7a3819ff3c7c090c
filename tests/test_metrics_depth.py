"""Depth errors against torchmetrics, a loop over pixels and cases by hand."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional import mean_absolute_percentage_error, mean_squared_error

from patchwrap.metrics import (
    abs_rel,
    clamp,
    delta,
    depth_metrics,
    evaluate,
    log10,
    rmse,
    rmse_log,
    silog,
    sq_rel,
    valid_mask,
)


@pytest.fixture
def maps():
    draw = np.random.default_rng(0)
    gt = draw.uniform(0.5, 79, (37, 53)).astype(np.float32)
    return (gt * np.exp(draw.normal(0, 0.3, gt.shape))).astype(np.float32), gt


def test_agrees_with_torchmetrics(maps):
    pred, gt = maps
    p, g = torch.from_numpy(pred), torch.from_numpy(gt)
    assert abs_rel(pred, gt) == pytest.approx(mean_absolute_percentage_error(p, g).item(), rel=1e-5)
    assert rmse(pred, gt) == pytest.approx(mean_squared_error(p, g, squared=False).item(), rel=1e-5)
    log_error = mean_squared_error(p.log(), g.log(), squared=False).item()
    assert rmse_log(pred, gt) == pytest.approx(log_error, rel=1e-5)


def test_agrees_with_a_loop_over_pixels():
    draw = np.random.default_rng(1)
    pred, gt = draw.uniform(1, 9, (2, 8, 8)).astype(np.float32)
    pairs = [(float(p), float(g)) for p, g in zip(pred.ravel(), gt.ravel())]
    e = [math.log(p / g) for p, g in pairs]
    assert sq_rel(pred, gt) == pytest.approx(sum((p - g) ** 2 / g for p, g in pairs) / 64, rel=1e-5)
    assert log10(pred, gt) == pytest.approx(sum(abs(math.log10(p / g)) for p, g in pairs) / 64, rel=1e-5)
    by_hand = 100 * math.sqrt(sum(x * x for x in e) / 64 - (sum(e) / 64) ** 2)
    assert silog(pred, gt) == pytest.approx(by_hand, rel=1e-5)
    for k in (1, 2, 3):
        assert delta(pred, gt, k) == sum(max(p / g, g / p) < 1.25**k for p, g in pairs) / 64


def test_values_by_hand():
    gt, pred = np.full((1, 2), 2, np.float32), np.array([[1, 4]], np.float32)
    assert abs_rel(pred, gt) == pytest.approx(0.75)
    assert sq_rel(pred, gt) == pytest.approx(1.25)
    assert rmse(pred, gt) == pytest.approx(math.sqrt(2.5))
    assert rmse_log(pred, gt) == pytest.approx(math.log(2))
    assert silog(pred, gt) == pytest.approx(100 * math.log(2))
    assert [delta(pred, gt, k) for k in (1, 2, 3)] == [0, 0, 0]
    assert delta(pred, gt, 4) == 1


def test_silog_is_blind_to_scale(maps):
    pred, gt = maps
    assert silog(pred * np.float32(3), gt) == pytest.approx(silog(pred, gt), rel=1e-4)


def test_only_finite_ground_truth_below_eighty_metres_counts():
    gt = np.array([[np.inf, np.nan, 0, 1e-3, -1, 80, 80.1, 5, 79.999]], np.float32)
    assert valid_mask(gt).tolist() == [[False] * 7 + [True, True]]
    pred = np.array([[1, 1, 1, 1, 1, 1, 1, 5, np.inf]], np.float32)
    # The prediction is clamped as well: infinitely far is 80 m.
    assert depth_metrics(pred, gt)["abs_rel"] == pytest.approx(0.001 / 79.999 / 2, rel=1e-2)
    assert clamp(np.array([-3, np.nan], np.float32))[0] == np.float32(1e-3)


def test_all_at_once_equals_one_by_one(maps):
    pred, gt = maps
    pred = clamp(pred)
    measures = depth_metrics(pred, gt)
    for function in (abs_rel, sq_rel, rmse, rmse_log, log10, silog):
        assert measures[function.__name__] == pytest.approx(function(pred, gt), rel=1e-5)
    assert measures["delta2"] == delta(pred, gt, 2)


def test_nothing_valid_is_nan_and_not_perfect():
    gt = np.full((4, 4), np.inf, np.float32)
    assert all(math.isnan(value) for value in depth_metrics(np.ones_like(gt), gt).values())


def test_evaluate_gives_the_exact_map_full_marks():
    gt = np.full((128, 192), 4, np.float32)
    gt[20:40, 30:60] = 2
    measures = evaluate(gt, gt, columns=[96], rows=[64])
    assert measures["abs_rel"] == measures["see"] == 0
    names = [f"boundary{window}{ending}" for window in (1, 4, 16) for ending in ("", "_precision", "_recall")]
    assert [measures[name] for name in names] == pytest.approx([1] * 9)
    assert measures["seam"] == pytest.approx(1)
