"""Phase two of the alignment: correct all tiles jointly so that they agree where they overlap.

Only shifts and planes are corrected, never scales: shrinking all scales would minimise the differences in the overlaps.
A term for each tile's difference from the coarse map anchors the tiles to it. Each overlap enters one small linear
system through its moments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csc_array
from scipy.sparse.linalg import spsolve

from patchwrap.observation import Grid, Observation
from patchwrap.robust import huber_weights, median

Steps = Float[ndarray, "tiles 3"]
"""Shift, vertical and horizontal tilt to add to each tile."""

Blocks = dict[tuple[int, int], Float[ndarray, "3 3"]]
"""Non-zero 3x3 blocks of the normal matrix, by (tile, tile) index."""

OVERLAP_GAIN = 3.0
"""Weight of an overlap relative to the anchor to the coarse map."""
TILT_RIDGE = 0.02
"""Regularises the tilt of a tile whose overlaps are too narrow to determine it."""
REWEIGHTINGS = 3
LEAST_CELLS = 12
"""Fewest valid cells that make an overlap."""
MANY_CELLS = 300
"""About this many cells of an overlap or tile are used: neighbouring cells are highly correlated."""
MOST_CELLS = 8_000_000
"""About this many cells of all overlaps together are used, each of which takes 56 bytes: if there are more than some
27,000 pairs of tiles, fewer than ``MANY_CELLS`` of each."""
FEWEST_CELLS = 48
"""About this many cells of an overlap are used at least, and never less than half as many of those that it has. If
that were more than ``MOST_CELLS`` in all, a random sample of the pairs is used."""


@dataclass(frozen=True)
class Overlap:
    """The cells that two tiles share.

    Args:
        first: index of one tile.
        second: index of the other.
        difference: first minus second in every cell.
        basis: derivative of the difference by both tiles' steps: 1, v and u of every cell in the first
            tile, and minus those in the second.
        share: size of the overlap as a fraction of the first tile, times the number of pairs that this one stands for.
    """

    first: int
    second: int
    difference: Float[ndarray, "cells"]
    basis: Float[ndarray, "cells 6"]
    share: float

    def residual(self, steps: Steps) -> Float[ndarray, "cells"]:
        """The difference that remains after the steps."""
        return self.difference + self.basis @ steps[[self.first, self.second]].ravel()


@dataclass(frozen=True)
class Anchor:
    """A tile's difference from the coarse map.

    Args:
        difference: tile minus coarse map in every cell used.
        basis: 1, v and u of these cells.
    """

    difference: Float[ndarray, "cells"]
    basis: Float[ndarray, "cells 3"]

    @classmethod
    def of(cls, tile: Observation, coarse: Grid) -> "Anchor":
        """Compare a corrected tile with the coarse map where the tile is valid."""
        some = (slice(None, None, _stride(tile.thumb.size)),) * 2
        difference = (tile.corrected() - coarse[tile.cells])[some].ravel()
        valid = np.flatnonzero(np.isfinite(difference))
        if not valid.size:  # the stride hits the holes of a regular pattern only
            difference, some = (tile.corrected() - coarse[tile.cells]).ravel(), (slice(None),) * 2
            valid = np.flatnonzero(np.isfinite(difference))
            valid = valid[:: max(1, valid.size // MANY_CELLS)]
        return cls(difference[valid], tile.basis(*some)[valid])

    def residual(self, step: Float[ndarray, "3"]) -> Float[ndarray, "cells"]:
        """The difference that remains after the step."""
        return self.difference + self.basis @ step


def joint_steps(tiles: list[Observation], coarse: Grid, spread: float) -> Steps:
    """Shift and tilts to add to each tile's correction.

    All are zero unless they reduce the differences in the overlaps while the tiles stay about as close to the coarse
    map as before.

    Args:
        tiles: observed and corrected by phase one.
        coarse: the coarse map at its own sampling.
        spread: of the coarse map, see ``robust.map_spread``.
    """
    still = np.zeros((len(tiles), 3))
    pairs = find_overlaps(tiles)
    if not pairs:
        return still
    anchors = [Anchor.of(tile, coarse) for tile in tiles]
    steps = reduce(lambda at, _: _solve(pairs, anchors, at), range(REWEIGHTINGS), still)
    closer = _mean_overlap(pairs, steps) < _mean_overlap(pairs, still)
    kept = _mean_anchor(anchors, steps) < 1.25 * _mean_anchor(anchors, still) + 0.01 * spread
    return steps if closer and kept else still


def find_overlaps(tiles: list[Observation]) -> list[Overlap]:
    """Pairs of tiles that share at least two rows, two columns and, among the cells used, ``LEAST_CELLS`` valid ones.

    Every such pair, unless there are so many that a sample must do, see ``FEWEST_CELLS``.
    """
    values = [tile.corrected() for tile in tiles]
    count = sum(len(others) for _, others in _neighbours(tiles))
    cells = min(MANY_CELLS, max(FEWEST_CELLS, MOST_CELLS // max(count, 1)))
    part = min(1.0, MOST_CELLS / (cells * max(count, 1)))
    found = (_overlap(tiles, values, pair, cells, part) for pair in _sampled_pairs(tiles, part))
    return [overlap for overlap in found if overlap is not None]


def _neighbours(tiles: list[Observation]) -> Iterator[tuple[int, Int[ndarray, "pairs"]]]:
    """Every tile's index, and those of later tiles that share at least two rows and two columns with it."""
    low = np.array([[part.start for part in tile.cells] for tile in tiles]).reshape(-1, 2)
    high = np.array([[part.stop for part in tile.cells] for tile in tiles]).reshape(-1, 2)
    for i in range(len(tiles)):
        shared = np.minimum(high[i], high[i + 1 :]) - np.maximum(low[i], low[i + 1 :])
        yield i, i + 1 + np.flatnonzero((shared >= 2).all(axis=1))


