"""The modes in which each tile is denoised by itself: ``independent``, ``shared-noise`` and ``coarse-start``.

Tiles run in batches, and no tile's result depends on its batch. For tiles denoised together see ``joint``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from patchwrap import CoarseMap, DepthConvention, TileContext, TileSource
from patchwrap.extension import fusion_space, invertible, run_in_batches, sample_windows, to_space, windows_of
from patchwrap_diffusers.ensemble import Members
from patchwrap_diffusers.grid import Level, Place
from patchwrap_diffusers.noise import Noise
from patchwrap_diffusers.sampler import Sampler
from patchwrap_diffusers.schedule import Latents

CellNoise = Callable[[Place, int, int], Float[Tensor, "channels rows columns"]]
"""The noise of one tile, for a member and before a step."""

_FARTHEST = 10.0
"""Depths above this many medians of the ground are a sky; they start as far as this."""
_MOSTLY_SKY = 100.0
"""A median of the coarse map above this many of its lower quartiles is that of a sky."""


@dataclass(frozen=True)
class OwnNoise:
    """Every tile has noise of its own."""

    noise: Noise
    seed: int
    channels: int

    def __call__(self, place: Place, member: int, step: int) -> Float[Tensor, "channels rows columns"]:
        """Draw it with the tile's place as the key."""
        return self.noise((self.channels, *place.cells.size), self.seed, "tile", astuple(place.tile), member, step)


class SharedNoise:
    """One field of noise over all tiles of a level, so that overlapping tiles share it.

    Args:
        noise: draws the field.
        seed: of the field.
        channels: of the latents.
        level: the tiles' cells.
    """

    def __init__(self, noise: Noise, seed: int, channels: int, level: Level) -> None:
        key, shape = (seed, "field", level.places[0].tile.size), (channels, *level.size)
        # A consistency model needs a field before each step; for a canvas of 40 megapixels a field has 10 MB.
        self.field = lru_cache(maxsize=4)(lambda member, step: noise(shape, *key, member, step))

    def __call__(self, place: Place, member: int, step: int) -> Float[Tensor, "channels rows columns"]:
        """Cut a tile's part from the field."""
        return self.field(member, step)[:, *place.cells.slices]


@dataclass(frozen=True)
class Alone:
    """Denoises each tile of a level by itself.

    Args:
        sampler: performs the steps.
        level: the tiles.
        source: returns a tile's RGB.
        batch_size: largest number of tiles at once.
        noise: of each tile.
        estimate: to start from instead of pure noise, or None.
    """

    sampler: Sampler
    level: Level
    source: TileSource
    batch_size: int
    noise: CellNoise
    estimate: "CoarseStart | None" = None

    def __iter__(self) -> Iterator[tuple[Place, Members]]:
        for batch, members in run_in_batches(self.level.places, self.batch_size, self._run):
            for k, place in enumerate(batch):
                yield place, members[:, k : k + 1]

    def _run(self, places: Sequence[Place]) -> Members:
        network = self.sampler.network
        pictures = network.encode(torch.cat([self.source(place.seen) for place in places]))
        estimate = None if self.estimate is None else network.encode_maps(self.estimate.under(places).to(pictures))
        return torch.stack([self._member(places, pictures, estimate, k) for k in range(self.sampler.members)]).cpu()

    def _member(
        self, places: Sequence[Place], pictures: Latents, estimate: Latents | None, member: int
    ) -> Float[Tensor, "batch 1 height width"]:
        def fresh(step: int) -> Latents:
            """Each tile's noise before a step."""
            return torch.stack([self.noise(place, member, step) for place in places]).to(pictures)

        schedule, start = self.sampler.schedule, fresh(0)
        first = 0 if self.estimate is None else schedule.first(self.estimate.strength)
        if first > 0 and estimate is not None:
            start = schedule.noised(estimate, start, first)
        return self.sampler.network.decode(self.sampler(pictures, start, fresh, first))


@dataclass(frozen=True)
class CoarseStart:
    """The coarse map as the start of the tiles.

    Args:
        context: holds the map.
        convention: of the tile backend's own maps.
        strength: share of the steps that still change it, in (0, 1]; at 1 nothing of it is left and tiles start from
            pure noise.
    """

    context: TileContext
    convention: DepthConvention
    strength: float

    def under(self, places: Sequence[Place]) -> Float[Tensor, "tiles 1 height width"]:
        """Its part under each tile, at the network's input size."""
        windows = windows_of([place.seen for place in places], self.context.canvas)
        maps = self.map.expand(len(places), 1, -1, -1)
        return sample_windows(maps, windows, places[0].size)

    @cached_property
    def map(self) -> CoarseMap:
        """The map, its 2nd to 98th percentile scaled to [0, 1] as in training (arXiv 2312.02145, section 3.2).

        An affine map of the other space cannot be converted to the denoiser's; it is turned over, so that near and far
        are where the denoiser has them.
        """
        space = fusion_space(self.context.convention, self.convention)
        space = self.convention.space if space == "log_depth" else space
        coarse = invertible(self.context.coarse, self.context.convention, space)
        values = to_space(coarse, self.context.convention, space)
        if space == "depth" and self.context.convention.ambiguity != "affine":
            # A sky of kilometres would be the 98th percentile and leave the ground black. Of affine depth no zero is
            # known from which to measure.
            quarter, median = torch.nanquantile(values.flatten(), torch.tensor([0.25, 0.5]).to(values)).tolist()
            values = values.clamp(max=_FARTHEST * (median if median < _MOSTLY_SKY * quarter else quarter))
        low, high = torch.nanquantile(values.flatten(), torch.tensor([0.02, 0.98]).to(values)).tolist()
        scaled = (values - low) / max(high - low, 1e-6)
        scaled = scaled if space == self.convention.space else 1 - scaled
        return scaled.nan_to_num(nan=0.5).clamp(0, 1)
