"""Canny's edges on steps that were moved, and against other libraries' filters and scores."""

import sys
from dataclasses import astuple
from math import isnan

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree
from skimage.feature import canny
from torchmetrics.functional.classification import binary_f1_score, binary_precision, binary_recall

from patchwrap.errors import MissingExtraError
from patchwrap.metrics import edge_accuracy_completeness, edge_f1, valid_mask


def step(at=40, near=2, middle=3, far=4, size=(48, 96)):
    """The middle makes one column the steepest; between two pixels rounding would choose a side."""
    depth = np.full(size, far, np.float32)
    depth[:, :at] = near
    depth[:, at] = middle
    return depth


def log_step(at, near=2, far=4):
    return step(at, near, np.sqrt(near * far), far)


def boxes(seed=0):
    draw = np.random.default_rng(seed)
    depth = np.full((96, 128), 9, np.float32)
    for _ in range(8):
        top, left = draw.integers(0, 80, 2)
        height, width = draw.integers(8, 40, 2)
        depth[top : top + height, left : left + width] = draw.uniform(1, 8)
    # Rounding would choose the side of every edge that lies between two pixels.
    return depth + draw.uniform(0, 0.05, depth.shape).astype(np.float32)


@pytest.mark.parametrize("moved", [0, 1, 4, 9])
def test_a_step_moved_by_some_pixels_lies_those_pixels_off(moved):
    assert astuple(edge_accuracy_completeness(step(40 + moved), step(40))) == (moved, moved)


def test_without_an_edge_nearer_than_ten_pixels_both_are_ten():
    assert astuple(edge_accuracy_completeness(step(65), step(40))) == (10, 10)


def test_an_edge_too_few_costs_completeness_its_whole_distance_and_one_too_many_nothing():
    one, two = step(30), step(30)
    two[:, 70:] = (step(70, 4, 6, 8))[:, 70:]
    assert astuple(edge_accuracy_completeness(one, two)) == (0, 20)
    assert astuple(edge_accuracy_completeness(two, one)) == (0, 0)


def test_distances_are_those_of_a_nearest_neighbour_search():
    gt = boxes()
    pred = np.roll(gt, (2, 3), (0, 1)) + np.float32(0.5)
    drawn = [
        canny((depth - depth.min()) / np.ptp(depth), 2**0.5, low_threshold=0.1, high_threshold=0.2)
        for depth in (pred, gt)
    ]
    found, true = (np.argwhere(edges) for edges in drawn)
    there, back = cKDTree(true).query(found)[0], cKDTree(found).query(true)[0]
    score = edge_accuracy_completeness(pred, gt)
    assert score.accuracy == pytest.approx(there[there < 10].mean())
    assert score.completeness == pytest.approx(back.mean())
    assert 0 < min(astuple(score)) < max(astuple(score)) < 10


def test_edges_that_are_given_count_also_where_depth_is_unknown():
    """As in iBims-1's own evaluation, whose glass has edges and no depth; the prediction is taken whole."""
    gt, drawn = step(40), np.zeros(step(40).shape, bool)
    gt[:, 60:] = np.nan
    drawn[:, 70] = True
    pred = step(40)
    pred[:, 73:] += 20
    assert astuple(edge_accuracy_completeness(pred, gt, None, drawn)) == pytest.approx((2.5, 2.5), abs=0.51)
    assert astuple(edge_accuracy_completeness(step(40), gt, None, drawn)) == (10, 10)


def test_distances_are_blind_to_scale_and_shift():
    gt = boxes()
    moved = edge_accuracy_completeness(np.roll(gt, 2, axis=1), gt)
    assert astuple(edge_accuracy_completeness(3 * np.roll(gt, 2, axis=1) + 5, gt)) == pytest.approx(astuple(moved))


@pytest.mark.parametrize(("moved", "shared"), [(0, 1), (2, 3 / 5), (4, 1 / 5), (5, 0)])
def test_five_columns_around_a_step_are_compared(moved, shared):
    assert astuple(edge_f1(log_step(40 + moved), log_step(40))) == pytest.approx((shared, shared, shared))


def test_scores_are_torchmetrics_on_blurred_edges():
    gt = boxes()
    gt[40:50, 60:90] = np.inf
    valid = valid_mask(gt)
    pred = (boxes(1) * np.exp(np.random.default_rng(2).normal(0, 0.02, gt.shape))).astype(np.float32)
    drawn = [canny(np.log(np.where(valid, depth, 1)), mask=valid) for depth in (pred, gt)]
    found, true = (torch.from_numpy(uniform_filter(edges.astype(float), 5) > 1e-6)[valid] for edges in drawn)
    found, true = found.int(), true.int()
    score = edge_f1(pred, gt)
    assert score.f1 == pytest.approx(binary_f1_score(found, true).item())
    assert score.precision == pytest.approx(binary_precision(found, true).item())
    assert score.recall == pytest.approx(binary_recall(found, true).item())
    assert 0 < score.precision < score.recall < 1


def test_a_small_step_is_an_edge_in_the_logarithm_only():
    without = log_step(20, 2, 70)
    gt = without.copy()
    gt[:, 60] *= np.float32(1.1**0.5)
    gt[:, 61:] *= np.float32(1.1)
    assert edge_f1(without, gt).recall == pytest.approx(0.5)
    assert edge_f1(gt / 2, gt).recall == 1
    assert astuple(edge_accuracy_completeness(without, gt)) == (0, 0)


def test_what_does_not_count_has_no_edges():
    gt = step(40)
    sky, valid = gt.copy(), np.ones(gt.shape, bool)
    sky[:, 70:] = np.inf
    valid[:, 70:] = False
    spoiled = gt.copy()
    spoiled[:, 70:] = np.nan
    assert astuple(edge_f1(spoiled, sky)) == astuple(edge_f1(spoiled, gt, valid)) == (1, 1, 1)
    assert astuple(edge_accuracy_completeness(spoiled, sky)) == (0, 0)


def test_constants():
    flat, gt = np.full((48, 96), 4, np.float32), step(40)
    assert astuple(edge_accuracy_completeness(flat, gt)) == (10, 10)
    assert astuple(edge_f1(flat, gt)) == (0, 0, 0)
    for nothing in (flat, np.full_like(flat, np.inf)):
        assert isnan(edge_accuracy_completeness(gt, nothing).accuracy)
        assert isnan(edge_f1(gt, nothing).f1)


def test_a_prediction_with_holes_is_nan_and_not_better_for_it():
    holes = step(40)
    holes[:, 60:] = np.nan
    assert isnan(edge_accuracy_completeness(holes, step(40)).completeness)
    assert isnan(edge_f1(holes, step(40)).precision)


def test_without_scikit_image_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(MissingExtraError, match=r'pip install "patchwrap\[bench\]"'):
        edge_f1(step(), step())
