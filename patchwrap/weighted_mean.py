"""A weighted mean of maps of parts of a grid, accumulated in scratch arrays."""

import torch
from jaxtyping import Float32
from numpy import ndarray

from patchwrap import scratch
from patchwrap.types import Map, Values

Place = tuple[slice, slice]
"""Rows and columns."""

_NOTHING = 1e-12
"""Less than any weight that is given."""


class WeightedMean:
    """Accumulates values and weights of regions in any order; 0 where there are none.

    Args:
        shape: ``(height, width)`` of the grid.
        anchor: positive weight of a value of 0 that takes part everywhere.
    """

    def __init__(self, shape: tuple[int, int], anchor: float = _NOTHING) -> None:
        self._anchor = anchor
        self._sum, self._weight = scratch.array(shape), scratch.array(shape)

    def add(self, place: Place, values: Map, weights: Map) -> None:
        """Add a region's values with their weights, both of the region's size."""
        # With torch: multiply and add in one pass, on all cores.
        torch.from_numpy(self._sum[place]).addcmul_(weights, values)
        torch.from_numpy(self._weight[place]).add_(weights)

    def __getitem__(self, place: Place) -> Float32[ndarray, "_ _"]:
        weight = torch.from_numpy(self._weight[place]) + float(self._anchor)
        return torch.div(torch.from_numpy(self._sum[place]), weight, out=weight).numpy()

    def result(self) -> Values:
        """Return the mean everywhere. It overwrites the sum, so nothing can be added afterwards."""
        for rows in scratch.bands(len(self._sum)):
            self._sum[rows] = self[rows, :]
        return self._sum
