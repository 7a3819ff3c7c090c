"""Conventions as text."""

import pytest

from patchwrap import ConventionError, DepthConvention


@pytest.mark.parametrize("text", ["foo", "disparity", "depth", "depth:foo", ":metric", "", None, ("depth", "metric")])
def test_what_is_no_convention_is_quoted_as_it_was_given(text):
    with pytest.raises(ConventionError) as raised:
        DepthConvention.parse(text)
    assert str(raised.value).startswith(f"{text!r} is not a depth convention. Write SPACE:AMBIGUITY with SPACE one of ")
    assert "Disparity and relative inverse depth are inverse_depth:affine, metres are depth:metric" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "gives_distances", "is_positive"),
    [
        *(("depth:metric", True, True), ("depth:scale", True, True), ("depth:affine", False, False)),
        *(("inverse_depth:scale", True, False), ("inverse_depth:affine", False, False)),
        ("height:metric", False, False),
    ],
)
def test_a_convention_tells_whether_distances_follow_and_values_are_positive(
    text, gives_distances, is_positive
):
    convention = DepthConvention.parse(text)
    assert (convention.gives_distances, convention.is_positive) == (gives_distances, is_positive)
