import pytest
import torch

from patchwrap.convention import DepthConvention
from patchwrap.errors import ConventionError
from patchwrap.spaces import from_space, fusion_space, invertible, to_space

ALL = [
    DepthConvention.parse(f"{space}:{ambiguity}")
    for space in ("depth", "inverse_depth")
    for ambiguity in ("metric", "scale", "affine")
]


@pytest.mark.parametrize(
    ("coarse", "fine", "space"),
    [
        ("depth:metric", "depth:metric", "log_depth"),
        ("depth:scale", "inverse_depth:metric", "log_depth"),
        ("inverse_depth:affine", "inverse_depth:affine", "inverse_depth"),
        ("depth:affine", "depth:affine", "depth"),
        ("depth:affine", "depth:metric", "depth"),
        ("depth:metric", "inverse_depth:affine", "inverse_depth"),
        ("height:metric", "height:metric", "height"),
    ],
)
def test_the_space_where_fine_is_affine_to_coarse(coarse, fine, space):
    assert fusion_space(DepthConvention.parse(coarse), DepthConvention.parse(fine)) == space


@pytest.mark.parametrize(
    ("coarse", "fine"), [("depth:affine", "inverse_depth:affine"), ("height:metric", "depth:metric")]
)
def test_no_common_space_is_an_error_that_names_both(coarse, fine):
    with pytest.raises(ConventionError, match=f"{coarse}.*{fine}"):
        fusion_space(DepthConvention.parse(coarse), DepthConvention.parse(fine))


@pytest.mark.parametrize("coarse", ALL, ids=str)
@pytest.mark.parametrize("fine", ALL, ids=str)
def test_there_and_back_is_the_identity(coarse, fine):
    if {coarse.ambiguity, fine.ambiguity} == {"affine"} and coarse.space != fine.space:
        with pytest.raises(ConventionError):
            fusion_space(coarse, fine)
        return
    space = fusion_space(coarse, fine)
    values = torch.tensor([[0.1, 1.0, 50.0]])
    assert torch.allclose(from_space(to_space(values, coarse, space), coarse, space), values, rtol=1e-4)


def test_a_metre_is_the_same_point_from_either_convention():
    depth, inverse = DepthConvention("depth", "metric"), DepthConvention("inverse_depth", "metric")
    for space in ("log_depth", "depth", "inverse_depth"):
        a = to_space(torch.tensor([4.0]), depth, space)
        b = to_space(torch.tensor([0.25]), inverse, space)
        assert torch.allclose(a, b)


def test_what_is_not_finite_is_invalid():
    metric = DepthConvention("depth", "metric")
    values = torch.tensor([1.0, torch.inf, torch.nan])
    assert to_space(values, metric, "log_depth").isfinite().tolist() == [True, False, False]
    assert to_space(values, metric, "inverse_depth").isfinite().tolist() == [True, False, False]


def test_inverse_depth_of_about_zero_or_less_has_no_depth():
    metric, affine = (DepthConvention("inverse_depth", kind) for kind in ("metric", "affine"))
    values = torch.tensor([[-1.0, 0.0, 1e-8, 0.5, 1.0]])
    for space in ("log_depth", "depth"):
        assert to_space(values, metric, space).isfinite().tolist() == [[False] * 3 + [True] * 2]
        assert invertible(values, metric, space).tolist() == [[0.25, 0.25, 0.25, 0.5, 1.0]]
        for nowhere in (values[:, :3], torch.tensor([[0.0, 1.2e-6]])):
            assert to_space(invertible(nowhere, metric, space), metric, space).isfinite().all()
    for convention in (metric, affine):
        assert torch.equal(to_space(values, convention, "inverse_depth"), values)
        assert torch.equal(invertible(values, convention, "inverse_depth"), values)


@pytest.mark.parametrize("space", ["log_depth", "depth"])
def test_what_is_far_but_has_a_depth_stays_where_it_is(space):
    values = torch.full((20, 20), 0.5)
    values[0, :3] = 2e-6
    metric = DepthConvention("inverse_depth", "metric")
    assert torch.equal(invertible(values, metric, space), values)
    values[-1] = 0  # a sky elsewhere
    assert torch.equal(invertible(values, metric, space)[:-2], values[:-2])


def test_where_depth_is_fused_a_sky_with_a_border_of_three_pixels_comes_near():
    values = torch.full((300, 20), 0.5)
    values[:6] = torch.tensor([0, 2e-6, 2e-5, 2e-4, 1e-3, 1e-3])[:, None]  # the last two are distant, no border
    values[-1, -1] = 2e-6  # far from the sky
    found = invertible(values, DepthConvention("inverse_depth", "metric"), "depth")
    assert (found[:4] == 0.25).all()
    assert torch.equal(found[4:], values[4:])


def test_the_border_of_a_sky_may_have_gaps():
    values = torch.full((300, 20), 0.5)
    values[:3] = torch.tensor([0, 0.3, 1e-4])[:, None]
    found = invertible(values, DepthConvention("inverse_depth", "metric"), "depth")
    assert found[:3, 0].tolist() == pytest.approx([0.25, 0.3, 0.25])


@pytest.mark.parametrize("space", ["log_depth", "depth"])
def test_a_coarse_map_becomes_invertible_in_half_precision_and_with_a_gradient_too(space):
    values = torch.tensor([[0.0, 0.5, 1.0]], dtype=torch.bfloat16, requires_grad=True)
    found = invertible(values, DepthConvention("inverse_depth", "metric"), space)
    assert found.tolist() == [[0.25, 0.5, 1.0]]
    assert found.dtype == torch.bfloat16 and found.requires_grad
