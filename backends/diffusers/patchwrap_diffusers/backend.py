"""A Marigold depth pipeline behind patchwrap's Protocols."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DiffusionPipeline, MarigoldDepthPipeline
from torch import nn
from torch.nn import functional

from patchwrap import (
    ConfidenceBatch,
    DepthBatch,
    DepthConvention,
    Images,
    Map,
    OptionError,
    Size,
    Tile,
    TileContext,
    TileSource,
)
from patchwrap.extension import backend_size
from patchwrap_diffusers.ensemble import Members, combined
from patchwrap_diffusers.grid import Level, Place, levels
from patchwrap_diffusers.joint import Joint
from patchwrap_diffusers.loading import check_parts, identify, read_autoencoder, read_pipeline
from patchwrap_diffusers.network import Network
from patchwrap_diffusers.noise import NOISES
from patchwrap_diffusers.published import SETTINGS
from patchwrap_diffusers.sampler import Sampler
from patchwrap_diffusers.schedule import Latents, Schedule
from patchwrap_diffusers.settings import checked, convention_of, processing_of, steps_of, strength_of
from patchwrap_diffusers.tile_modes import Alone, CoarseStart, OwnNoise, SharedNoise

TILE_MODES = ("independent", "shared-noise", "coarse-start", "joint")
DEFAULT_TILE_MODE = "joint"


@dataclass(frozen=True)
class TileMode:
    """How tiles are denoised.

    Args:
        name: one of ``TILE_MODES``.
        strength: of ``coarse-start``: the share of the steps that still change the coarse map, in (0, 1].
    """

    name: str
    strength: float


class DiffusersBackend:
    """One denoising trajectory per picture. Differentiable; deterministic, since noise depends on torch's seed only.

    Args:
        sampler: networks, steps and noise.
        convention: of the predicted maps.
        processing: preferred ``(height, width)``.
        tile_mode: how tiles are denoised.
    """

    def __init__(self, sampler: Sampler, convention: DepthConvention, processing: Size, tile_mode: TileMode) -> None:
        self.sampler = sampler
        self.network = sampler.network
        self.convention = convention
        self.processing = processing
        self.multiple = self.network.factor
        self.tile_mode = tile_mode

    def predict(self, images: Images) -> DepthBatch:
        """Predict maps in ``convention``, every picture from the same noise.

        The noise is that of ``torch.initial_seed()``, which ``patchwrap.predict`` sets to its own seed.

        Args:
            images: RGB in [0, 1].
        """
        return self._members(images)[0]

    def predict_tiles(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Tile, Map]]:
        """Predict tiles in the tile mode, with the noise of the context's seed."""
        for place, members in self._tile_members(source, tiles, context):
            yield place.tile, place.moved_back(members[0, 0, 0])

    def to(self, device: torch.device, dtype: torch.dtype) -> "DiffusersBackend":
        """Move the networks; the autoencoder stays float32."""
        self.network.to(device, dtype)
        return self

    def trainable_parameters(self) -> Iterator[nn.Parameter]:
        """The denoiser's; the autoencoder is never trained."""
        return self.network.denoiser.parameters()

    def start(self, cells: Size, member: int = 0, step: int = 0) -> Latents:
        """The noise from which a whole picture is predicted.

        Args:
            cells: ``(rows, columns)`` of its latents.
            member: index in the ensemble.
            step: before which it is added; 0 for the start.
        """
        return self.sampler.noise((1, self.network.channels, *cells), torch.initial_seed(), "whole", member, step)

    def _members(self, images: Images) -> Members:
        height, width = images.shape[2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        pictures = self.network.encode(functional.pad(images, padding, mode="replicate"))
        maps = [self._member(pictures, member) for member in range(self.sampler.members)]
        return torch.stack(maps)[..., :height, :width]

    def _member(self, pictures: Latents, member: int) -> DepthBatch:
        def fresh(step: int) -> Latents:
            """The same noise for every picture of the batch."""
            cells = (pictures.shape[2], pictures.shape[3])
            return self.start(cells, member, step).to(pictures).expand(len(pictures), -1, -1, -1)

        return self.network.decode(self.sampler(pictures, fresh(0), fresh))

    def _tile_members(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Place, Members]]:
        for level in levels(tiles, context.canvas, lambda size: backend_size(self, size), self.multiple):
            yield from self._run(level, source, context)

    def _run(self, level: Level, source: TileSource, context: TileContext) -> Iterable[tuple[Place, Members]]:
        noise, channels, size = self.sampler.noise, self.network.channels, context.tile_batch_size
        if self.tile_mode.name == "independent":
            unmoved = Level([place.fixed() for place in level.places], level.size)
            return Alone(self.sampler, unmoved, source, size, OwnNoise(noise, context.seed, channels))
        shared = SharedNoise(noise, context.seed, channels, level)
        if self.tile_mode.name == "joint":
            return Joint(self.sampler, level, source, size, shared)
        start = self.tile_mode.name == "coarse-start"
        coarse = CoarseStart(context, self.convention, self.tile_mode.strength) if start else None
        return Alone(self.sampler, level, source, size, shared, coarse)


