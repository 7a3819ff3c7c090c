"""Boundary scores against Depth Pro's formula written out, a loop over windows, and attempts to cheat."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from patchwrap.errors import OptionError
from patchwrap.metrics import boundary_scores

THRESHOLDS = np.linspace(1.05, 1.25, 10)


def depth_pro_f1(pred, gt):
    """Depth Pro's SI_boundary_F1, from the formula in its paper and code."""
    pred, gt = 1 / pred.astype(float), 1 / gt.astype(float)

    def relations(d, t):
        return (
            d[:, :-1] / d[:, 1:] > t,
            d[:-1] / d[1:] > t,
            d[:, 1:] / d[:, :-1] > t,
            d[1:] / d[:-1] > t,
        )

    scores = []
    for t in THRESHOLDS:
        pairs = list(zip(relations(pred, t), relations(gt, t)))
        recall = np.mean([(p & g).sum() / max(g.sum(), 1) for p, g in pairs])
        precision = np.mean([(p & g).sum() / max(p.sum(), 1) for p, g in pairs])
        scores.append(0 if recall + precision == 0 else 2 * recall * precision / (recall + precision))
    return np.average(scores, weights=THRESHOLDS)


def loop_f1(pred, gt, valid, k):
    """The definition in words, window by window, pixel pair by pixel pair."""
    counts = np.zeros((4, 10, 3))
    for way in range(4):
        p, g, v = (np.rot90(np.where(valid, x, 0) if x is not valid else x, way) for x in (pred, gt, valid))
        for row in range(p.shape[0]):
            for x in range(p.shape[1] - k):
                window = [i for i in range(x, x + k + 1) if v[row, i]]
                ordered = [(i, j) for i in window for j in window if i < j]
                if not ordered:
                    continue
                rise_p = max(p[row, j] / p[row, i] for i, j in ordered)
                rise_g = max(g[row, j] / g[row, i] for i, j in ordered)
                step_g = max([g[row, j] / g[row, i] for i, j in ordered if j == i + 1], default=0)
                for n, t in enumerate(THRESHOLDS):
                    found, true, slope = rise_p > t, step_g > t, rise_g > t >= step_g
                    counts[way, n] += found and true, found and not slope, true
    hits, found, true = np.moveaxis(counts, -1, 0)
    precision, recall = (hits / np.maximum(found, 1)).mean(0), (hits / np.maximum(true, 1)).mean(0)
    return np.average(2 * precision * recall / np.maximum(precision + recall, 1e-30), weights=THRESHOLDS)


def boxes(size=(96, 128), seed=0):
    """Boxes and thin bars before ground that comes near."""
    draw = np.random.default_rng(seed)
    gt = np.repeat(20 / np.linspace(0.3, 4, size[0])[:, None], size[1], axis=1)
    for _ in range(8):
        top, left = draw.integers(0, size[0] - 20), draw.integers(0, size[1] - 20)
        height, width = draw.integers(2, 20, 2)
        gt[top : top + height, left : left + width] = draw.uniform(1, 5)
    return gt.astype(np.float32)


def f1(pred, gt, k):
    return boundary_scores(pred, gt, windows=(k,))[k].f1


@pytest.mark.parametrize("seed", range(3))
def test_strict_is_depth_pro(seed):
    gt = boxes(seed=seed)
    pred = gt * np.exp(np.random.default_rng(seed).normal(0, 0.05, gt.shape)).astype(np.float32)
    assert f1(pred, gt, 1) == pytest.approx(depth_pro_f1(pred, gt), rel=1e-4)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_agrees_with_the_definition_in_words(k):
    draw = np.random.default_rng(k)
    gt = np.exp(draw.normal(0, 0.08, (8, 8)).cumsum(1)).astype(np.float32)
    pred = np.exp(np.log(gt) + draw.normal(0, 0.05, gt.shape)).astype(np.float32)
    valid = draw.random(gt.shape) > 0.2
    expected = loop_f1(pred, gt, valid, k)
    assert boundary_scores(pred, gt, valid, (k,))[k].f1 == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("k", [1, 4, 16])
