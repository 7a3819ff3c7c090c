import pytest

from patchwrap.errors import OptionError
from patchwrap.size import parse_size


def test_a_size_is_width_times_height():
    assert parse_size("64x48") == parse_size("64X48") == (48, 64)


@pytest.mark.parametrize("text", ["64", "64x", "x48", "64x48x2", "15x48", "-64x48", "6.4x48", ""])
def test_anything_else_is_refused_by_name(text):
    with pytest.raises(OptionError, match=f"size '{text}' is not WIDTHxHEIGHT"):
        parse_size(text)
