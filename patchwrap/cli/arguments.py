"""Types and choices of options that several verbs share."""

import argparse

DEFAULT_BACKEND = "native"
DTYPES = ("float32", "bfloat16", "float16")
ROLES = ("backend", "coarse", "fine")


def positive(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def words(text: str) -> list[str]:
    """Split names at commas; duplicates are dropped, the order is kept."""
    found = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} contains no name")
    return found
