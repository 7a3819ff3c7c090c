import numpy as np
import pytest

from patchwrap.errors import OptionError
from patchwrap.size import parse_size, processing_size


def test_a_size_is_width_times_height():
    assert parse_size("64x48") == parse_size("64X48") == (48, 64)


@pytest.mark.parametrize("text", ["64", "64x", "x48", "64x48x2", "15x48", "-64x48", "6.4x48", ""])
def test_anything_else_is_refused_by_name(text):
    with pytest.raises(OptionError, match=f"size '{text}' is not WIDTHxHEIGHT"):
        parse_size(text)


@pytest.mark.parametrize("value", ["518x392", "518X392", (392, 518), [392, 518], (np.int64(392), np.uint16(518))])
def test_a_backends_input_size_has_its_height_first_unless_it_is_text(value):
    assert processing_size(value) == (392, 518)


@pytest.mark.parametrize("value", [14, "14", (14, 14), "14x14", np.int64(14)])
def test_one_number_is_both_sides(value):
    assert processing_size(value) == (14, 14)


def test_the_sides_of_a_backends_input_size_are_pythons_own_numbers():
    assert all(type(side) is int for side in processing_size((np.int64(392), np.int64(518))))


@pytest.mark.parametrize(
    "value",
    ["", "x", "14x", "x14", "14x14x14", "-14", "1.5", "²", "٣x٣", " 14", "9999999x14", "wide", "(14, 14)"]
    + [0, -14, 14.0, True, None, {}, {14, 28}, b"14"]
    + [(14,), (14, 0), (14, 14, 14), (14, True), (14.0, 14), ("14", "14"), np.float64(14), np.True_, (14, np.int64(0))],
)
def test_anything_else_is_no_size(value):
    with pytest.raises(OptionError, match=r"^processing .* is not a size: .* each a whole number from 1\.$") as raised:
        processing_size(value)
    assert "\n" not in str(raised.value)
