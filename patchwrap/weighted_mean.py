"""A weighted mean that grows tile by tile, in scratch arrays."""

import torch
from jaxtyping import Float32
from numpy import ndarray

from patchwrap import scratch
from patchwrap.types import Map, Values

Place = tuple[slice, slice]
"""Rows and columns."""


class WeightedMean:
    """Values in any order of places; where there are none it is 0.

    Args:
        shape: ``(height, width)``.
        anchor: weight of a 0 that counts everywhere, positive.
    """

    def __init__(self, shape: tuple[int, int], anchor: float) -> None:
        self._anchor = anchor
        self._sum, self._weight = scratch.array(shape), scratch.array(shape)

    def add(self, place: Place, values: Map, weights: Map) -> None:
        """Let values count at a place."""
        # By torch: in one pass, and on all cores.
        torch.from_numpy(self._sum[place]).addcmul_(weights, values)
        torch.from_numpy(self._weight[place]).add_(weights)

    def __getitem__(self, place: Place) -> Float32[ndarray, "_ _"]:
        weight = torch.from_numpy(self._weight[place]) + float(self._anchor)
        return torch.div(torch.from_numpy(self._sum[place]), weight, out=weight).numpy()

    def result(self) -> Values:
        """Return the mean everywhere, in the place of the sum: nothing can be added afterwards."""
        for rows in scratch.bands(len(self._sum)):
            self._sum[rows] = self[rows, :]
        return self._sum