def _sampled_pairs(tiles: list[Observation], part: float) -> Iterator[tuple[int, int]]:
    """About this part of the pairs of neighbours, the same in every call; all of them if it is 1."""
    # At random, since in a regular plan every n-th pair may join tiles in one direction only.
    draw = np.random.default_rng(0)
    for i, others in _neighbours(tiles):
        for k in others[draw.random(len(others)) < part]:
            yield i, int(k)


def _overlap(
    tiles: list[Observation],
    values: list[Float[ndarray, "_ _"]],
    pair: tuple[int, int],
    cells: int,
    part: float,
) -> Overlap | None:
    places = [tiles[k].cells for k in pair]
    shared = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(*places)]
    stride = _stride(prod(stop - start for start, stop in shared), cells)
    for step in (stride, 1):
        views = [tuple(slice(a - p.start, b - p.start, step) for p, (a, b) in zip(place, shared)) for place in places]
        difference = (values[pair[0]][views[0]] - values[pair[1]][views[1]]).ravel()
        valid = np.flatnonzero(np.isfinite(difference))
        if valid.size * step**2 >= LEAST_CELLS * stride**2:
            break
    else:
        return None
    if step < stride:  # since the stride hits the holes of a regular pattern only
        valid = valid[:: max(1, valid.size // cells)]
    first, second = (tiles[k].basis(*view)[valid] for k, view in zip(pair, views))
    share = step**2 * difference.size / tiles[pair[0]].thumb.size / part
    return Overlap(*pair, difference[valid], np.hstack([first, -second]), share)


def _stride(cells: int, wanted: int = MANY_CELLS) -> int:
    """Step between used rows and columns at which about the wanted number of cells remain, at least half of it."""
    return max(1, round(float(np.sqrt(cells / wanted))))


def _solve(pairs: list[Overlap], anchors: list[Anchor], steps: Steps) -> Steps:
    """One reweighted least-squares solution from the moments of all overlaps and anchors."""
    normal: Blocks = {}
    right = np.zeros_like(steps)
    for k, anchor in enumerate(anchors):
        weighted = anchor.basis.T * (huber_weights(anchor.residual(steps[k])) / anchor.difference.size)
        normal[k, k] = weighted @ anchor.basis + np.diag([1e-9, TILT_RIDGE, TILT_RIDGE])
        right[k] -= weighted @ anchor.difference
    for pair in pairs:
        _add_overlap(normal, right, pair, steps)
    return spsolve(_sparse(normal, len(anchors)), right.ravel()).reshape(-1, 3)


def _add_overlap(normal: Blocks, right: Steps, pair: Overlap, steps: Steps) -> None:
    weight = huber_weights(pair.residual(steps))
    weighted = pair.basis.T * (weight * (OVERLAP_GAIN * pair.share / weight.size))
    moments = (weighted @ pair.basis).reshape(2, 3, 2, 3)
    pull = (weighted @ pair.difference).reshape(2, 3)
    for a, one in enumerate((pair.first, pair.second)):
        right[one] -= pull[a]
        for b, other in enumerate((pair.first, pair.second)):
            normal[one, other] = normal.get((one, other), 0) + moments[a, :, b]


def _sparse(blocks: Blocks, count: int) -> csc_array:
    """The normal matrix; sparse, since most pairs of tiles do not overlap."""
    places = 3 * np.array(list(blocks))[:, :, None, None] + np.indices((3, 3))
    numbers = np.stack(list(blocks.values())).ravel()
    return csc_array((numbers, (places[:, 0].ravel(), places[:, 1].ravel())), shape=(3 * count, 3 * count))


def _mean_overlap(pairs: list[Overlap], steps: Steps) -> float:
    return float(np.mean([np.mean(np.abs(pair.residual(steps))) for pair in pairs]))


def _mean_anchor(anchors: list[Anchor], steps: Steps) -> float:
    return float(np.mean([median(np.abs(a.residual(step))) for a, step in zip(anchors, steps)]))
