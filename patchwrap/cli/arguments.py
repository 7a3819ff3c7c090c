"""Types and choices of options that several verbs share."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

DEFAULT_BACKEND = "native"
PLANS = (
    "auto (by the photo's size, at most 3x3), COLUMNSxROWS such as 3x3 (neighbours overlap by half), p16 (4x4 without "
    "overlap), p49 (4x4 overlapping by half), slide (tiles of the backend's input size), slide:WIDTHxHEIGHT; all but "
    "auto can be joined by +, such as 2x2+p16, and +rN adds N random tiles"
)
ROLES = ("backend", "coarse", "fine")
DEVICE = "auto (cuda if available, otherwise cpu; never mps), cpu, cuda, cuda:1, mps (default: auto)"


def nonempty(text: str) -> str:
    """Refuse empty text, which is what an unset shell variable gives."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the value is empty; give one, or leave the option out")
    return text


def nonempty_path(text: str) -> Path:
    """Read a path; ``Path("")`` would be the current folder."""
    return Path(nonempty(text))


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


def positive_number(text: str) -> float:
    """Read a finite number above 0."""
    return _number(text, lambda value: 0 < value < math.inf, "a finite number above 0")


def seconds(text: str) -> float:
    """Read a duration: a finite number from 0."""
    return _number(text, lambda value: 0 <= value < math.inf, "a finite number of seconds from 0")


def overlap(text: str) -> float:
    """Read the least fraction of a tile that it shares with its neighbour."""
    return _number(text, lambda value: 0 <= value <= 0.9, "a fraction in [0, 0.9]")


def _number(text: str, possible: Callable[[float], bool], what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan  # never possible
    if not possible(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value
