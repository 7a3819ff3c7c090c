"""A Marigold pipeline's networks without its loop: encoder, denoiser, decoder, each differentiable."""

from typing import Any

import torch
from diffusers import MarigoldDepthPipeline
from jaxtyping import Float
from torch import Tensor, nn

from patchwrap import DepthBatch, Images, Precision
from patchwrap_diffusers.schedule import Latents


class Network:
    """Encodes pictures and maps to latents, denoises, and decodes latents to maps.

    Only the denoiser changes its number type. The autoencoder stays float32: a map decoded in bfloat16 would have only
    256 levels.

    Args:
        pipeline: its networks are put into evaluation mode, and its autoencoder is frozen.
        autoencoder: replaces the pipeline's own, same latent space; or None.
    """

    def __init__(self, pipeline: MarigoldDepthPipeline, autoencoder: Any = None) -> None:
        self.denoiser: nn.Module = pipeline.unet.eval()
        # Frozen, so that a training of the denoiser gathers no gradients in it.
        self.autoencoder: Any = nn.Module.float((autoencoder or pipeline.vae).eval()).requires_grad_(False)
        self.channels: int = self.autoencoder.config.latent_channels
        self.factor: int = 2 ** (len(self.autoencoder.config.block_out_channels) - 1)
        self._words = _no_words(pipeline)
        self._precision = Precision(self.denoiser)
        self.device = torch.device("cpu")

    def encode(self, images: Images) -> Latents:
        """Pictures to latents.

        Args:
            images: RGB in [0, 1], sides a multiple of ``factor``.
        """
        code = self.autoencoder.encode(2 * images - 1)
        latents = code.latent_dist.mode() if hasattr(code, "latent_dist") else code.latents
        return latents * self.autoencoder.config.scaling_factor

    def encode_maps(self, maps: DepthBatch) -> Latents:
        """Maps in [0, 1] to latents, as grey pictures (arXiv 2312.02145, section 3.2)."""
        return self.encode(maps.expand(-1, 3, -1, -1))

    def denoise(self, pictures: Latents, latents: Latents, time: Tensor) -> Latents:
        """The denoiser's output for latents at a time step, given the latents of their pictures."""
        both = torch.cat([pictures, latents], 1).to(self._precision.dtype)
        words = self._words.to(both).expand(len(both), -1, -1)
        return self.denoiser(both, time, encoder_hidden_states=words, return_dict=False)[0].float()

    def decode(self, latents: Latents) -> DepthBatch:
        """Latents to maps in [0, 1]."""
        decoded = self.autoencoder.decode(latents / self.autoencoder.config.scaling_factor, return_dict=False)[0]
        return (decoded.mean(1, keepdim=True).clamp(-1, 1) + 1) / 2

    def to(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move the networks; only the denoiser changes its number type, and its float32 weights are kept."""
        self._precision.to(device, dtype)
        self.autoencoder.to(device)
        self.device = device


@torch.no_grad()
def _no_words(pipeline: MarigoldDepthPipeline) -> Float[Tensor, "1 words width"]:
    """The empty prompt's embedding; the pipeline makes it at its first call only."""
    words = pipeline.tokenizer("", return_tensors="pt").input_ids
    encoder = pipeline.text_encoder.eval()
    return encoder(words.to(encoder.device))[0].float().cpu()
