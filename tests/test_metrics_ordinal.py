"""Depth order between superpixels: by hand, and against the definition pair by pair."""

from math import isnan

import numpy as np
import pytest
from skimage.measure import regionprops
from skimage.segmentation import slic

from patchwrap.metrics import d3r, valid_mask


def halves(left, right):
    depth = np.full((60, 80), right, np.float32)
    depth[:, :40] = left
    return depth


def scene(size=(120, 160), seed=0):
    draw = np.random.default_rng(seed)
    depth = np.repeat(20 / np.linspace(0.5, 4, size[0])[:, None], size[1], axis=1)
    for _ in range(12):
        top, left = draw.integers(0, size[0]), draw.integers(0, size[1])
        height, width = draw.integers(6, 50, 2)
        depth[top : top + height, left : left + width] = draw.uniform(1, 8)
    return depth.astype(np.float32)


def order(first, second, ratio):
    return 1 if first / second > ratio else -1 if first / second < 1 / ratio else 0


def pair_by_pair(pred, gt, valid):
    """The definition in words, with another library's centres."""
    labels = slic(np.where(valid, 1 / gt, 0), n_segments=5000, compactness=0.2, channel_axis=None)
    centres = {region.label: tuple(np.floor(region.centroid).astype(int)) for region in regionprops(labels)}
    neighbours = set()
    for row in range(labels.shape[0]):
        for column in range(labels.shape[1]):
            for other in (labels[row, column + 1 : column + 2], labels[row + 1 : row + 2, column]):
                neighbours |= {frozenset((labels[row, column], label)) for label in other}
    errors = []
    for first, second in (pair for pair in neighbours if len(pair) == 2):
        a, b = centres[first], centres[second]
        if valid[a] and valid[b] and order(gt[a], gt[b], 1.1):
            errors.append(abs(order(gt[a], gt[b], 1.01) - order(pred[a], pred[b], 1.01)))
    return np.mean(errors)


def test_agrees_with_the_definition_pair_by_pair():
    gt = scene()
    gt[:20, 30:70] = np.inf
    pred = (scene(seed=0) * np.exp(np.random.default_rng(1).normal(0, 0.3, gt.shape))).astype(np.float32)
    score = d3r(pred, gt)
    assert score == pytest.approx(pair_by_pair(pred, gt, valid_mask(gt)))
    assert 0.1 < score < 1


def test_right_flat_and_swapped_order():
    gt = halves(2, 4)
    assert d3r(gt, gt) == 0
    assert d3r(np.full_like(gt, 3), gt) == 1
    assert d3r(halves(4, 2), gt) == 2
    # A difference of less than 1 % is none; a small one is enough.
    assert d3r(halves(2, 2.01), gt) == 1
    assert d3r(halves(2, 2.1), gt) == 0


def test_half_the_height_in_the_wrong_order():
    pred = halves(2, 4)
    pred[30:] = halves(4, 2)[30:]
    assert d3r(pred, halves(2, 4)) == pytest.approx(1, abs=0.05)


def test_blind_to_scale_and_to_everything_but_order():
    gt = scene()
    assert d3r(gt / 3, gt) == 0
    assert d3r(np.sqrt(gt), gt) == 0


def test_a_displaced_edge_swaps_or_flattens_few_pairs():
    gt = scene()
    near, far = (d3r(np.roll(gt, shift, axis=1), gt) for shift in (1, 8))
    assert 0 < near < far < 1


def test_a_large_map_is_worked_on_at_a_coarser_sampling():
    gt = scene((960, 1280))
    assert d3r(gt, gt) == 0
    spoiled = gt.copy()
    spoiled[1::2] = spoiled[:, 1::2] = 1
    # Every second row and column is not looked at.
    assert d3r(spoiled, gt) == 0
    assert d3r(np.roll(gt, 16, axis=1), gt) == d3r(np.roll(gt, 16, axis=1)[::2, ::2], gt[::2, ::2])


def test_what_does_not_count_makes_no_pair():
    gt, valid = halves(2, 4), np.ones((60, 80), bool)
    valid[30:] = False
    pred = gt.copy()
    pred[30:] = np.nan
    assert d3r(pred, gt, valid) == 0
    assert isnan(d3r(pred, gt))


def test_without_a_discontinuity_there_is_no_value():
    assert isnan(d3r(halves(2, 4), halves(2, 2)))
    assert isnan(d3r(halves(2, 4), halves(2, 2.15)))
    assert isnan(d3r(halves(2, 4), np.full((60, 80), np.inf, np.float32)))
    assert isnan(d3r(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32)))
