"""The parts of a scene that a shard holds: the whole frame and pairs of overlapping tiles. Coordinates only."""

from dataclasses import dataclass

import numpy as np

SHAPES = ((288, 384), (256, 448), (288, 384), (256, 448), (384, 288))
"""Sizes (height, width) of the stored views; shards take them in turn, one fifth is upright."""

GRIDS = (3, 3, 3, 4, 4, 2)
"""A tile is one n-th of the photo's height and width, n drawn from these: mostly the thirds of the automatic plan and
the quarters of PatchFusion's."""

SHIFTS = ((1, 1), (1, -1), (1, 1), (1, -1), (0, 2), (2, 0))
"""How far the second tile of a pair lies below and right of the first, in quarters of a tile."""


@dataclass(frozen=True)
class TilePair:
    """Two overlapping tiles of one photo.

    Args:
        windows: (top, left, height, width) of each tile as fractions of the photo.
        quarters: (rows, columns) from the first to the second, in quarters of a tile.
    """

    windows: tuple[tuple[float, float, float, float], tuple[float, float, float, float]]
    quarters: tuple[int, int]


def draw_pairs(seed: int, count: int) -> list[TilePair]:
    """Place pairs of tiles in a photo, the same for the same seed.

    Args:
        seed: the scene's seed.
        count: how many pairs.
    """
    rng = np.random.default_rng([seed, 1789])
    return [_draw_pair(rng) for _ in range(count)]


def _draw_pair(rng: np.random.Generator) -> TilePair:
    side = 1 / GRIDS[rng.integers(len(GRIDS))]
    quarters = SHIFTS[rng.integers(len(SHIFTS))]
    places = [_place(rng, side, n * side / 4) for n in quarters]
    first, second = ((*(place[n] for place in places), side, side) for n in (0, 1))
    return TilePair((first, second), quarters)  # type: ignore[arg-type]


def _place(rng: np.random.Generator, side: float, shift: float) -> tuple[float, float]:
    """Where two tiles displaced by ``shift`` begin along one axis, both inside [0, 1]."""
    start = rng.uniform(max(0.0, -shift), 1 - side - max(0.0, shift))
    return float(start), float(start + shift)
