"""One tile as the alignment sees it: its thumbnail at the coarse map's sampling, and what moves it into place."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from patchwrap.tiling import Size, Tile
from patchwrap.types import Map

Grid = Float[ndarray, "rows columns"]
"""A map at the coarse map's sampling, float64."""

Level = Literal["plane", "scale", "shift", "coarse", "identity"]


@dataclass(frozen=True)
class Correction:
    """What moves one tile into place: ``scale * x + shift + tilt_v * v + tilt_u * u``.

    ``v`` and ``u`` run from -1 to 1 down and across the tile.

    Args:
        scale: factor, positive.
        shift: offset at the tile's centre.
        tilt_v: half the rise from the upper to the lower side.
        tilt_u: half the rise from the left to the right side.
        trust: how much the tile counts, in [0, 1]; 0 lets the coarse map show through.
        level: how far down the fall-back chain the fit had to go.
        agreement: in (0, 1] for each coarse pixel inside the tile, how much of the tile to believe
            beside the coarse map; None where it is believed everywhere.
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
        v: position of their rows in the tile, from -1 to 1.
        u: position of their columns in the tile, from -1 to 1.
        thumb: the tile's mean over each of them, NaN where invalid.
        correction: what is known of it.
    """

    cells: tuple[slice, slice]
    v: Float[ndarray, "rows"]
    u: Float[ndarray, "columns"]
    thumb: Grid
    correction: Correction

    @classmethod
    def of(cls, tile: Tile, values: Map, canvas: Size, coarse: Size) -> "Observation":
        """Look at a tile at the coarse map's sampling.

        Args:
            tile: where it lies on the canvas.
            values: its map, NaN where invalid.
            canvas: ``(height, width)`` of the canvas.
            coarse: ``(rows, columns)`` of the coarse map.
        """
        cells, thumb = thumbnail(values, tile, canvas, coarse)
        v = _positions(cells[0], canvas[0] / coarse[0], tile.top, tile.height)
        u = _positions(cells[1], canvas[1] / coarse[1], tile.left, tile.width)
        return cls(cells, v, u, thumb, Correction(trust=0.0, level="coarse"))

    @property
    def usable(self) -> bool:
        """Whether enough of the tile is valid to be fitted at all."""
        valid = np.isfinite(self.thumb).sum()
        return bool(valid >= max(12, 0.25 * self.thumb.size))

    def corrected(self) -> Grid:
        """The thumbnail, moved by the correction."""
        c = self.correction
        return c.scale * self.thumb + c.shift + c.tilt_v * self.v[:, None] + c.tilt_u * self.u[None, :]

    def basis(self, rows: slice = slice(None), columns: slice = slice(None)) -> Float[ndarray, "cells 3"]:
        """One, v and u of each cell in a part of the thumbnail, row-major."""
        v, u = self.v[rows], self.u[columns]
        basis = np.ones((len(v), len(u), 3))
        basis[..., 1], basis[..., 2] = v[:, None], u[None, :]
        return basis.reshape(-1, 3)


def agreement(difference: Grid, half: float) -> Grid:
    """How far to believe what differs from the coarse map: 1 where it does not, one half at ``half``, little beyond.

    Args:
        difference: from the coarse map; NaN counts as none.
        half: in the difference's units.
    """
    square = np.square(np.where(np.isfinite(difference), difference, 0.0) / half)
    return 1 / (1 + square * square)


def thumbnail(values: Map, tile: Tile, canvas: Size, coarse: Size) -> tuple[tuple[slice, slice], Grid]:
    """Average a tile over the coarse map's pixels: the low-pass without which a fit is biased.

    Args:
        values: the tile, NaN where invalid.
        tile: where it lies on the canvas.
        canvas: ``(height, width)`` of the canvas.
        coarse: ``(rows, columns)`` of the coarse map.

    Returns:
        The coarse pixels that lie wholly inside the tile, and the tile's mean over each of them;
        NaN where less than half of a pixel's area is valid.
    """
    rows, down = _footprints(tile.top, tile.bottom, canvas[0], coarse[0])
    columns, across = _footprints(tile.left, tile.right, canvas[1], coarse[1])
    mean = down @ values.float() @ across.T
    if mean.isfinite().all():  # one NaN makes all cells NaN, even with a share of zero
        return (rows, columns), mean.double().numpy()
    valid = values.isfinite()
    share = down @ valid.float() @ across.T
    total = down @ torch.where(valid, values.float(), 0.0) @ across.T
    mean = torch.where(share >= 0.5, total / share.clamp_min(1e-9), torch.nan)
    return (rows, columns), mean.double().numpy()


@lru_cache(maxsize=32)
def _footprints(start: int, stop: int, pixels: int, cells: int) -> tuple[slice, Float[Tensor, "cells pixels"]]:
    """The cells wholly inside [start, stop) and each one's share of every pixel there; the same for a row of tiles."""
    pitch = pixels / cells
    first, last = int(np.ceil(start / pitch - 1e-6)), int(np.floor(stop / pitch + 1e-6))
    last = max(first, last)
    low = torch.arange(first, last, dtype=torch.float64)[:, None] * pitch
    pixel = torch.arange(start, stop)[None, :]
    shared = (torch.minimum(low + pitch, pixel + 1) - torch.maximum(low, pixel)).clamp_min(0)
    return slice(first, last), (shared / pitch).float()


def _positions(cells: slice, pitch: float, start: int, length: int) -> Float[ndarray, "cells"]:
    centres = (np.arange(cells.start, cells.stop) + 0.5) * pitch
    return 2 * (centres - start) / length - 1


def _centres(length: int) -> Float[ndarray, "length"]:
    return 2 * (np.arange(length) + 0.5) / length - 1