def test_the_exact_map_scores_one_and_a_constant_nothing(k):
    gt = boxes()
    score = boundary_scores(gt, gt, windows=(k,))[k]
    assert score.f1 == score.precision == score.recall == pytest.approx(1)
    assert f1(np.full_like(gt, 3), gt, k) == 0


@pytest.mark.parametrize("k", [1, 4, 16])
def test_mirroring_and_scaling_change_nothing(k):
    gt = boxes()
    pred = gaussian_filter(gt, 1.0)
    score = f1(pred, gt, k)
    assert 0.1 < score < 0.95
    assert f1(pred[:, ::-1], gt[:, ::-1], k) == pytest.approx(score)
    assert f1(pred[::-1], gt[::-1], k) == pytest.approx(score)
    assert f1(np.ascontiguousarray(pred.T), np.ascontiguousarray(gt.T), k) == pytest.approx(score)
    assert f1(pred / np.float32(2), gt, k) == pytest.approx(score, rel=1e-3)


def test_a_wider_window_finds_a_step_that_is_spread_out():
    gt = np.full((40, 80), 10, np.float32)
    gt[:, 40:] = 5
    ramp = np.interp(np.arange(80), [36, 44], [np.log(10), np.log(5)])
    pred = np.repeat(np.exp(ramp)[None].astype(np.float32), 40, axis=0)
    scores = boundary_scores(pred, gt)
    assert scores[1].f1 < 0.35
    # One direction of four holds the step; in the other three there is nothing to be found.
    assert scores[16].recall == pytest.approx(0.25)
    assert scores[1].f1 < scores[4].f1 < scores[16].f1


@pytest.mark.parametrize("k", [1, 4, 16])
def test_blurring_everything_does_not_pay(k):
    gt = boxes((192, 256))
    log_gt = np.log(gt)
    scores = [f1(np.exp(gaussian_filter(log_gt, sigma)).astype(np.float32), gt, k) for sigma in (0, 2, 8, 32)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.35 * scores[0]


@pytest.mark.parametrize("k", [4, 16])
def test_noise_finds_boundaries_only_at_their_base_rate(k):
    gt = boxes((192, 256))
    pred = np.exp(np.random.default_rng(0).normal(0, 1, gt.shape)).astype(np.float32)
    noise = boundary_scores(pred, gt, windows=(k,))[k]
    blurred = boundary_scores(np.exp(gaussian_filter(np.log(gt), 2)), gt, windows=(k,))[k]
    assert noise.recall > 0.95
    assert noise.f1 < 0.8 * blurred.f1


def test_a_smooth_slope_is_neither_boundary_nor_error():
    gt = np.repeat(np.exp(np.arange(64) * 0.02)[:, None], 32, axis=1).astype(np.float32)
    gt[:, 16:] *= 2
    scores = boundary_scores(gt, gt)
    flat = np.ones_like(gt)
    flat[:, 16:] = 2
    # Who sees the slope and who does not are judged by the step alone.
    assert scores[16] == boundary_scores(flat, gt)[16]


def test_invalid_pixels_are_as_if_not_there():
    gt = boxes()
    valid = np.ones(gt.shape, bool)
    valid[:, 60:70] = False
    spoiled = gt.copy()
    spoiled[:, 60:70] = 1000
    assert boundary_scores(spoiled, gt, valid) == boundary_scores(gt, gt, valid)


def test_a_window_that_is_no_power_of_two_is_refused():
    with pytest.raises(OptionError, match="powers of two"):
        boundary_scores(boxes(), boxes(), windows=(3,))


def test_a_map_smaller_than_the_window():
    gt = np.array([[1, 1, 2]], np.float32)
    assert boundary_scores(gt, gt)[1].recall == pytest.approx(0.25)
    assert boundary_scores(gt, gt)[16].f1 == 0
