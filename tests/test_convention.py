"""Conventions as text."""

import pytest

from patchwrap import ConventionError, DepthConvention


@pytest.mark.parametrize("text", ["foo", "depth", "depth:foo", ":metric", "", None, ("depth", "metric")])
def test_what_is_no_convention_is_quoted_as_it_was_given(text):
    with pytest.raises(ConventionError) as raised:
        DepthConvention.parse(text)
    assert str(raised.value).startswith(f"{text!r} is not a depth convention. Write SPACE:AMBIGUITY with SPACE one of ")
