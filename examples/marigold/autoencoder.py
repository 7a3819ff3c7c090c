"""The autoencoder: photos and depth pictures to latents at an eighth of their size, and back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

from marigold.disparity import as_picture, disparity
from patchwrap_native.augmentation import augment
from patchwrap_native.batch import Batch
from patchwrap_native.crops import Diet, Sampler
from patchwrap_native.depth_stage import whole_views
from patchwrap_native.shards import Shard

FACTOR = 8
DIET = Diet(tiles=0.5, uncropped=0.0, tile_zoom=0.35, whole_zoom=(0.35, 0.8))
SIZES = 0.45
"""Small crops: an autoencoder learns from pixels, and a photo's layout is none of its business."""

KL_WEIGHT = 3e-4
"""Per latent number: enough noise for smooth latents, too little to blur a depth edge."""


def untrained_autoencoder() -> AutoencoderKL:
    """Stable Diffusion's autoencoder, some hundred times smaller."""
    return AutoencoderKL(
        block_out_channels=(16, 16, 32, 64),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        # Named, because from_config takes the default for what was not, whatever was registered since.
        scaling_factor=1.0,
    )


class Reconstruction(nn.Module):
    """The autoencoder as training sees it: pictures in, pictures and the latents' divergence out.

    Args:
        vae: the autoencoder.
    """

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, pictures: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the restored pictures and KL per latent number.

        Args:
            pictures: RGB in [-1, 1].
            noise: standard normal numbers of the latents' shape, by which the latents are sampled; None takes the mode.
        """
        posterior = self.vae.encode(pictures).latent_dist
        latents = posterior.mode() if noise is None else posterior.mean + posterior.std * noise
        return self.vae.decode(latents).sample.float(), posterior.kl().float().mean() / latents[0].numel()


@dataclass
class AutoencoderStage:
    """Trains the autoencoder on photos and depth pictures alike.

    Args:
        network: see ``Reconstruction``.
        shards: the scenes it learns from.
        held_out: the scenes it is measured on.
        batch_size: photos per step, and as many depth pictures.
        seed: decides every batch, together with the step.
        rate: peak learning rate.
    """

    network: Reconstruction
    shards: Sequence[Shard]
    held_out: Sequence[Shard]
    batch_size: int = 4
    seed: int = 0
    rate: float = 2e-3
    name: str = field(default="autoencoder", init=False)

    def batch(self, step: int, progress: float) -> tuple[Tensor, Tensor]:
        """Draw the pictures of a step, photos first, then their depth, and the noise of their latents."""
        batch = Sampler(self.shards, DIET, self.batch_size).draw((self.seed, 5, step), SIZES)
        drawn = pictures(batch.with_images(augment(batch.images, hash((self.seed, 5, step)))))
        random = torch.Generator().manual_seed(hash((self.seed, 8, step)))
        sides = [side // FACTOR for side in drawn.shape[-2:]]
        noise = torch.randn(len(drawn), self.network.vae.config.latent_channels, *sides, generator=random)
        device = next(self.network.parameters()).device
        return drawn.to(device), noise.to(device)

    def losses(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Absolute errors of pixels and of depth's edges, and the divergence."""
        drawn, noise = batch
        restored, divergence = self.network(drawn, noise)
        photos, depth = ((restored - drawn).abs().flatten(1).mean(1)).chunk(2)
        return {
            "photo": photos.mean(),
            "depth": 2 * depth.mean(),
            "edges": 2 * edge_error(restored, drawn),
            "kl": KL_WEIGHT * divergence,
        }

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Mean absolute error of held-out frames, photos and depth, in [-1, 1]."""
        errors = [(network(batch)[0] - batch).abs().flatten(1).mean(1).chunk(2) for batch in self._frames]
        photos, depth = (torch.cat(part).mean().item() for part in zip(*errors))
        return {"photo": round(photos, 5), "depth": round(depth, 5)}

    @cached_property
    def _frames(self) -> list[Tensor]:
        device = next(self.network.parameters()).device
        return [pictures(batch).to(device) for shard in self.held_out for batch in whole_views(shard, 0, 4)]


def pictures(batch: Batch) -> Tensor:
    """Photos, then depth pictures, in [-1, 1]."""
    return torch.cat([batch.images * 2 - 1, as_picture(disparity(batch.target))])


def edge_error(restored: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of the differences between neighbours, which blur makes large."""
    error = restored - truth
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


@torch.no_grad()
def scale_latents(vae: AutoencoderKL, shards: Sequence[Shard]) -> None:
    """Set the factor that gives depth latents unit power, as diffusion assumes.

    Args:
        vae: trained; its ``scaling_factor`` is set in place.
        shards: the scenes it learned from.
    """
    latents = []
    for shard in shards[:: max(1, len(shards) // 8)]:
        for batch in whole_views(shard, 0, 8):
            maps = as_picture(disparity(shrink(batch.target))).to(vae.device)
            latents.append(vae.encode(maps).latent_dist.mode().flatten())
    vae.register_to_config(scaling_factor=round(1 / torch.cat(latents).square().mean().sqrt().item(), 5))


def shrink(maps: Tensor, mode: str = "nearest-exact") -> Tensor:
    """Bring maps or pictures to about two thirds of their size, in whole latents."""
    size = [max(FACTOR, round(side * 2 / 3 / FACTOR) * FACTOR) for side in maps.shape[-2:]]
    return F.interpolate(maps, size, mode=mode, antialias=mode == "bilinear")
