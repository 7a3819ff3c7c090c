"""One tile as the alignment sees it: its thumbnail at the coarse map's sampling, and its correction."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, Map

Grid = Float[ndarray, "rows columns"]
"""A map at the coarse map's sampling, float64."""

Footprints = tuple[tuple[slice, Float[Tensor, "_ _"]], ...]
"""Cells along one axis in blocks: the pixels under a block, and the fraction of each cell (row) that each covers."""

BLOCK = 1024
"""Cells in a block. The fractions are mostly zeros, so that one matrix for a very long side would not fit in memory."""

Level = Literal["plane", "scale", "shift", "coarse", "identity"]
"""Fitted parameters: scale, shift and tilts; scale and shift; shift; none, the coarse map is used; no fit was made."""


@dataclass(frozen=True)
class Correction:
    """Correction of one tile: ``scale * x + shift + tilt_v * v + tilt_u * u``.

    ``v`` and ``u`` run from -1 to 1 down and across the tile. All maps are in the fusion space.

    Args:
        scale: factor, positive.
        shift: offset at the tile's centre.
        tilt_v: half the rise from the upper to the lower side.
        tilt_u: half the rise from the left to the right side.
        trust: weight of the tile, in [0, 1]; 0: the coarse map is used instead.
        level: step of the fall-back chain that the fit ended at.
        agreement: with the coarse map, in (0, 1], for each coarse pixel inside the tile, see ``agreement``;
            None: 1 everywhere.
    """

    scale: float = 1.0
    shift: float = 0.0
    tilt_v: float = 0.0
    tilt_u: float = 0.0
    trust: float = 1.0
    level: Level = "identity"
    agreement: Grid | None = field(default=None, compare=False)

    def apply(self, values: Map) -> Map:
        """Return the corrected tile."""
        v, u = (torch.from_numpy(_centres(n)).to(values) for n in values.shape)
        plane = (self.shift + self.tilt_v * v)[:, None] + (self.tilt_u * u)[None, :]
        return plane.add_(values, alpha=self.scale)


@dataclass
class Observation:
    """A tile's thumbnail and its correction so far.

    Args:
        cells: the coarse pixels that lie wholly inside the tile.
        v: position of these pixels' rows in the tile, from -1 to 1.
        u: position of their columns in the tile, from -1 to 1.
        thumb: the tile's mean over each of these pixels, NaN where invalid.
        correction: the tile's, as far as it is determined.
    """

    cells: tuple[slice, slice]
    v: Float[ndarray, "rows"]
    u: Float[ndarray, "columns"]
    thumb: Grid
    correction: Correction

    @classmethod
    def of(cls, tile: Tile, values: Map, canvas: Size, coarse: Size) -> "Observation":
        """Sample a tile like the coarse map.

        Args:
            tile: its position on the canvas.
            values: its map in the fusion space, NaN where invalid.
            canvas: ``(height, width)`` of the canvas.
            coarse: ``(rows, columns)`` of the coarse map.
        """
        cells, thumb = thumbnail(values, tile, canvas, coarse)
        v = _positions(cells[0], canvas[0] / coarse[0], tile.top, tile.height)
        u = _positions(cells[1], canvas[1] / coarse[1], tile.left, tile.width)
        return cls(cells, v, u, thumb, Correction(trust=0.0, level="coarse"))

    @property
    def usable(self) -> bool:
        """Whether enough of the tile is valid for a fit."""
        valid = np.isfinite(self.thumb).sum()
        return bool(valid >= max(12, 0.25 * self.thumb.size))

    def corrected(self) -> Grid:
        """The thumbnail with the correction applied."""
        c = self.correction
        return c.scale * self.thumb + c.shift + c.tilt_v * self.v[:, None] + c.tilt_u * self.u[None, :]

    def basis(self, rows: slice = slice(None), columns: slice = slice(None)) -> Float[ndarray, "cells 3"]:
        """Columns 1, v and u of the design matrix for the cells in a part of the thumbnail, row-major."""
        v, u = self.v[rows], self.u[columns]
        basis = np.ones((len(v), len(u), 3))
        basis[..., 1], basis[..., 2] = v[:, None], u[None, :]
        return basis.reshape(-1, 3)


