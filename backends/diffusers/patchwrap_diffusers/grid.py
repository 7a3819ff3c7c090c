"""Where tiles lie among latents, which are whole cells of several pixels. Integers only: never touches a pixel.

A tile that begins between two cells is predicted from a picture moved to the nearest cell, so that latents of
overlapping tiles are latents of the same pixels. Its map is moved back and lacks a few pixels at one side.
A tile at the lower or right border of the canvas stays where it is, since no other may cover the border.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch

from patchwrap.tiling import Size, Tile
from patchwrap.types import Map


@dataclass(frozen=True)
class Place:
    """One tile among latents.

    Args:
        tile: as planned, on the canvas.
        seen: what is read of the canvas for it; of the tile's size.
        cells: the same among the latents of the level.
        size: ``(height, width)`` at which the network sees it.
    """

    tile: Tile
    seen: Tile
    cells: Tile
    size: Size

    def moved_back(self, values: Map) -> Map:
        """Bring a map of ``seen`` to ``tile``; NaN where it does not reach."""
        down = round((self.tile.top - self.seen.top) * self.size[0] / self.tile.height)
        across = round((self.tile.left - self.seen.left) * self.size[1] / self.tile.width)
        moved = torch.roll(values, (-down, -across), (0, 1))
        moved[_lost(down)] = torch.nan
        moved[:, _lost(across)] = torch.nan
        return moved

    def fixed(self) -> "Place":
        """The tile read exactly where it lies."""
        return replace(self, seen=self.tile)


@dataclass(frozen=True)
class Level:
    """Tiles of one size, whose latents have one scale.

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
        seen: the size at which the network sees a tile of a size; multiples of ``factor``.
        factor: pixels of a cell's side, as the network sees them.
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
    """The nearest cell, and the pixel at which it begins.

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
    """The rows or columns that a map does not have after it was rolled back by ``shift``."""
    return slice(-shift, None) if shift > 0 else slice(0, -shift)
