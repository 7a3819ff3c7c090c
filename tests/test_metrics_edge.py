"""Soft edge error against a loop and scipy's shifts."""

import math

import numpy as np
import pytest

from patchwrap.metrics import depth_edges, disparity_edges, soft_edge_error, valid_mask


def loop_see(pred, gt, valid, edges):
    errors = []
    for y, x in np.argwhere(edges & valid):
        around = [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        inside = [(i, j) for i, j in around if 0 <= i < gt.shape[0] and 0 <= j < gt.shape[1] and valid[i, j]]
        errors.append(min(abs(pred[y, x] - gt[i, j]) for i, j in inside))
    return np.mean(errors)


def test_agrees_with_a_loop():
    draw = np.random.default_rng(0)
    gt = draw.uniform(1, 90, (8, 8)).astype(np.float32)
    gt[2, 3] = np.inf
    pred = draw.uniform(1, 79, (8, 8)).astype(np.float32)
    edges, valid = depth_edges(gt), valid_mask(gt)
    assert soft_edge_error(pred, gt) == pytest.approx(loop_see(pred, gt, valid, edges), rel=1e-5)


def test_both_sides_of_a_step_are_edges():
    gt = np.array([[1, 1, 2, 2], [1, 1, 2, 2]], np.float32)
    assert depth_edges(gt).tolist() == [[False, True, True, False]] * 2
    assert depth_edges(gt, ratio=2.1).sum() == 0
    assert disparity_edges(gt, step=0.5).tolist() == [[False, True, True, False]] * 2
    assert disparity_edges(gt).sum() == 0


def test_sky_makes_no_edge():
    gt = np.array([[np.inf, 5, 5, 4]], np.float32)
    assert depth_edges(gt).tolist() == [[False, False, True, True]]


def test_a_displaced_step_is_forgiven_and_a_smeared_one_is_not():
    gt = np.full((9, 20), 2, np.float32)
    gt[:, 10:] = 8
    assert soft_edge_error(np.roll(gt, 1, axis=1), gt) == 0
    smeared = np.where(abs(np.arange(20) - 9.5) < 3, 5, gt).astype(np.float32)
    assert soft_edge_error(smeared, gt) == pytest.approx(3)


def test_no_edge_is_nan():
    assert math.isnan(soft_edge_error(np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)))


def test_a_prediction_that_is_nan_is_nan():
    gt = np.full((9, 20), 2, np.float32)
    gt[:, 10:] = 8
    hole = gt.copy()
    hole[4, 10] = np.nan
    assert math.isnan(soft_edge_error(hole, gt))
