"""The units in which maps of one image are compared: metres, or where nothing tells those, units of the coarse map.

| convention | with true depth | without |
|---|---|---|
| metric | its metres | its metres |
| scale | times the median ratio | the coarse map's median is put to 5 |
| affine | least squares in its own space | percentiles 2 and 98 of the coarse map are put to 0 and 1 |

Fitting to true depth is ``patchwrap.metrics.fit``'s business.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from patchwrap.convention import DepthConvention
from patchwrap.metrics import MAX_DEPTH, Fit, fit
from patchwrap.types import Mask, Values

MEDIAN = 5.0
_PERCENTILES = (2, 98)


@dataclass(frozen=True)
class Distances:
    """Metres, or like metres."""

    fit: Fit

    def units(self, values: Values) -> Values:
        """Distances, clamped to the range that counts."""
        return self.fit.apply(values)

    def flat(self, values: Values) -> Values:
        """Their logarithm: a difference means as much near as far."""
        return np.log(self.units(values))

    def nearness(self, values: Values) -> Values:
        """One over them, for colours."""
        return 1 / self.units(values)


@dataclass(frozen=True)
class Span:
    """Shares of the coarse map's range, for maps from which no distances follow."""

    low: float
    high: float
    near_is_large: bool

    def units(self, values: Values) -> Values:
        """0 at the range's lower end, 1 at its upper."""
        return (values - np.float32(self.low)) / np.float32(max(self.high - self.low, 1e-12))

    def flat(self, values: Values) -> Values:
        """As they are."""
        return self.units(values)

    def nearness(self, values: Values) -> Values:
        """As they are, or the other way round."""
        return self.units(values) if self.near_is_large else -self.units(values)


Ruler = Distances | Span
"""Brings values of one convention to units that differ by nothing."""


def true_ruler(
    values: Values, truth: Values, valid: Mask, convention: DepthConvention, far: float = MAX_DEPTH
) -> Distances:
    """The ruler that fits values best to true depth, as far as their convention allows; it ends at ``far`` metres.

    Raises:
        ConventionError: for heights, which no depth can judge.
    """
    return Distances(replace(fit(values, truth, valid, convention), far=far))


def own_ruler(coarse: Float32[ndarray, "*size"], convention: DepthConvention) -> Ruler:
    """The ruler of an image without true depth."""
    if convention.ambiguity == "affine" or convention.space == "height":
        low, high = np.percentile(coarse, _PERCENTILES)
        return Span(float(low), float(high), convention.near_is_large)
    if convention.ambiguity == "metric":
        return Distances(Fit(convention.space))
    median = max(float(np.median(coarse)), 1e-12)
    wanted = MEDIAN if convention.space == "depth" else 1 / MEDIAN
    return Distances(Fit(convention.space, wanted / median))


def words(convention: DepthConvention, has_truth: bool) -> str:
    """Say by which rule maps of a convention are brought to comparable units."""
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
