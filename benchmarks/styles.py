"""Changes the look of rendered pictures without moving a pixel, so that a network must rely on shapes.

A generator has its own materials and its own light, and a network that learns from it alone learns those, too. Here a
picture's spectrum, its colours, its textures and its light become another's or nobody's, while depth stays what it was.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Pictures = Float[Tensor, "batch 3 height width"]

SPECTRA, TEXTURES, TONES, LIGHTS = 0.25, 0.4, 0.35, 0.35
"""Shares of the pictures of which each is changed: a quarter stay as they are."""

SIDES = (1, 1, 3, 3, 5)
"""Pixels along a side of a random convolution, of which one is drawn."""


def restyle(images: Pictures, seed: int) -> Pictures:
    """Change spectrum, textures, tones and light of some of the pictures, the same for the same seed.

    Args:
        images: RGB in [0, 1]; not modified.
        seed: decides everything.
    """
    random = torch.Generator().manual_seed(seed)
    out = images.clone(memory_format=torch.contiguous_format)
    for change, share in ((_spectra, SPECTRA), (_textures, TEXTURES), (_tones, TONES), (_lights, LIGHTS)):
        chosen = torch.rand(len(out), generator=random) < share
        if chosen.any():
            out[chosen] = change(out[chosen], images, random)
    return out.clamp_(0, 1)


def _spectra(images: Pictures, others: Pictures, random: torch.Generator) -> Pictures:
    """Amplitudes on the way to another picture's, phases as they were (Xu et al. 2021, CVPR, section 3.2)."""
    partners = others[torch.randint(len(others), (len(images),), generator=random)]
    own, theirs = torch.fft.rfft2(images), torch.fft.rfft2(partners)
    amplitudes = torch.lerp(own.abs(), theirs.abs(), _uniform(len(images), random))
    return torch.fft.irfft2(torch.polar(amplitudes, own.angle()), s=images.shape[2:])


def _textures(images: Pictures, _: Pictures, random: torch.Generator) -> Pictures:
    """On the way to what a random convolution makes of a picture (Xu et al. 2021, ICLR), mean and spread as before."""
    side = SIDES[int(torch.randint(len(SIDES), (), generator=random))]
    kernels = torch.randn(3 * len(images), 3, side, side, generator=random)
    padded = F.pad(_standardised(images).flatten(0, 1)[None], 4 * (side // 2,), mode="reflect")
    changed = F.conv2d(padded, kernels, groups=len(images)).view_as(images)
    mixed = torch.lerp(_standardised(images), _standardised(changed), _uniform(len(images), random))
    return _standardised(mixed) * _spread(images) + _mean(images)


def _tones(images: Pictures, _: Pictures, random: torch.Generator) -> Pictures:
    """Any mean and spread for each colour."""
    count = len(images)
    mean = 0.5 + 0.15 * _normal(count, random) + 0.07 * _normal(count, random, channels=3)
    spread = 0.2 * torch.exp(0.35 * _normal(count, random) + 0.2 * _normal(count, random, channels=3))
    return _standardised(images) * spread + mean


def _lights(images: Pictures, _: Pictures, random: torch.Generator) -> Pictures:
    """Lit unevenly; half of them with shadows that have an edge."""
    cells = int(torch.randint(2, 7, (), generator=random))
    coarse = torch.randn(len(images), 1, cells, cells, generator=random)
    field = F.interpolate(coarse, images.shape[2:], mode="bicubic", align_corners=False)
    field = torch.where(_uniform(len(images), random) < 0.5, torch.tanh(8 * field), field)
    return images * torch.exp(0.4 * _uniform(len(images), random) * (field - 0.5))


def _mean(images: Pictures) -> Tensor:
    return images.mean((2, 3), keepdim=True)


def _spread(images: Pictures) -> Tensor:
    return images.std((2, 3), keepdim=True) + 1e-3


def _standardised(images: Pictures) -> Pictures:
    return (images - _mean(images)) / _spread(images)


def _uniform(count: int, random: torch.Generator) -> Tensor:
    return torch.rand(count, 1, 1, 1, generator=random)


def _normal(count: int, random: torch.Generator, channels: int = 1) -> Tensor:
    return torch.randn(count, channels, 1, 1, generator=random)
