"""Every convention is brought to the same units, and its rule is said in words."""

import numpy as np
import pytest

from patchwrap.bench.unit_map import alignment_rule, own_unit_map, true_unit_map
from patchwrap.convention import DepthConvention
from patchwrap.errors import ConventionError
from patchwrap.metrics import MAX_DEPTH, valid_mask

TRUTH = np.random.default_rng(0).uniform(1, 9, (24, 32)).astype(np.float32)
SEEN = {
    "depth:metric": TRUTH,
    "inverse_depth:metric": 1 / TRUTH,
    "depth:scale": 3 * TRUTH,
    "inverse_depth:scale": 3 / TRUTH,
    "depth:affine": 3 * TRUTH - 2,
    "inverse_depth:affine": 3 / TRUTH - 2,
}


@pytest.mark.parametrize("name", SEEN)
def test_with_truth_every_convention_gives_its_metres(name):
    unit_map = true_unit_map(SEEN[name], TRUTH, valid_mask(TRUTH), DepthConvention.parse(name), MAX_DEPTH)
    np.testing.assert_allclose(unit_map.units(SEEN[name]), TRUTH, rtol=1e-4)
    np.testing.assert_allclose(unit_map.flat(SEEN[name]), np.log(TRUTH), atol=1e-4)
    assert unit_map.nearness(SEEN[name]).argmax() == TRUTH.argmin()


@pytest.mark.parametrize("name", SEEN)
def test_without_truth_what_a_convention_leaves_open_does_not_matter(name):
    convention = DepthConvention.parse(name)
    other = {"metric": SEEN[name], "scale": 7 * SEEN[name], "affine": 7 * SEEN[name] + 5}[convention.ambiguity]
    ours, theirs = (own_unit_map(values, convention).units(values) for values in (SEEN[name], other))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    if convention.ambiguity == "scale":
        assert np.median(ours) == pytest.approx(5, rel=1e-3)
    if convention.ambiguity == "affine":
        assert np.percentile(ours, (2, 98)) == pytest.approx((0, 1), abs=1e-3)


@pytest.mark.parametrize("name", SEEN)
def test_near_is_large_in_colours(name):
    nearness = own_unit_map(SEEN[name], DepthConvention.parse(name)).nearness(SEEN[name]).ravel()
    assert (nearness.argmax(), nearness.argmin()) == (TRUTH.argmin(), TRUTH.argmax())


def test_heights_are_refused_with_truth_only():
    heights = DepthConvention("height", "metric")
    with pytest.raises(ConventionError, match="measured from the ground"):
        true_unit_map(TRUTH, TRUTH, valid_mask(TRUTH), heights, MAX_DEPTH)
    assert np.percentile(own_unit_map(TRUTH, heights).units(TRUTH), 2) == pytest.approx(0, abs=1e-3)


def test_words():
    said = {name: alignment_rule(DepthConvention.parse(name), True) for name in SEEN}
    assert len(set(said.values())) == 6
    assert "median ratio of true to predicted depth" in said["depth:scale"]
    assert "least squares on inverse depth, clamped, then inverted" in said["inverse_depth:affine"]
    assert said["depth:metric"].startswith("none")
    assert "coarse map" in alignment_rule(DepthConvention.parse("depth:scale"), False)
    assert "percentiles" in alignment_rule(DepthConvention.parse("inverse_depth:affine"), False)
    assert "cannot" in alignment_rule(DepthConvention.parse("height:metric"), True)
