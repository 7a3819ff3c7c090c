"""The denoiser: a photo's latents and noisy depth latents to v, first in latents, then with the pixels in view."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from marigold.autoencoder import FACTOR, shrink
from marigold.disparity import as_picture, disparity
from marigold.heldout import Frame, mean_row, measure
from patchwrap.losses import scale_shift_invariant
from patchwrap_native.augmentation import augment
from patchwrap_native.crops import Diet, Sampler
from patchwrap_native.depth_stage import whole_views
from patchwrap_native.shards import Shard

TEXT_WIDTH, TEXT_LENGTH = 16, 2
"""Shape of the empty prompt's embedding: its begin and its end."""

DIET = Diet(tiles=0.35, uncropped=0.5, whole_zoom=(0.45, 1.0))
SIZES = 2 / 3
"""Size of the samples relative to the shards' views: 192x256 and alike."""

LAST = 0.5
"""Share of samples at the last timestep: pure noise, where a depth model decides nearly everything."""

FROM_ZERO = 0.4
"""Share of those that start from zeros instead, so that one step without noise works as well
(Garcia et al. 2024, arXiv 2409.11355)."""

SQUEEZED, SQUEEZED_BELOW = 0.4, 700
"""Share of samples whose depth fills only part of the range, and the timestep below which: a tile that starts
from the whole image's depth must keep the range that it is given. Above, nothing tells the range."""


