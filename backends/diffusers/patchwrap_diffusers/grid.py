"""Where tiles lie on the grid of latents, whose cells cover several pixels. Integers only: never touches a pixel.

A tile that begins between two cells is predicted from a picture shifted to the nearest cell, so that the latents of
overlapping tiles cover the same pixels. Its map is shifted back and lacks a few pixels at one side.
A tile at the lower or right border of the canvas is not shifted, since no other tile may cover the border.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch

from patchwrap import Map, Size, Tile


@dataclass(frozen=True)
class Place:
    """One tile on the grid of latents.

    Args:
        tile: as planned, on the canvas.
        seen: the part of the canvas that is read for it; same size as the tile.
        cells: that part on the level's grid of latents.
        size: ``(height, width)`` of the network's input.
    """

    tile: Tile
    seen: Tile
    cells: Tile
    size: Size

    def moved_back(self, values: Map) -> Map:
        """Shift a map of ``seen`` to ``tile``; NaN where it does not reach."""
        down = round((self.tile.top - self.seen.top) * self.size[0] / self.tile.height)
        across = round((self.tile.left - self.seen.left) * self.size[1] / self.tile.width)
        moved = torch.roll(values, (-down, -across), (0, 1))
        moved[_lost(down)] = torch.nan
        moved[:, _lost(across)] = torch.nan
        return moved

    def fixed(self) -> "Place":
        """The same tile without a shift."""
        return replace(self, seen=self.tile)


@dataclass(frozen=True)
class Level:
    """Tiles of one size, which share a grid of latents.

    Args:
        places: of the tiles.
        size: ``(rows, columns)`` of cells that they cover together.
    """

    places: list[Place]
    size: Size


def levels(tiles: Sequence[Tile], canvas: Size, seen: Callable[[Size], Size], factor: int) -> list[Level]:
    """Sort tiles by size and place them.

    Args:
        tiles: on the canvas.
        canvas: its ``(height, width)``.
        seen: called with a tile's size; returns the network's input size, multiples of ``factor``.
        factor: input pixels per cell side.
    """
    ordered = sorted(tiles, key=lambda tile: tile.size)
    groups = [list(group) for _, group in groupby(ordered, lambda tile: tile.size)]
    return [_level([_place(tile, canvas, seen(tile.size), factor) for tile in group]) for group in groups]


def _level(places: list[Place]) -> Level:
    return Level(places, (max(place.cells.bottom for place in places), max(place.cells.right for place in places)))


def _place(tile: Tile, canvas: Size, size: Size, factor: int) -> Place:
    row, top = _snapped(tile.top, tile.height, canvas[0], factor * tile.height / size[0])
    column, left = _snapped(tile.left, tile.width, canvas[1], factor * tile.width / size[1])
    cells = Tile(row, column, size[0] // factor, size[1] // factor)
    return Place(tile, replace(tile, top=top, left=left), cells, size)


def _snapped(start: int, length: int, end: int, cell: float) -> tuple[int, int]:
    """The cell nearest to a tile's start, and the pixel at which the cell begins.

    Args:
        start: first pixel of a tile.
        length: pixels of the tile.
        end: pixels of the canvas.
        cell: pixels of a cell on the canvas.
    """
    index = round(start / cell)
    first = round(index * cell)
    return index, start if start + length == end or first + length > end else first


def _lost(shift: int) -> slice:
    """The rows or columns that are missing from a map after it was rolled back by ``shift``."""
    return slice(-shift, None) if shift > 0 else slice(0, -shift)
