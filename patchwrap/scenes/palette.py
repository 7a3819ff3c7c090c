"""Colours in linear light; never knows what wears them."""

import colorsys

import numpy as np
from jaxtyping import Float

from patchwrap.scenes.placement import Number, Values

Colour = Float[np.ndarray, "3"]
Colours = Float[np.ndarray, "count 3"]


def linear(colour: Values) -> np.ndarray:
    """SRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    colour = np.asarray(colour, float)
    return np.where(colour <= 0.04045, colour / 12.92, ((np.maximum(colour, 0) + 0.055) / 1.055) ** 2.4)


def hsv(hue: Number, saturation: Number, value: Number) -> Colour:
    """A linear colour from hue, saturation and value of its sRGB form, each in [0, 1]."""
    return linear(colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0), 1), min(max(value, 0), 1)))


def between(rng: np.random.Generator, low: tuple, high: tuple) -> Colour:
    """A random colour with hue, saturation and value each between two bounds."""
    return hsv(*(rng.uniform(a, b) for a, b in zip(low, high, strict=True)))


def pick(rng: np.random.Generator, choices: list) -> Colour:
    """One of several ``(low, high)`` HSV ranges, then a colour inside it."""
    low, high = choices[rng.integers(len(choices))]
    return between(rng, low, high)


def vary(rng: np.random.Generator, colour: Values, count: int, amount: Number = 0.15) -> Colours:
    """``count`` versions of a colour, varied in brightness and, less, in hue."""
    bright = np.exp(rng.normal(0, amount, (count, 1)))
    tilt = np.exp(rng.normal(0, amount * 0.35, (count, 3)))
    return np.clip(np.asarray(colour) * bright * tilt, 0.002, 0.95)


def any_colour(rng: np.random.Generator, strength: Number = 0.8) -> Colour:
    """A paint or fabric colour: often muted, sometimes strong, sometimes grey."""
    saturation = rng.choice([0.05, 0.25, 0.5, 0.85], p=[0.3, 0.3, 0.25, 0.15])
    return hsv(rng.random(), saturation * strength * rng.uniform(0.6, 1.2), rng.uniform(0.12, 0.95))


WOODS = [
    ((0.06, 0.30, 0.55), (0.10, 0.60, 0.85)),
    ((0.04, 0.45, 0.20), (0.08, 0.70, 0.45)),
    ((0.08, 0.15, 0.60), (0.12, 0.35, 0.90)),
    ((0.05, 0.05, 0.45), (0.10, 0.20, 0.70)),
]
WALLS = [
    ((0.08, 0.02, 0.75), (0.15, 0.12, 0.96)),
    ((0.08, 0.15, 0.65), (0.14, 0.45, 0.92)),
    ((0.0, 0.15, 0.45), (0.07, 0.5, 0.85)),
    ((0.5, 0.04, 0.55), (0.65, 0.25, 0.9)),
    ((0.2, 0.05, 0.5), (0.4, 0.25, 0.85)),
    ((0.0, 0.0, 0.3), (1.0, 0.05, 0.8)),
]
BRICKS = [
    ((0.01, 0.4, 0.4), (0.05, 0.65, 0.68)),
    ((0.06, 0.25, 0.55), (0.11, 0.45, 0.8)),
    ((0.02, 0.2, 0.25), (0.07, 0.4, 0.45)),
    ((0.05, 0.03, 0.6), (0.1, 0.12, 0.85)),
]
LEAVES = [
    ((0.22, 0.45, 0.25), (0.34, 0.8, 0.5)),
    ((0.18, 0.4, 0.35), (0.25, 0.75, 0.62)),
    ((0.28, 0.2, 0.25), (0.4, 0.45, 0.45)),
]
AUTUMN = [((0.02, 0.6, 0.4), (0.14, 0.9, 0.8))]
STONES = [((0.05, 0.0, 0.35), (0.12, 0.2, 0.75)), ((0.5, 0.0, 0.3), (0.65, 0.12, 0.7))]
METALS = [((0.5, 0.0, 0.15), (0.65, 0.15, 0.75)), ((0.05, 0.1, 0.2), (0.1, 0.4, 0.5))]
ROOFS = [
    ((0.01, 0.45, 0.3), (0.05, 0.7, 0.6)),
    ((0.55, 0.03, 0.18), (0.65, 0.2, 0.45)),
    ((0.05, 0.2, 0.2), (0.09, 0.45, 0.4)),
]
