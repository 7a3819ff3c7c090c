"""Changes pictures the way cameras differ: exposure, colour, blur, noise, JPEG. Never moves a pixel."""

import io
from collections.abc import Callable

import numpy as np
import torch
from einops import rearrange, repeat
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

Pictures = Float[Tensor, "batch 3 height width"]

_LUMA = torch.tensor([0.299, 0.587, 0.114])


def augment(images: Pictures, seed: int, views: int = 1) -> Pictures:
    """Change colours, sharpness and noise at random, the same for the same seed.

    Args:
        images: RGB in [0, 1]; ``views`` consecutive ones are of one photo and share their colours.
        seed: decides everything.
        views: pictures per photo.
    """
    random = torch.Generator().manual_seed(seed)
    photos = len(images) // views

    def draw(low: float, high: float, channels: int = 1) -> Tensor:
        values = torch.empty(photos, channels, 1, 1).uniform_(low, high, generator=random)
        return repeat(values, "photo c 1 1 -> (photo view) c 1 1", view=views)

    images = _blur(images, random)
    images = _colour(images, draw)
    images = _jpeg(images, random)
    return _noise(images, random).clamp_(0, 1)


def _colour(images: Pictures, draw: Callable[..., Tensor]) -> Pictures:
    grey = (draw(0.0, 1.0) < 0.15).float()
    keep = draw(0.6, 1.35) * (1 - grey)
    luma = (images * _LUMA.to(images)[:, None, None]).sum(1, keepdim=True)
    images = torch.lerp(luma, images, keep)
    gain = draw(0.75, 1.3) * torch.lerp(draw(0.85, 1.18, 3), torch.ones(1), grey)
    images = (images * gain).clamp_(1e-3, 1).pow_(draw(0.6, 1.7))
    contrast = draw(0.75, 1.3)
    return images.sub_(0.5).mul_(contrast).add_(0.5 + draw(-0.06, 0.06))


def _blur(images: Pictures, random: torch.Generator) -> Pictures:
    chosen = torch.rand(len(images), generator=random) < 0.2
    if chosen.any():
        soft = F.avg_pool2d(F.pad(images[chosen], (1, 1, 1, 1), mode="replicate"), 3, 1)
        strength = torch.rand(int(chosen.sum()), 1, 1, 1, generator=random)
        images[chosen] = torch.lerp(images[chosen], soft, strength)
    return images


def _noise(images: Pictures, random: torch.Generator) -> Pictures:
    """Grain of a pixel's size; one field for the batch, rolled, since normal numbers are dear."""
    field = torch.randn(images.shape[1:], generator=random)
    for image in images:
        if torch.rand((), generator=random) < 0.5:
            strength = 0.05 * float(torch.rand((), generator=random)) ** 2
            shift = int(torch.randint(field.shape[-1], (), generator=random))
            image.add_(field.roll(shift, -1), alpha=strength)
    return images


def _jpeg(images: Pictures, random: torch.Generator) -> Pictures:
    for image in images:
        if torch.rand((), generator=random) < 0.15:
            quality = int(torch.randint(30, 90, (), generator=random))
            pixels = rearrange(image.clamp(0, 1).mul(255), "c h w -> h w c").byte().numpy()
            packed = io.BytesIO()
            Image.fromarray(pixels).save(packed, "jpeg", quality=quality)
            image.copy_(rearrange(torch.from_numpy(np.asarray(Image.open(packed)).copy()), "h w c -> c h w") / 255)
    return images
