"""What aligns tiles before they are fused, as the engine uses it."""

from typing import Protocol, runtime_checkable

from patchwrap.alignment import Alignment
from patchwrap.fusers import AlignerName
from patchwrap.matching import NoAlignment, RangeMatching
from patchwrap.observation import Correction, Observation
from patchwrap.tiling import Size, Tile
from patchwrap.types import CoarseMap, Map


@runtime_checkable
class Aligner(Protocol):
    """Observes every tile once, then gives each its correction."""

    @property
    def half(self) -> float:
        """Difference from the coarse map at which a tile's agreement with it is one half; infinite: not considered."""
        ...

    @property
    def observations(self) -> list[Observation]:
        """The tiles at the coarse map's sampling, in the order of observation; empty if nothing is known of them."""
        ...

    def observe(self, tile: Tile, values: Map) -> None:
        """Take in one tile.

        Args:
            tile: its position on the canvas.
            values: its map in the fusion space, NaN where invalid.
        """
        ...

    def solve(self) -> list[Correction]:
        """Return every tile's correction, in the order of observation."""
        ...


def aligner_for(name: AlignerName, coarse: CoarseMap, canvas: Size, scale_known: bool) -> Aligner:
    """Make the aligner of that name.

    Args:
        name: see ``FuserRecipe.aligner``.
        coarse: the coarse map in the fusion space, finite, at its own sampling.
        canvas: ``(height, width)`` of the grid that the tiles were cut from.
        scale_known: whether tiles and coarse map share their scale (log depth).
    """
    if name == "plane":
        return Alignment(coarse, canvas, scale_known)
    return RangeMatching(coarse, canvas) if name == "range" else NoAlignment()
