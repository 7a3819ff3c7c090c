"""The types that an option may have, and how a message names them."""

from numbers import Integral, Real
from types import NoneType
from typing import Any

import numpy as np

from patchwrap.errors import OptionError

OptionType = tuple[tuple[Any, ...], str]
"""Possible types, and how to say so."""

NUMBER: OptionType = ((Real,), "a number")
NUMBER_OR_NONE: OptionType = ((Real, NoneType), "a number or None")
WHOLE: OptionType = ((Integral,), "a whole number")
WHOLE_OR_NONE: OptionType = ((Integral, NoneType), "a whole number or None")
TRUTH: OptionType = ((bool, np.bool_), "True or False")


def check_type(name: str, value: object, possible: OptionType) -> None:
    """Refuse a value of an impossible type.

    Raises:
        OptionError: naming the option, what was given and what is possible.
    """
    types, words = possible
    if not isinstance(value, types):
        raise OptionError(f"{name} {value!r} is of type {type(value).__name__}; give {words}.")