def agreement(difference: Grid, half: float) -> Grid:
    """Agreement with the coarse map: ``1 / (1 + (difference / half)^4)``.

    Args:
        difference: from the coarse map; NaN counts as 0.
        half: difference at which the agreement is one half, in the same units.

    Returns:
        Values in (0, 1], shape of the difference.
    """
    square = np.square(np.where(np.isfinite(difference), difference, 0.0) / half)
    return 1 / (1 + square * square)


def thumbnail(values: Map, tile: Tile, canvas: Size, coarse: Size) -> tuple[tuple[slice, slice], Grid]:
    """Average a tile over the coarse map's pixels. A fit of the tile's full detail to the coarse map would be biased.

    Args:
        values: the tile's map, NaN where invalid.
        tile: its position on the canvas.
        canvas: ``(height, width)`` of the canvas.
        coarse: ``(rows, columns)`` of the coarse map.

    Returns:
        The coarse pixels that lie wholly inside the tile, and the tile's mean over each of them;
        NaN where less than half of a pixel's area is valid.
    """
    rows, down = _footprints(tile.top, tile.bottom, canvas[0], coarse[0])
    columns, across = _footprints(tile.left, tile.right, canvas[1], coarse[1])
    mean = _averaged(values.float(), down, across)
    if mean.isfinite().all():  # a single NaN pixel makes all cells of its block NaN, since 0 * NaN is NaN
        return (rows, columns), mean.double().numpy()
    valid = values.isfinite()
    share = _averaged(valid.float(), down, across)
    total = _averaged(torch.where(valid, values.float(), 0.0), down, across)
    mean = torch.where(share >= 0.5, total / share.clamp_min(1e-9), torch.nan)
    return (rows, columns), mean.double().numpy()


def _averaged(values: Map, down: Footprints, across: Footprints) -> CoarseMap:
    rows = torch.cat([shares @ values[pixels] for pixels, shares in down])
    return torch.cat([rows[:, pixels] @ shares.T for pixels, shares in across], dim=1)


@lru_cache(maxsize=32)
def _footprints(start: int, stop: int, pixels: int, cells: int) -> tuple[slice, Footprints]:
    """The cells wholly inside [start, stop), and what each pixel contributes to them. Cached for tile rows."""
    pitch = pixels / cells
    first, last = int(np.ceil(start / pitch - 1e-6)), int(np.floor(stop / pitch + 1e-6))
    last = max(first, last)
    blocks = []
    for cell in range(first, max(last, first + 1), BLOCK):
        end = min(cell + BLOCK, last)
        low = start if cell == first else int(cell * pitch)
        high = stop if end == last else int(np.ceil(end * pitch))
        blocks.append((slice(low - start, high - start), _shares(cell, end, pitch, torch.arange(low, high))))
    return slice(first, last), tuple(blocks)


def _shares(first: int, last: int, pitch: float, pixel: Tensor) -> Float[Tensor, "cells pixels"]:
    """The fraction of each cell that every pixel covers."""
    low = torch.arange(first, last, dtype=torch.float64)[:, None] * pitch
    shared = (torch.minimum(low + pitch, pixel + 1) - torch.maximum(low, pixel)).clamp_min(0)
    return (shared / pitch).float()


def _positions(cells: slice, pitch: float, start: int, length: int) -> Float[ndarray, "cells"]:
    centres = (np.arange(cells.start, cells.stop) + 0.5) * pitch
    return 2 * (centres - start) / length - 1


def _centres(length: int) -> Float[ndarray, "length"]:
    return 2 * (np.arange(length) + 0.5) / length - 1
