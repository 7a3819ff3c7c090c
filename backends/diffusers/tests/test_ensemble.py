import pytest
import torch

from patchwrap.convention import DepthConvention
from patchwrap_diffusers.ensemble import combined

TRUTH = torch.linspace(0.2, 0.7, 96).expand(1, 1, 64, 96) + 0.1 * torch.linspace(0, 1, 64)[:, None]
AFFINE = DepthConvention("depth", "affine")


def members(*affines):
    return torch.stack([scale * TRUTH + shift for scale, shift in affines])


def test_members_that_differ_in_scale_and_shift_alone_agree():
    values, confidence = combined(members((1, 0), (0.7, 0.1), (0.9, 0.2)), AFFINE)
    assert torch.corrcoef(torch.stack([values.flatten(), TRUTH.flatten()]))[0, 1] > 0.9999
    assert confidence.min() > 0.95
    # On the members' mean scale, where the library's own would run from 0 to 1.
    assert torch.allclose(values, (2.6 * TRUTH + 0.3) / 3, atol=0.01)


def test_where_members_differ_confidence_falls():
    differing = members((1, 0), (1, 0), (1, 0), (1, 0), (1, 0))
    differing[:2, :, :, 20:30, 40:50] += 0.1
    differing[2:4, :, :, 20:30, 40:50] -= 0.1
    _, confidence = combined(differing, AFFINE)
    assert confidence[0, 0, 20:30, 40:50].max() < 0.2 and confidence[0, 0, 40:].min() > 0.8


def test_a_flat_picture_is_no_fault():
    values, confidence = combined(torch.full((3, 2, 1, 16, 16), 0.4), AFFINE)
    assert torch.allclose(values, torch.full_like(values, 0.4)) and confidence.isfinite().all()


@pytest.mark.parametrize("ambiguity", ["scale", "metric"])
def test_what_is_known_of_scale_and_shift_is_kept(ambiguity):
    factors = (0.5, 1, 1.5) if ambiguity == "scale" else (1, 1, 1)
    values, confidence = combined(members(*((factor, 0) for factor in factors)), DepthConvention("depth", ambiguity))
    assert torch.allclose(values, TRUTH, atol=0.01) and confidence.min() > 0.95


def test_pictures_do_not_see_each_other():
    both = torch.cat([members((1, 0), (0.7, 0.1), (0.9, 0.2)), members((0.2, 0), (0.3, 0.3), (0.25, 0.1)).flip(3)], 1)
    together, alone = combined(both, AFFINE), combined(both[:, 1:], AFFINE)
    assert torch.equal(together[0][1:], alone[0]) and torch.equal(together[1][1:], alone[1])
