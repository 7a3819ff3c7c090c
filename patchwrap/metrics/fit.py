"""Convert a prediction to metres by the one rule that its convention allows.

| convention | unknown | rule |
|---|---|---|
| metric | nothing | none (``inverse_depth:metric`` is inverted) |
| scale | a factor | median of the ratio to ground truth, or least squares in the logarithm |
| ``inverse_depth:affine`` | scale, shift | least squares on 1 / depth; clamp, invert (MiDaS, PRO) |
| ``depth:affine`` | scale, shift | least squares on depth (Marigold) |

Least squares on inverse depth gives near pixels more weight, on depth far ones, so that errors under the two rules
cannot be compared.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped
from numpy import ndarray

from patchwrap.convention import DepthConvention
from patchwrap.errors import ConventionError
from patchwrap.metrics.depth import MAX_DEPTH, MIN_DEPTH, clamp, valid_mask
from patchwrap.types import Mask, Values

Rule = Literal["median", "least_squares"]


@dataclass(frozen=True)
class Fit:
    """A fitted scale and shift: ``scale * values + shift`` is metric in ``space``.

    Fitting and applying are separate so that a fused map can also be measured with the fit of its coarse map: the
    difference from its own fit shows whether fusion drifted.

    Args:
        space: in which the fit is linear, metres or 1 / metres.
        scale: factor on the values.
        shift: added afterwards.
        far: depth in metres at which the result is clamped.
    """

    space: Literal["depth", "inverse_depth"]
    scale: float = 1.0
    shift: float = 0.0
    far: float = MAX_DEPTH

    def apply(self, values: Values) -> Values:
        """Return depth in metres, clamped to a millimetre below and to ``far`` above."""
        moved = values * np.float32(self.scale) + np.float32(self.shift)
        if self.space == "depth":
            return clamp(moved, self.far)
        return np.float32(1) / np.clip(moved, np.float32(1 / self.far), np.float32(1 / MIN_DEPTH))

    def clamped_share(self, values: Values, valid: Mask) -> float:
        """Return the share of ``valid`` pixels that ``apply`` clamps; worth reporting beside affine measures."""
        moved = values[valid] * self.scale + self.shift
        near, far = (MIN_DEPTH, self.far) if self.space == "depth" else (1 / self.far, 1 / MIN_DEPTH)
        return float(np.mean((moved < near) | (moved > far))) if moved.size else float("nan")


def fit(pred: Values, gt: Values, valid: Mask | None, convention: DepthConvention, rule: Rule = "median") -> Fit:
    """Fit what a convention leaves unknown.

    Args:
        pred: predicted values in their own convention.
        gt: true depth in metres, the same size.
        valid: pixels to fit on, or None for ``valid_mask(gt)``.
        convention: of the predicted values.
        rule: how an unknown scale alone is fitted.

    Raises:
        ConventionError: if the convention's space is not a depth.
    """
    if convention.space == "height":
        raise ConventionError(f"{convention} cannot be measured against depth: heights are measured from the ground.")
    if convention.ambiguity == "metric":
        return Fit(convention.space)
    valid = valid_mask(gt) if valid is None else valid
    source, target = pred[valid], gt[valid]
    if convention.space == "inverse_depth":
        target = 1 / target
    if convention.ambiguity == "affine":
        return Fit(convention.space, *_line(source, target))
    return Fit(convention.space, _factor(source, target, rule))


def align(pred: Values, gt: Values, valid: Mask | None, convention: DepthConvention, rule: Rule = "median") -> Values:
    """Align a prediction by its convention's rule (see ``fit``).

    Args:
        pred: predicted values in their own convention.
        gt: true depth in metres, the same size.
        valid: pixels to fit on, or None for ``valid_mask(gt)``.
        convention: of the predicted values.
        rule: how an unknown scale alone is fitted.

    Returns:
        Depth in metres, clamped to a millimetre below and to 80 m above.

    Raises:
        ConventionError: if the convention's space is not a depth.
    """
    return fit(pred, gt, valid, convention, rule).apply(pred)


def align_median(pred: Values, gt: Values, valid: Mask | None = None) -> Values:
    """Return predicted depth times the median ratio of true to predicted depth; arguments as of ``align``."""
    return align(pred, gt, valid, DepthConvention("depth", "scale"), "median")


def _factor(source: Shaped[ndarray, "pixels"], target: Shaped[ndarray, "pixels"], rule: Rule) -> float:
    positive = source > 0
    if not positive.any():
        return 1.0
    ratio = target[positive] / source[positive]
    if rule == "median":
        return float(np.median(ratio))
    return float(np.exp(np.log(ratio).mean(dtype=np.float64)))


def _line(source: Float[ndarray, "pixels"], target: Float[ndarray, "pixels"]) -> tuple[float, float]:
    """Least-squares scale and shift, in closed form and double precision; a flat source gets scale 0."""
    if not source.size:
        return 1.0, 0.0
    mean, centre = source.mean(dtype=np.float64), target.mean(dtype=np.float64)
    off = source - mean
    variance = np.mean(off * off, dtype=np.float64)
    scale = float(np.mean(off * (target - centre), dtype=np.float64) / variance) if variance > 0 else 0.0
    return scale, float(centre - scale * mean)
