"""The losses against the same formulas written independently in numpy."""

import numpy as np
import pytest
import torch

from patchwrap.losses import (
    bias_free,
    far_hinge,
    multiscale_gradient,
    overlap_consistency,
    scale_shift_invariant,
    shared,
    silog,
    standardised,
)


@pytest.fixture
def maps():
    rng = np.random.default_rng(3)
    pred, target = rng.normal(1, 0.5, (2, 3, 1, 17, 22)).astype(np.float32)
    return pred, target, rng.random((3, 1, 17, 22)) < 0.7


def tensors(*arrays):
    return [torch.from_numpy(array) for array in arrays]


def test_silog_is_the_papers_formula_of_each_map(maps):
    pred, target, valid = maps
    expected = []
    for p, t, v in zip(pred, target, valid):
        g = (p - t)[v]
        expected.append(10 * np.sqrt(np.var(g) + 0.15 * np.mean(g) ** 2))
    assert silog(*tensors(*maps)).item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_silog_of_a_pure_scale_is_the_mean_term_alone(maps):
    _, target, valid = tensors(*maps)
    assert silog(target + 0.3, target, valid).item() == pytest.approx(10 * np.sqrt(0.15) * 0.3, rel=1e-4)


def test_silog_ignores_infinite_targets_and_empty_maps(maps):
    pred, target, valid = tensors(*maps)
    target[~valid] = torch.inf
    valid[0] = False
    pred.requires_grad_()
    loss = silog(pred, target, valid)
    loss.backward()
    assert loss.item() == pytest.approx(silog(pred[1:], target[1:], valid[1:]).item())
    assert torch.isfinite(pred.grad).all() and not pred.grad[0].any()


def test_silog_without_a_valid_pixel_is_zero(maps):
    pred, target, valid = tensors(*maps)
    assert silog(pred, target, torch.zeros_like(valid)).item() == 0


def test_gradient_matches_numpy_at_two_scales(maps):
    pred, target, valid = maps
    expected = 0.0
    for step in (1, 2):
        g, v = (pred - target)[..., ::step, ::step], valid[..., ::step, ::step]
        for axis in (2, 3):
            low, high = [slice(None)] * 4, [slice(None)] * 4
            low[axis], high[axis] = slice(None, -1), slice(1, None)
            both = v[tuple(low)] & v[tuple(high)]
            expected += np.abs(np.diff(g, axis=axis))[both].mean()
    assert multiscale_gradient(*tensors(*maps), scales=2).item() == pytest.approx(expected, rel=1e-5)


def test_gradient_does_not_see_a_scale(maps):
    _, target, valid = tensors(*maps)
    assert multiscale_gradient(target + 5, target, valid).item() == pytest.approx(0, abs=1e-5)


def test_far_hinge_pushes_only_near_sky():
    log_pred = torch.tensor([1.0, 3.0, 7.0]).reshape(1, 1, 1, 3)
    sky = torch.tensor([False, True, True]).reshape(1, 1, 1, 3)
    assert far_hinge(log_pred, sky, 5.0).item() == pytest.approx((5 - 3 + 0) / 2)
    assert far_hinge(log_pred, torch.zeros_like(sky), 5.0).item() == 0


@pytest.mark.parametrize("shift", [(0, 0), (3, 5), (-3, 5), (3, -5), (-3, -5), (0, 11)])
def test_tiles_of_one_picture_are_consistent(shift):
    picture = torch.rand(2, 4, 60, 70)
    first = picture[..., 20:40, 20:42]
    second = picture[..., 20 + shift[0] : 40 + shift[0], 20 + shift[1] : 42 + shift[1]]
    assert overlap_consistency(first, second, shift).item() == 0
    assert overlap_consistency(first, second + 0.5, shift).item() == pytest.approx(0.25, rel=1e-5)


def test_consistency_counts_valid_pixels_only():
    first, second = torch.zeros(1, 2, 8, 8), torch.ones(1, 2, 8, 8)
    second[..., 4:, :] = 3
    valid = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    valid[..., :4, :] = True
    assert overlap_consistency(first, second, (0, 0), valid).item() == pytest.approx(1)


def test_tiles_apart_share_nothing():
    assert shared(torch.rand(1, 1, 8, 8), (9, 0)).numel() == 0
    assert overlap_consistency(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8), (9, 0)).item() == 0


def test_standardised_maps_have_no_median_and_unit_deviation(maps):
    pred, _, valid = maps
    pred = pred[..., :-1]  # an odd number of pixels has one median
    valid = np.ones_like(valid[..., :-1])
    valid[..., 0, :2] = False
    found = standardised(*tensors(pred, valid)).numpy()
    for p, v, f in zip(pred, valid, found):
        off = p - np.median(p[v])
        np.testing.assert_allclose(f[v], (off / np.abs(off[v]).mean())[v], atol=1e-5)
        assert not f[~v].any()


def test_scale_and_shift_cost_nothing(maps):
    _, target, valid = tensors(*maps)
    assert scale_shift_invariant(7 * target - 2, target, valid).item() == pytest.approx(0, abs=1e-4)
    assert scale_shift_invariant(-target, target, valid).item() > 1


def test_scale_shift_invariant_is_the_sum_of_its_terms(maps):
    pred, target, valid = tensors(*maps)
    mine, true = standardised(pred, valid), standardised(target, valid)
    difference = (mine - true)[valid]
    expected = difference.abs().mean() + difference.square().mean() + 5 * multiscale_gradient(mine, true, valid)
    assert scale_shift_invariant(pred, target, valid).item() == pytest.approx(expected.item(), rel=1e-5)


def test_scale_shift_invariant_survives_maps_without_content(maps):
    pred, target, valid = tensors(*maps)
    valid[0], target[1], target[2][~valid[2]] = False, 1.0, torch.nan
    pred.requires_grad_()
    loss = scale_shift_invariant(pred, target, valid)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(pred.grad).all() and pred.grad[2].any()


def test_the_bias_free_mask_drops_what_contradicts_but_keeps_common_edges():
    coarse = torch.linspace(0, 1, 64).expand(1, 1, 64, 64).clone()
    target = coarse.clone()
    valid = torch.ones_like(coarse, dtype=torch.bool)
    assert bias_free(coarse, target, valid).all()
    target[..., 20:30, 50:60] = 0.05  # a hole that was filled: far from what the coarse map sees, and no edge there
    kept = bias_free(coarse, target, valid)
    assert not kept[0, 0, 24:26, 54:56].any() and kept[..., :, :40].all()
    coarse[..., 20:30, 50:60] = 0.2  # an object that both see, differently deep
    kept = bias_free(coarse, target, valid)
    assert kept[0, 0, 20, 50:60].all()


def test_the_bias_free_mask_adds_no_pixel():
    draw = torch.Generator().manual_seed(0)
    maps, valid = torch.rand(2, 1, 8, 8, generator=draw), torch.rand(2, 1, 8, 8, generator=draw) > 0.5
    assert not (bias_free(maps, 1 - maps, valid) & ~valid).any()
