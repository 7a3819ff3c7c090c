"""Sun, lamps, sky and haze of a scene; never knows its objects."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from patchwrap.scenes.placement import Number

Triple = tuple[Number, Number, Number]


@dataclass(frozen=True)
class Lamp:
    """A point light; its strength halves at about ``reach`` metres."""

    position: Triple
    colour: Triple
    reach: Number = 2.0


@dataclass(frozen=True)
class Lighting:
    """One light that casts shadows, an ambient light from above and below, and lamps that cast none.

    Attributes:
        direction: unit vector towards the sun; ignored when ``lamp`` is set.
        key: linear colour of the light that casts shadows.
        above: ambient light on surfaces that look up.
        below: ambient light on surfaces that look down.
        lamp: position of the shadow-casting lamp, or None for a sun.
        centre: middle of the region that gets shadows.
        reach: radius of that region in metres.
        contact: radius of the ambient occlusion in metres.
    """

    direction: Triple
    key: Triple
    above: Triple
    below: Triple
    lamps: tuple[Lamp, ...] = ()
    lamp: Triple | None = None
    centre: Triple = (0.0, 0.0, 0.0)
    reach: Number = 40.0
    contact: Number = 0.6


@dataclass(frozen=True)
class Atmosphere:
    """Sky and haze, and how the picture is developed.

    Attributes:
        haze: linear colour of the far distance.
        density: inverse of the distance at which haze takes 63 %, per metre.
        clouds: cover in [0, 1].
        balance: white balance gains.
        exposure: stops added to the metered exposure.
        contrast: exponent about middle grey.
        vignette: share of the natural fall-off towards the corners (the fourth power of the cosine) that is left.
        snow: cover of what looks up, in [0, 1].
    """

    zenith: Triple
    horizon: Triple
    haze: Triple
    density: Number
    clouds: Number = 0.0
    cloud_seed: Number = 0.0
    balance: Triple = (1.0, 1.0, 1.0)
    exposure: float = 0.0
    contrast: float = 1.0
    vignette: float = 0.0
    snow: float = 0.0


def triple(values: np.ndarray | Sequence) -> Triple:
    """Three plain floats."""
    x, y, z = values
    return float(x), float(y), float(z)


def warmth(kelvin: Number) -> np.ndarray:
    """Linear colour of a light from candle (2000) to blue sky (12000), mean 1: an eyeballed fit."""
    t = np.clip((kelvin - 6500) / 6500, -0.7, 0.85)
    colour = np.array([1 - 0.55 * t, 1 - 0.06 * abs(t), 1 + 0.85 * t])
    return np.clip(colour, 0.12, 2) / colour.mean()


def develop(rng: np.random.Generator) -> dict:
    """Random white balance, exposure, contrast and vignetting."""
    tilt = rng.normal(0, 0.07)
    balance = (np.exp(tilt), np.exp(rng.normal(0, 0.02)), np.exp(-tilt))
    return {
        "balance": triple(balance),
        "exposure": float(np.clip(rng.normal(0.05, 0.3), -0.6, 0.8)),
        "contrast": float(rng.uniform(0.95, 1.3)),
        "vignette": float(rng.uniform(0.0, 0.8)),
    }


def outdoors(rng: np.random.Generator, centre: Triple, reach: Number, haze: tuple[Number, Number]) -> tuple:
    """A sunny, hazy, overcast or low-sun sky.

    Args:
        centre: middle of the region that gets cast shadows.
        reach: its radius in metres.
        haze: bounds of the haze distance in metres.

    Returns:
        A ``Lighting`` and an ``Atmosphere``.
    """
    weather = rng.choice(["clear", "broken", "overcast", "low"], p=[0.35, 0.25, 0.25, 0.15])
    direction = toward_sun(rng, weather)
    zenith, horizon = sky_colours(rng, weather)
    sun = sunlight(rng, weather)
    above = 0.55 * zenith + 0.35 * horizon + 0.12
    lighting = Lighting(
        triple(direction), triple(sun), triple(above), triple(above * np.array([0.45, 0.42, 0.36])),
        centre=centre, reach=reach, contact=rng.uniform(0.5, 0.9),
    )  # fmt: skip
    return lighting, atmosphere(rng, weather, zenith, horizon, haze)


def toward_sun(rng: np.random.Generator, weather: str) -> np.ndarray:
    """Unit vector to the sun."""
    height = np.radians(rng.uniform(6, 18) if weather == "low" else rng.uniform(22, 70))
    heading = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(heading) * np.cos(height), np.sin(heading) * np.cos(height), np.sin(height)])


def sky_colours(rng: np.random.Generator, weather: str) -> tuple[np.ndarray, np.ndarray]:
    """Linear colours of the zenith and the horizon."""
    grey = {"clear": 0.1, "broken": 0.3, "overcast": 0.92, "low": 0.25}[weather]
    blue = np.array([0.10, 0.22, 0.55]) * rng.uniform(0.7, 1.3) * np.array([rng.uniform(0.7, 1.4), 1, 1])
    zenith = (1 - grey) * blue + grey * np.array([0.55, 0.58, 0.63]) * rng.uniform(0.7, 1.2)
    horizon = (1 - grey) * np.array([0.62, 0.74, 0.9]) + grey * np.array([0.78, 0.79, 0.8])
    if weather == "low":
        horizon = horizon * np.array([1.15, 0.92, 0.72])
    return zenith, horizon


def sunlight(rng: np.random.Generator, weather: str) -> np.ndarray:
    """Linear colour of what comes straight from the sun."""
    kelvin = rng.uniform(2800, 4200) if weather == "low" else rng.uniform(4800, 6200)
    strength = {"clear": 2.6, "broken": 2.1, "overcast": 0.12, "low": 2.0}[weather]
    return warmth(kelvin) * strength * rng.uniform(0.8, 1.2)


def atmosphere(
    rng: np.random.Generator, weather: str, zenith: np.ndarray, horizon: np.ndarray, haze: tuple[Number, Number]
) -> Atmosphere:
    """Clouds, haze and sometimes snow under a sky of these colours; ``haze`` bounds its distance in metres."""
    distance = np.exp(rng.uniform(np.log(haze[0]), np.log(haze[1])))
    clouds = {"clear": rng.uniform(0, 0.35), "broken": rng.uniform(0.4, 0.7), "overcast": rng.uniform(0.6, 1)}
    return Atmosphere(
        triple(zenith), triple(horizon), triple(horizon * rng.uniform(0.75, 1.0)), 1 / distance,
        float(clouds.get(weather, rng.uniform(0.1, 0.6))), float(rng.uniform(0, 100)), **develop(rng),
        snow=float(rng.uniform(0.6, 1.0)) if rng.random() < 0.07 else 0.0,
    )  # fmt: skip
