"""Consistency error between tiles: how much predictions of the same pixels disagree before fusion.

It measures the network and the alignment; the seams of a fused map are measured in ``seam.py``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from patchwrap.types import Values

PlacedTile = tuple[int, int, Values]
"""``(top, left, depth)``: a tile's upper left pixel in the image and its predicted depth in metres."""


@dataclass(frozen=True)
class ConsistencyError:
    """Disagreement of overlapping tiles."""

    metres: float
    """Mean of |Di - Dj| over all pixels shared by neighbours."""

    relative: float
    """The same over the mean depth of those pixels, which does not depend on a common scale."""


def consistency_error(tiles: Sequence[PlacedTile]) -> ConsistencyError:
    """CE: mean of |Di - Dj| over the strips that tiles share with neighbours in their row and column.

    As PatchRefinerV2's ``run_consistency`` does it (strips to the left and upper neighbour, all
    pixels pooled, no validity mask); its protocol is 4x4 tiles of 960x540 that overlap by 270 pixels.
    Diagonal neighbours are not compared.

    Args:
        tiles: position in the image and predicted depth in metres; a pixel that is NaN in one of two tiles is left
            out of their comparison.

    Returns:
        NaN where no tiles overlap.
    """
    difference = depth = 0.0
    count = 0
    for pair in _shared(tiles):
        known = np.isfinite(pair[0]) & np.isfinite(pair[1])
        first, second = pair[0][known], pair[1][known]
        difference += np.abs(first - second).sum(dtype=np.float64)
        depth += 0.5 * (first.sum(dtype=np.float64) + second.sum(dtype=np.float64))
        count += first.size
    if not count:
        return ConsistencyError(float("nan"), float("nan"))
    return ConsistencyError(float(difference / count), float(difference / depth))


def _shared(tiles: Sequence[PlacedTile]) -> Iterator[tuple[Values, Values]]:
    """Yield both predictions of every strip shared by tiles of one row or one column."""
    for (top, left, first), (other_top, other_left, second) in combinations(tiles, 2):
        if top != other_top and left != other_left:
            continue
        upper, lower = max(top, other_top), min(top + first.shape[0], other_top + second.shape[0])
        start, end = max(left, other_left), min(left + first.shape[1], other_left + second.shape[1])
        if upper < lower and start < end:
            ours = first[upper - top : lower - top, start - left : end - left]
            yield ours, second[upper - other_top : lower - other_top, start - other_left : end - other_left]
