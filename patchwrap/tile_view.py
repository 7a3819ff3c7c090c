"""The inputs of a fusion head for a batch of aligned tiles."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from patchwrap.types import DepthBatch, Features, Images

CONTEXT = (48, 48)
"""Rows and columns of the context map, for tiles of any size."""

REACH = 3
"""Height and width of the context in tiles; the tile is in its middle."""

SMALLEST = 16
"""Smallest side in pixels that heads accept, since they halve tiles several times; smaller tiles are padded."""


@dataclass(frozen=True)
class TileView:
    """Tiles of one size, each with its surroundings. All maps are in the fusion space.

    Args:
        images: the tiles' RGB in [0, 1].
        coarse: the coarse map under each tile, at the tile's size.
        aligned: each tile's own prediction after alignment; finite, the coarse map's where it was invalid.
        confidence: in [0, 1], how far the alignment believes the tile: 0 where it was invalid, low where it disagrees
            with the coarse map.
        disagreement: how far the tile lies above the weighted mean of all tiles there, pixel by pixel; 0 where it is
            alone.
        context: around the tile, the tile's place in the middle third: the coarse map, the mean of all tiles, and
            where in the image that is, down and across from -1 to 1. Beyond the image the maps' border goes on.
        centre: the whole coarse map's median.
        spread: its spread, see ``robust.map_spread``.
        coarse_features: the coarse backend's decoder features under each tile, or None.
        fine_features: the tile backend's decoder features, or None.
    """

    images: Images
    coarse: DepthBatch
    aligned: DepthBatch
    confidence: Float[Tensor, "batch 1 height width"]
    disagreement: DepthBatch
    context: Float[Tensor, "batch 4 rows columns"]
    centre: Float[Tensor, "batch"]
    spread: Float[Tensor, "batch"]
    coarse_features: Features | None = None
    fine_features: Features | None = None

    @property
    def unit(self) -> Float[Tensor, "batch 1 1 1"]:
        """``spread``, shaped to divide maps by it."""
        return self.spread[:, None, None, None]

    def to(self, device: torch.device) -> "TileView":
        """Return the view on another device."""
        return replace(self, **{name: part.to(device) for name, part in self._present().items()})

    def copied_to(self, device: torch.device) -> "TileView":
        """Return a view on a device that shares no memory with this one."""
        return replace(self, **{name: part.to(device, copy=True) for name, part in self._present().items()})

    def mirrored(self) -> "TileView":
        """The view mirrored left to right."""
        flipped = {name: maps.flip(-1) for name, maps in self._maps().items()}
        # Across the image the position runs from -1 to 1 again.
        context = flipped["context"] * torch.tensor([1.0, 1.0, 1.0, -1.0])[:, None, None].to(self.context)
        return replace(self, **(flipped | {"context": context}))

    def padded(self) -> "TileView":
        """Return the view with sides shorter than ``SMALLEST`` padded at the bottom and right by replication."""
        size = self.aligned.shape[2:]
        if min(size) >= SMALLEST:
            return self
        down, across = (max(side, SMALLEST) / side for side in size)
        padded = {name: _padded(maps, down, across) for name, maps in self._maps().items() if name != "context"}
        return replace(self, **padded)

    @staticmethod
    def batch(views: "list[TileView]") -> "TileView":
        """Concatenate views of equal tile size."""
        first = views[0]
        return replace(first, **{name: torch.cat([getattr(view, name) for view in views]) for name in first._present()})

    def _maps(self) -> dict[str, Any]:
        return {name: part for name, part in self._present().items() if part.ndim == 4}

    def _present(self) -> dict[str, Any]:
        """The parts that are not None, by name."""
        return {part.name: value for part in fields(self) if (value := getattr(self, part.name)) is not None}


def _padded(maps: Float[Tensor, "_ _ _ _"], down: float, across: float) -> Float[Tensor, "_ _ _ _"]:
    rows, columns = maps.shape[2:]
    return F.pad(maps, (0, round(columns * across) - columns, 0, round(rows * down) - rows), mode="replicate")
