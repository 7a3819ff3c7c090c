"""Denoises all tiles together: at every step the network's outputs are averaged in the cells that tiles share.

MultiDiffusion (arXiv 2302.08113, equation 5) with weights that fade towards a tile's inner sides. The network's outputs
are averaged; since a step is linear in them, this equals averaging the next latents. Latents and pictures stay on the
CPU and each step runs batch by batch, so that the device's memory does not grow with the image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from patchwrap import DepthBatch, TileSource
from patchwrap.extension import run_in_batches, window
from patchwrap_diffusers.ensemble import Members
from patchwrap_diffusers.grid import Level, Place
from patchwrap_diffusers.sampler import Sampler
from patchwrap_diffusers.schedule import Latents
from patchwrap_diffusers.tile_modes import SharedNoise

Field = Float[Tensor, "1 channels field_rows field_columns"]
"""Latents of a whole level."""


@dataclass
class Joint:
    """Tiles of a level, all at once.

    Args:
        sampler: performs the steps.
        level: the tiles.
        source: returns a tile's RGB.
        batch_size: largest number of tiles at once on the device; smaller after a step in which fewer fitted.
        noise: the field to start from.
    """

    sampler: Sampler
    level: Level
    source: TileSource
    batch_size: int
    noise: SharedNoise

    def __iter__(self) -> Iterator[tuple[Place, Members]]:
        pictures = self._pictures()
        fields = [self._denoised(pictures, member) for member in range(self.sampler.members)]

        def decode(places: Sequence[Place]) -> Members:
            """Every member's maps of one batch."""
            return torch.stack([self._decoded(field, places) for field in fields])

        for batch, members in run_in_batches(self.level.places, self.batch_size, decode):
            for k, place in enumerate(batch):
                yield place, members[:, k : k + 1]

    def _pictures(self) -> Latents:
        """Latents of all pictures, on the CPU."""

        def encode(places: Sequence[Place]) -> Latents:
            """Latents of one batch."""
            return self.sampler.network.encode(torch.cat([self.source(place.seen) for place in places])).cpu()

        kept, done = torch.empty(0), 0
        for batch, latents in run_in_batches(self.level.places, self.batch_size, encode):
            if not done:
                # One block: small ones kept between large ones that come and go would scatter and hold all memory.
                kept = latents.new_empty(len(self.level.places), *latents.shape[1:])
            kept[done : done + len(batch)] = latents
            done += len(batch)
        return kept

    def _denoised(self, pictures: Latents, member: int) -> Field:
        schedule = self.sampler.schedule

        def fresh(step: int) -> Field:
            """The field's noise before a step."""
            return self.noise.field(member, step)[None]

        field = fresh(0)
        for index in range(len(schedule)):
            field = schedule.step(index, self._output(pictures, field, index), field, fresh)
        return field

    def _output(self, pictures: Latents, field: Field, index: int) -> Field:
        """The mean of the network's outputs in each cell."""
        network, time = self.sampler.network, self.sampler.schedule.time(index)
        total, weights = torch.zeros_like(field), torch.zeros(self.level.size)
        fitting = 1

        def denoise(numbers: Sequence[int]) -> Latents:
            """The network's outputs for one batch."""
            latents = torch.cat([self._cut(field, self.level.places[k]) for k in numbers])
            return network.denoise(pictures[list(numbers)].to(network.device), latents.to(network.device), time).cpu()

        for batch, outputs in run_in_batches(range(len(self.level.places)), self.batch_size, denoise):
            fitting = max(fitting, len(batch))
            for k, output in zip(batch, outputs):
                cells = self.level.places[k].cells
                weight = window(cells, self.level.size)
                total[0, :, *cells.slices] += weight * output
                weights[cells.slices] += weight
        self.batch_size = fitting  # or every step would try in vain what did not fit in this one
        return total / weights.clamp_min(torch.finfo(weights.dtype).tiny)

    def _decoded(self, field: Field, places: Sequence[Place]) -> DepthBatch:
        network = self.sampler.network
        return network.decode(torch.cat([self._cut(field, place) for place in places]).to(network.device)).cpu()

    @staticmethod
    def _cut(field: Field, place: Place) -> Float[Tensor, "1 channels rows columns"]:
        return field[:, :, *place.cells.slices]
