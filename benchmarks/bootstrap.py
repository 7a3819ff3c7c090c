"""How sure a mean over images is: percentile bootstrap, resampling images, the same draws every time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

RESAMPLES = 4000


@dataclass(frozen=True)
class Mean:
    """A mean over images and its 95 % interval."""

    mean: float
    low: float
    high: float
    images: int

    @classmethod
    def of(cls, values: Float[ndarray, "images"]) -> "Mean":
        """Images where a measure is not defined (NaN) do not count."""
        values = np.asarray(values, float)
        values = values[np.isfinite(values)]
        if not len(values):
            return cls(float("nan"), float("nan"), float("nan"), 0)
        draw = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
        low, high = np.percentile(values[draw].mean(axis=1), (2.5, 97.5))
        return cls(float(values.mean()), float(low), float(high), len(values))
