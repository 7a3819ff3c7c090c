"""Sizes as text: users write ``WIDTHxHEIGHT``, code uses ``(height, width)``."""

import re
from numbers import Integral
from typing import Any

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


def processing_size(value: Any) -> tuple[int, int]:
    """Return the ``(height, width)`` that a user gives as a backend's input size.

    Args:
        value: ``(height, width)``, ``"WIDTHxHEIGHT"`` or one number for both, also as text.

    Raises:
        OptionError: if it is none of these, or a side is not a whole number from 1.

    Example:
        >>> processing_size("518x392"), processing_size((392, 518)), processing_size(518)
        ((392, 518), (392, 518), (518, 518))
    """
    sides = value if isinstance(value, list | tuple) else (value, value)
    if isinstance(value, str) and (text := re.fullmatch(r"(?:([0-9]{1,6})x)?([0-9]{1,6})", value.lower())):
        sides = int(text[2]), int(text[1] or text[2])
    whole = all(isinstance(side, Integral) and not isinstance(side, bool) for side in sides)
    if len(sides) != 2 or not whole or min(sides) < 1:
        given = " ".join(repr(value).split())[:80]
        raise OptionError(
            f"processing {given} is not a size: (height, width), 'WIDTHxHEIGHT' or one number for both, "
            "each a whole number from 1."
        )
    return int(sides[0]), int(sides[1])
