"""Tile plans and the positions of their tiles. Integers only: this module never touches a pixel.

A plan applies to a grid of any size: all tiles of a layer have the same size, lie inside the grid and together cover
it; where the sizes do not divide, neighbours overlap by a pixel or two more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, prod

import numpy as np

from patchwrap.errors import TilingError

Size = tuple[int, int]
"""``(height, width)`` in pixels."""

AUTO_MAX_SPLIT = 3
"""Most rows and columns that ``auto`` chooses: smaller tiles show too little context."""

MAX_OVERLAP = 0.9
"""The number of tiles grows with the square of ``1 / (1 - overlap)``: a 2x2 plan has 121 at .9, ten thousand at .99."""

MAX_TILES = 20_000
"""A plan of more tiles is taken for a mistake: it would run for hours and exhaust the memory."""

_FIXED = "p16, p49, p49+r128 (any number), COLUMNSxROWS such as 3x2, slide:640x480"
_NAMES = f"auto, slide, {_FIXED}"


@dataclass(frozen=True, order=True)
class Tile:
    """A rectangle of whole pixels on some grid."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """First row below the tile."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """First column right of the tile."""
        return self.left + self.width

    @property
    def size(self) -> Size:
        """``(height, width)``."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the tile's pixels in a (..., height, width) array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class Layer:
    """Equal tiles in rows and columns.

    Args:
        rows: a tile's height is the grid's height over ``rows``.
        columns: a tile's width is the grid's width over ``columns``.
        overlap: least fraction of a tile shared with its neighbour, in [0, 0.9].
        size: ``(height, width)`` of a tile instead of a share of the grid, or None.

    Raises:
        TilingError: if rows, columns or size are less than 1, or overlap is not in [0, 0.9].
    """

    rows: int
    columns: int
    overlap: float
    size: Size | None = None

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 1:
            raise TilingError(f"A layer has {self.rows} rows and {self.columns} columns; give at least one of each.")
        if self.size is not None and min(self.size) < 1:
            raise TilingError(f"A layer has tiles of {self.size} (height, width); give at least one pixel of each.")
        _check_overlap(self.overlap)

    def count(self, grid: Size) -> int:
        """Number of this layer's tiles."""
        height, width = self.tile_size(grid)
        return len(starts(grid[0], height, self.overlap)) * len(starts(grid[1], width, self.overlap))

    def tile_size(self, grid: Size) -> Size:
        """``(height, width)`` of this layer's tiles on a grid."""
        height, width = self.size or (ceil(grid[0] / self.rows), ceil(grid[1] / self.columns))
        return min(height, grid[0]), min(width, grid[1])

    def tiles(self, grid: Size) -> list[Tile]:
        """This layer's tiles in row-major order."""
        height, width = self.tile_size(grid)
        tops, lefts = starts(grid[0], height, self.overlap), starts(grid[1], width, self.overlap)
        return [Tile(top, left, height, width) for top in tops for left in lefts]


