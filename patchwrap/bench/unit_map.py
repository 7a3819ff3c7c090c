"""The units in which maps of one image are compared: metres, or units of the coarse map where metres are unknown.

| convention | with true depth | without |
|---|---|---|
| metric | its metres | its metres |
| scale | times the median ratio | times what puts the coarse map's median at 5 |
| affine | least squares in its own space | percentiles 2 and 98 of the coarse map become 0 and 1 |

Fitting to true depth is done by ``patchwrap.metrics.fit``.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from patchwrap.convention import DepthConvention
from patchwrap.metrics import Fit, fit
from patchwrap.types import Mask, Values

MEDIAN = 5.0
_PERCENTILES = (2, 98)


@dataclass(frozen=True)
class MetricUnits:
    """Distances in metres, or proportional to metres.

    Args:
        fit: turns a map's values into these distances.
    """

    fit: Fit

    def units(self, values: Values) -> Values:
        """Distances, clamped to a millimetre below and to the largest that is evaluated above."""
        return self.fit.apply(values)

    def flat(self, values: Values) -> Values:
        """Logarithm of the distances: a relative error has the same size near and far."""
        return np.log(self.units(values))

    def nearness(self, values: Values) -> Values:
        """One over the distances, for colours."""
        return 1 / self.units(values)


@dataclass(frozen=True)
class RelativeUnits:
    """Fractions of the coarse map's range, for maps whose scale and shift are unknown.

    Args:
        low: value that becomes 0.
        high: value that becomes 1.
        near_is_large: whether the values grow towards the camera.
    """

    low: float
    high: float
    near_is_large: bool

    def units(self, values: Values) -> Values:
        """Values with the range's lower end at 0 and its upper end at 1."""
        return (values - np.float32(self.low)) / np.float32(max(self.high - self.low, 1e-12))

    def flat(self, values: Values) -> Values:
        """The same as ``units``: fractions are compared as they are."""
        return self.units(values)

    def nearness(self, values: Values) -> Values:
        """The fractions, with their sign changed where values grow with distance."""
        return self.units(values) if self.near_is_large else -self.units(values)


UnitMap = MetricUnits | RelativeUnits
"""Converts values of one convention to comparable units."""


def true_unit_map(
    values: Values, truth: Values, valid: Mask, convention: DepthConvention, far: float
) -> MetricUnits:
    """Fit the unknowns that a convention leaves to true depth.

    Args:
        values: the map to fit.
        truth: true depth in metres, the same size.
        valid: pixels to fit on.
        convention: of the values.
        far: distances are clamped to this many metres.

    Raises:
        ConventionError: for heights, which cannot be compared with depth.
    """
    return MetricUnits(replace(fit(values, truth, valid, convention), far=far))


def own_unit_map(coarse: Float32[ndarray, "*size"], convention: DepthConvention) -> UnitMap:
    """Choose units from the coarse map, for an image without true depth.

    Args:
        coarse: finite values of the coarse map.
        convention: of the values.
    """
    if convention.ambiguity == "affine" or convention.space == "height":
        low, high = np.percentile(coarse, _PERCENTILES)
        return RelativeUnits(float(low), float(high), convention.near_is_large)
    if convention.ambiguity == "metric":
        return MetricUnits(Fit(convention.space))
    median = max(float(np.median(coarse)), 1e-12)
    wanted = MEDIAN if convention.space == "depth" else 1 / MEDIAN
    return MetricUnits(Fit(convention.space, wanted / median))


def alignment_rule(convention: DepthConvention, has_truth: bool) -> str:
    """Describe in words how maps of a convention are converted to comparable units."""
    inverse = convention.space == "inverse_depth"
    space, then = ("inverse depth", ", then inverted") if inverse else ("depth", "")
    if convention.space == "height" and has_truth:
        return "none: heights cannot be measured against depth"
    if convention.ambiguity == "metric" and convention.space != "height":
        return f"none: the backend's own metres{then}"
    if convention.ambiguity == "scale" and convention.space != "height":
        known, unknown = f"median ratio of true to predicted {space}", f"median of the coarse map put to {MEDIAN:g}"
        return f"one factor an image: {known if has_truth else unknown}{then}"
    if has_truth:
        return f"scale and shift an image: least squares on {space}, clamped{then}"
    return "scale and shift an image: percentiles 2 and 98 of the coarse map put to 0 and 1"
