"""Sizes as text: users write ``WIDTHxHEIGHT``, code uses ``(height, width)``."""

from patchwrap.errors import OptionError


def parse_size(text: str) -> tuple[int, int]:
    """Return ``(height, width)``.

    Raises:
        OptionError: if the text is not WIDTHxHEIGHT, or a side has less than 16 pixels.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 16):
        raise OptionError(f"size {text!r} is not WIDTHxHEIGHT in pixels with 16 or more a side, as in 3840x2160.")
    return int(height), int(width)