def untrained_denoiser() -> UNet2DConditionModel:
    """Marigold's U-Net with 4.9 M parameters; attention where 6x8 latents are left."""
    network = UNet2DConditionModel(
        in_channels=8,
        out_channels=4,
        sample_size=32,
        block_out_channels=(64, 96, 128),
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    nn.init.zeros_(network.conv_out.weight)
    return network


def noise_schedule() -> DDIMScheduler:
    """Stable Diffusion's schedule with a last step of pure noise, where sampling starts (Lin et al. 2023)."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )


@dataclass(frozen=True)
class Draw:
    """What is drawn for a step.

    Args:
        photos: RGB in [-1, 1].
        maps: normalised inverse depth, (batch, 1, height, width).
        noise: of the latents' shape; zeros for samples that start from none.
        timesteps: one per sample.
    """

    photos: Tensor
    maps: Tensor
    noise: Tensor
    timesteps: Tensor

    def to(self, device: torch.device) -> "Draw":
        """The draw on another device."""
        return Draw(*(value.to(device, non_blocking=True) for value in vars(self).values()))


@dataclass
class DenoiserStage:
    """Trains the denoiser; with ``pixels`` also on what the decoder makes of its estimate.

    Args:
        name: of the stage.
        network: the denoiser.
        vae: trained and frozen.
        shards: the scenes it learns from.
        held_out: the scenes it is measured on.
        batch_size: samples per step.
        seed: decides every batch, together with the step.
        rate: peak learning rate.
        pixels: weight of the decoded estimate's error up to scale and shift.
    """

    name: str
    network: UNet2DConditionModel
    vae: AutoencoderKL
    shards: Sequence[Shard]
    held_out: Sequence[Shard]
    batch_size: int = 16
    seed: int = 0
    rate: float = 1e-3
    pixels: float = 0.0
    schedule: DDIMScheduler = field(default_factory=noise_schedule)

    def __post_init__(self) -> None:
        self.vae.eval().requires_grad_(False)

    def batch(self, step: int, progress: float) -> Draw:
        """Draw the photos, depth, noise and timesteps of a step."""
        key = (self.seed, 7 if self.pixels else 6, step)
        batch = Sampler(self.shards, DIET, self.batch_size).draw(key, SIZES)
        photos = augment(batch.images, hash(key)) * 2 - 1
        random = torch.Generator().manual_seed(hash(key))
        timesteps = draw_timesteps(self.batch_size, random)
        maps = squeeze(disparity(batch.target), timesteps, random)
        noise = torch.randn(self.batch_size, 4, *(side // FACTOR for side in maps.shape[-2:]), generator=random)
        silent = (timesteps == 999) & (torch.rand(self.batch_size, generator=random) < FROM_ZERO)
        noise[silent] = 0
        return Draw(photos, maps, noise, timesteps).to(self.network.device)

    def losses(self, batch: Draw) -> dict[str, Tensor]:
        """Squared error of v and, if weighted, the decoded estimate's error."""
        with torch.no_grad():
            photos, clean = self._encode(batch.photos), self._encode(as_picture(batch.maps))
        noisy = self.schedule.add_noise(clean, batch.noise, batch.timesteps)
        v = predict_v(self.network, photos, noisy, batch.timesteps)
        truth = self.schedule.get_velocity(clean, batch.noise, batch.timesteps)
        terms = {"v": (v - truth).square().mean()}
        if self.pixels:
            maps = self._decode(estimate(self.schedule, noisy, v, batch.timesteps))
            terms["pixels"] = self.pixels * scale_shift_invariant(maps, batch.maps, torch.ones_like(maps).bool())
        return terms

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """AbsRel and delta1 of held-out frames, in one step from zeros and in four from noise."""
        rows = [row for frame in self.frames for row in self._measured(network, frame)]
        return mean_row(rows)

    def _measured(self, network: nn.Module, frame: Frame) -> list[dict[str, float]]:
        photos = self._encode(frame.photos.to(self.network.device))
        noise = torch.randn(photos.shape, generator=torch.Generator().manual_seed(self.seed)).to(photos)
        rows: list[dict[str, float]] = [{} for _ in range(len(photos))]
        for name, steps, start in (("one_step", 1, 0 * noise), ("four_steps", 4, noise)):
            maps = self._decode(self._denoise(network, photos, start, steps))
            for row, measures in zip(rows, measure(maps, frame)):
                row |= {f"{key}_{name}": value for key, value in measures.items()}
        return rows

    def _denoise(self, network: nn.Module, photos: Tensor, latents: Tensor, steps: int) -> Tensor:
        self.schedule.set_timesteps(steps)
        for t in self.schedule.timesteps:
            v = predict_v(network, photos, latents, t.expand(len(photos)).to(photos.device))
            latents = self.schedule.step(v, t, latents).prev_sample
        return latents

    def _encode(self, pictures: Tensor) -> Tensor:
        return self.vae.encode(pictures.contiguous()).latent_dist.mode().float() * self.vae.config.scaling_factor

    def _decode(self, latents: Tensor) -> Tensor:
        return self.vae.decode(latents / self.vae.config.scaling_factor).sample.float().mean(1, keepdim=True)

    @cached_property
    def frames(self) -> list[Frame]:
        """The held-out frames, whole."""
        per_shard = max(1, 32 // len(self.held_out))
        batches = [batch for shard in self.held_out for batch in whole_views(shard, 0, per_shard)]
        return [Frame.of(batch, shrink(batch.images * 2 - 1, mode="bilinear")) for batch in batches]


def predict_v(network: nn.Module, photos: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
    """Call the denoiser as Marigold does, with the embedding of no words (zeros: see ``pipeline``)."""
    words = photos.new_zeros(len(photos), TEXT_LENGTH, TEXT_WIDTH)
    inputs = torch.cat([photos, noisy], 1)
    return network(inputs, timesteps, encoder_hidden_states=words, return_dict=False)[0].float()


def estimate(schedule: DDIMScheduler, noisy: Tensor, v: Tensor, timesteps: Tensor) -> Tensor:
    """The clean latents that a v stands for (Salimans & Ho 2022, arXiv 2202.00512, appendix D)."""
    signal = schedule.alphas_cumprod.to(noisy)[timesteps][:, None, None, None]
    return signal.sqrt() * noisy - (1 - signal).sqrt() * v


def draw_timesteps(count: int, random: torch.Generator) -> Tensor:
    """Draw timesteps: the last for some, any for the others."""
    timesteps = torch.randint(0, 1000, (count,), generator=random)
    return torch.where(torch.rand(count, generator=random) < LAST, 999, timesteps)


def squeeze(maps: Tensor, timesteps: Tensor, random: torch.Generator) -> Tensor:
    """Bring some maps to a part of the range at random, where little noise is added."""
    count = len(maps)
    scale = torch.empty(count).uniform_(0.2, 1.0, generator=random)
    shift = torch.empty(count).uniform_(-1, 1, generator=random) * (1 - scale)
    chosen = (timesteps < SQUEEZED_BELOW) & (torch.rand(count, generator=random) < SQUEEZED)
    scale, shift = torch.where(chosen, scale, 1.0), torch.where(chosen, shift, 0.0)
    return maps * scale[:, None, None, None] + shift[:, None, None, None]