@dataclass(frozen=True)
class TilePlan:
    """Layers of tiles and additional random tiles of the last layer's size.

    ``p16``, ``p49`` and ``p49+rN`` are PatchFusion's modes (arXiv 2312.02284, section 3.3): a 4x4
    split; its four half-shifted passes (16 + 12 + 12 + 9 tiles, which is the 4x4 split at an
    overlap of one half); and N additional random tiles.

    Args:
        name: the plan as text; only shown.
        layers: at least one.
        random: number of random tiles.

    Raises:
        TilingError: if there is no layer, or ``random`` is negative or above ``MAX_TILES``.

    Example:
        >>> plan = TilePlan.parse("p49")
        >>> len(plan.tiles((2160, 3840))), plan.tile_size((2160, 3840))
        (49, (540, 960))
    """

    name: str
    layers: tuple[Layer, ...]
    random: int = 0

    def __post_init__(self) -> None:
        if not self.layers:
            raise TilingError(f"Plan {self.name!r} has no layer; give at least one, as Layer(2, 2, 0.5).")
        if self.random < 0:
            raise TilingError(f"Plan {self.name!r} has {self.random} random tiles; give 0 or more.")
        self._check_count(self.random)

    @classmethod
    def parse(cls, text: str, overlap: float | None = None) -> "TilePlan":
        """Read a plan that does not depend on the image (``choose`` also resolves ``auto`` and ``slide``).

        Args:
            text: parts joined by ``+``: ``p16``, ``p49``, ``COLUMNSxROWS``, ``slide:WIDTHxHEIGHT``, ``rN``.
            overlap: replaces every layer's own overlap, in [0, 0.9].

        Raises:
            TilingError: if a part is unknown or depends on the image, or ``overlap`` is not in [0, 0.9].
        """
        _check_overlap(overlap)
        parts = text.lower().split("+")
        layers = tuple(_layer(part, text) for part in parts if not re.fullmatch(r"r\d+", part))
        if not layers:
            raise TilingError(f"Plan {text!r} has random tiles only; put a covering plan first, as in p49+r128.")
        if overlap is not None:
            layers = tuple(replace(layer, overlap=overlap) for layer in layers)
        return cls(text, layers, sum(int(part[1:]) for part in parts if re.fullmatch(r"r\d+", part)))

    @classmethod
    def choose(cls, text: str, image: Size, processing: Size, overlap: float | None = None) -> "TilePlan | None":
        """Resolve ``auto`` and ``slide`` for an image and a backend; read anything else with ``parse``.

        ``auto`` splits an image by about its size over the processing size, at most 3x3 at half
        overlap: with less than about a third of the width a tile loses its context. ``slide`` means tiles
        of the processing size.

        Args:
            text: a plan as written on the command line; ``auto`` is not joined with other parts.
            image: ``(height, width)`` of the photo.
            processing: ``(height, width)`` that the tile backend prefers.
            overlap: see ``parse``.

        Returns:
            The plan, or None if ``auto`` finds the image no larger than one tile.

        Raises:
            TilingError: as ``parse``.
        """
        _check_overlap(overlap)
        if text.lower() != "auto":
            sized = f"slide:{processing[1]}x{processing[0]}"
            return cls.parse("+".join(sized if p.lower() == "slide" else p for p in text.split("+")), overlap)
        ratio = (image[0] * image[1] / (processing[0] * processing[1])) ** 0.5
        split = min(ceil(ratio - 0.25), AUTO_MAX_SPLIT)
        return cls.parse(f"{split}x{split}", overlap) if split > 1 else None

    def tile_size(self, grid: Size) -> Size:
        """``(height, width)`` of the smallest tiles on a grid, see ``smallest``."""
        return smallest(layer.tile_size(grid) for layer in self.layers)

    def tiles(self, grid: Size, seed: int = 0) -> list[Tile]:
        """Cut the plan from a grid.

        Args:
            grid: ``(height, width)`` to cover.
            seed: of the random tiles' positions.

        Returns:
            Distinct tiles, layer by layer in row-major order, then the random ones.

        Raises:
            TilingError: if there would be more than ``MAX_TILES``.
        """
        self._check_count(sum(layer.count(grid) for layer in self.layers) + self.random)
        regular = [tile for layer in self.layers for tile in layer.tiles(grid)]
        return list(dict.fromkeys(regular)) + self._random_tiles(grid, seed)

    def _check_count(self, count: int) -> None:
        if count > MAX_TILES:
            raise TilingError(f"Plan {self.name!r} has {count} tiles; take larger or fewer ones, at most {MAX_TILES}.")

    def _random_tiles(self, grid: Size, seed: int) -> list[Tile]:
        height, width = self.layers[-1].tile_size(grid)
        draw = np.random.default_rng(seed)
        tops = draw.integers(0, grid[0] - height + 1, self.random)
        lefts = draw.integers(0, grid[1] - width + 1, self.random)
        return [Tile(int(top), int(left), height, width) for top, left in zip(tops, lefts)]


def smallest(sizes: Iterable[Size]) -> Size:
    """The size of least area; of several, the one of least height, so that the order does not matter.

    Example:
        >>> smallest([(30, 80), (45, 20)])
        (45, 20)
    """
    return min(sizes, key=lambda size: (prod(size), size))


def starts(length: int, tile: int, overlap: float) -> list[int]:
    """First pixels of equal tiles that cover ``length`` pixels and overlap by at least ``overlap``.

    Tiles are spread evenly; the spacing is rounded, so the overlap may exceed the one asked for.

    Args:
        length: pixels to cover.
        tile: pixels of a tile, at most ``length``.
        overlap: fraction of a tile shared with the next, in [0, 1).

    Example:
        >>> starts(160, 100, 0.25)
        [0, 60]
    """
    # The small subtrahend absorbs rounding: 3 / 0.5 must give 6 steps even if the division yields 6.0000000001.
    steps = ceil((length - tile) / max(tile * (1 - overlap), 1) - 1e-6)
    if steps <= 0:
        return [0]
    first = [round(step * (length - tile) / steps) for step in range(steps + 1)]
    assert all(after - before <= tile for before, after in pairwise(first))
    return first


def _check_overlap(overlap: float | None) -> None:
    if overlap is not None and not 0 <= overlap <= MAX_OVERLAP:
        raise TilingError(
            f"overlap {overlap} is not in [0, {MAX_OVERLAP}]. It is the fraction of a tile shared with the next; above "
            f"{MAX_OVERLAP} there would be too many tiles."
        )


def _layer(part: str, text: str) -> Layer:
    if part == "p16":
        return Layer(4, 4, 0.0)
    if part == "p49":
        return Layer(4, 4, 0.5)
    if match := re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", part):
        return Layer(int(match[2]), int(match[1]), 0.5)
    if match := re.fullmatch(r"slide:([1-9]\d*)x([1-9]\d*)", part):
        return Layer(1, 1, 0.5, (int(match[2]), int(match[1])))
    if part == "slide":
        raise TilingError(f"{part!r} in plan {text!r} depends on the image. Give the tiles' size, as slide:640x480.")
    if part == "auto":
        raise TilingError(
            f"{part!r} in plan {text!r} depends on the image and stands alone. Take a plan of fixed parts: {_FIXED}."
        )
    raise TilingError(f"{part!r} in plan {text!r} is not known. Plans: {_NAMES}.")