class EnsembleBackend(DiffusersBackend):
    """Several denoising trajectories per picture; confidence is low where they differ."""

    def predict(self, images: Images) -> DepthBatch:
        """Predict maps in ``convention``: the median of the ensemble."""
        return self.predict_with_confidence(images)[0]

    def predict_with_confidence(self, images: Images) -> tuple[DepthBatch, ConfidenceBatch]:
        """Predict the ensemble's median and how far its members agree."""
        return combined(self._members(images), self.convention)

    def predict_tiles(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Tile, Map]]:
        """Predict tiles in the tile mode: the median of the ensemble."""
        for tile, values, _ in self.predict_tiles_with_confidence(source, tiles, context):
            yield tile, values

    def predict_tiles_with_confidence(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Tile, Map, Map]]:
        """Predict tiles and how far the members agree on them."""
        for place, members in self._tile_members(source, tiles, context):
            values, confidence = combined(members, self.convention)
            yield place.tile, place.moved_back(values[0, 0]), place.moved_back(confidence[0, 0])


def load(
    checkpoint: str | Path | DiffusionPipeline | None = None,
    *,
    convention: str | DepthConvention | None = None,
    processing: Any = None,
    tile_mode: Any = DEFAULT_TILE_MODE,
    strength: Any = 0.5,
    steps: Any = None,
    ensemble: Any = 1,
    noise: Any = None,
    spacing: Any = None,
    vae: str | Path | AutoencoderKL | AutoencoderTiny | None = None,
    revision: str | None = None,
    variant: str | None = None,
) -> DiffusersBackend:
    """Load a Marigold depth pipeline.

    Args:
        checkpoint: short name, hub name, folder or a loaded pipeline, whose networks become float32.
        convention: ``SPACE:AMBIGUITY`` of the maps; needed only if the pipeline does not state it.
        processing: the input size, ``(height, width)``, ``"WIDTHxHEIGHT"`` or one number for both;
            None is the checkpoint's own longer side, for a 4:3 picture.
        tile_mode: ``independent``, ``shared-noise``, ``coarse-start`` or ``joint``.
        strength: of ``coarse-start``: the share of the steps that still change the coarse map, in (0, 1].
        steps: of denoising; None is the checkpoint's own number.
        ensemble: trajectories per picture: 1, or at least 3 from gaussian noise.
        noise: to start from, ``gaussian`` or ``zeros``; None is zeros for a DDIM checkpoint made for one step.
        spacing: of a DDIM scheduler, ``trailing`` …; None is the checkpoint's own.
        vae: an autoencoder instead of the checkpoint's own: ``taesd``, hub name, folder or loaded.
        revision: of the hub's repository.
        variant: of the weights' files, such as ``fp16``.

    Raises:
        CheckpointError: if there is no such checkpoint, it is damaged or does not predict depth.
        ConventionError: if nothing states its convention.
        OptionError: if an option has an invalid value.
    """
    named = checked("tile_mode", tile_mode, TILE_MODES, f"one of {', '.join(TILE_MODES)}")
    mode = TileMode(named, strength_of(strength))
    if isinstance(ensemble, bool) or not isinstance(ensemble, int) or ensemble < 1 or ensemble == 2:
        raise OptionError(f"ensemble {ensemble!r} is not 1 or at least 3: the median of two maps is one of them.")
    name, config = identify(checkpoint, revision)
    meaning = convention_of(config, name, convention)
    autoencoder = None if vae is None else read_autoencoder(vae)
    loaded = isinstance(checkpoint, DiffusionPipeline)
    pipeline: Any = checkpoint if loaded else read_pipeline(name, config, revision, variant)
    check_parts(pipeline, autoencoder or pipeline.vae, name)
    given = {"steps": steps, "noise": noise, "spacing": spacing}
    sampler = _sampler(pipeline, Network(pipeline, autoencoder), ensemble, given, SETTINGS.get(name, {}))
    size = processing_of(processing, _longest(pipeline), sampler.network.factor)
    return (EnsembleBackend if ensemble > 1 else DiffusersBackend)(sampler, meaning, size, mode)


def _sampler(
    pipeline: MarigoldDepthPipeline, network: Network, ensemble: int, given: dict[str, Any], known: dict[str, Any]
) -> Sampler:
    """Steps and noise: the user's, else the publication's, else the pipeline's."""
    own = pipeline.config.get("default_denoising_steps")
    chosen = {"steps": own, "noise": None, "spacing": None} | known
    chosen |= {option: value for option, value in given.items() if value is not None}
    if chosen["steps"] is None:
        raise OptionError("Nothing tells how many steps this pipeline takes. Give steps=, such as 4.")
    schedule = Schedule(pipeline.scheduler, steps_of(chosen["steps"]), chosen["spacing"])
    one_step = own == 1 and not schedule.consistency
    kind = checked("noise", chosen["noise"] or ("zeros" if one_step else "gaussian"), NOISES, "gaussian or zeros")
    if ensemble > 1 and kind == "zeros":
        raise OptionError(
            'ensemble: from zero noise all trajectories are the same; leave it out or give noise="gaussian".'
        )
    return Sampler(network, schedule, NOISES[kind], ensemble)


def _longest(pipeline: MarigoldDepthPipeline) -> int | None:
    """The longer side of the pictures that the checkpoint was trained on."""
    sample = pipeline.unet.config.sample_size
    factor = 2 ** (len(pipeline.vae.config.block_out_channels) - 1)
    known = pipeline.config.get("default_processing_resolution")
    return known or (sample * factor if isinstance(sample, int) else None)
