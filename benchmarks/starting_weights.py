"""Initial weights with which a small Depth Anything network learns from far fewer pictures than with random ones.

A transformer that starts from the library's own weights first spends its time on finding out that near patches belong
together. Here patches start as cosine transforms, places as waves, attention as a look at similar places, and the
decoder keeps the size of its signals. The network stays an ordinary one: only its numbers differ.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import DepthAnythingForDepthEstimation

COLOURS = ((1.0, 1.0, 1.0), (1.0, -1.0, 0.0), (1.0, 1.0, -2.0))
"""Brightness, red against green, yellow against blue: nearly uncorrelated in photos."""

BRIGHTNESS = 0.6
"""Share of the patch embedding that sees brightness; the two colours share the rest."""


def enliven(network: DepthAnythingForDepthEstimation) -> None:
    """Initialise a network, with random numbers from torch's global generator."""
    backbone = network.backbone
    patches = backbone.embeddings.patch_embeddings.projection
    patches.weight.data = cosines(*patches.weight.shape[::2])
    patches.bias.data.zero_()
    positions = backbone.embeddings.position_embeddings
    positions.data[:, 1:] = 0.5 * waves(math.isqrt(positions.shape[1] - 1), positions.shape[2])
    for layer in backbone.encoder.layer:
        look_at_neighbours(layer.attention, backbone.config.num_attention_heads)
    keep_size(network)


def cosines(channels: int, side: int) -> Float[Tensor, "channels 3 side side"]:
    """Filters of a patch embedding: the lowest frequencies of the cosine transform of each colour.

    A frequency's gain grows with it as the spectrum of photos falls (as 1 / frequency), so that all channels
    vary about as much.

    Args:
        channels: how many filters.
        side: of a patch, in pixels.
    """
    angle = torch.pi / side * torch.arange(side)[:, None] * (torch.arange(side) + 0.5)
    basis = math.sqrt(2 / side) * torch.cos(angle)
    basis[0] /= math.sqrt(2)
    order = sorted((math.hypot(y, x), y, x) for y in range(side) for x in range(side))
    # A small patch has no more frequencies of one colour than pixels.
    first = min(round(BRIGHTNESS * channels), side * side)
    second = (channels - first) // 2
    filters = []
    for colour, count, gain in zip(torch.tensor(COLOURS), (first, second, channels - first - second), (0.5, 1.0, 1.0)):
        share = gain / side * (colour / colour.norm())[:, None, None]
        filters += [(1 + f) * share * torch.outer(basis[y], basis[x]) for f, y, x in order[:count]]
    return torch.stack(filters)


def waves(side: int, channels: int) -> Float[Tensor, "1 places channels"]:
    """Sines and cosines of a square's rows and columns (Vaswani et al. 2017, arXiv 1706.03762, in two dimensions)."""
    frequencies = 10000.0 ** -(torch.arange(channels // 4) / (channels // 4))
    angle = torch.arange(side)[:, None] * frequencies
    line = torch.cat([angle.sin(), angle.cos()], dim=1)
    rows, columns = line[:, None].expand(side, side, -1), line[None].expand(side, side, -1)
    return torch.cat([rows, columns], dim=-1).reshape(1, side * side, channels)


def look_at_neighbours(attention: nn.Module, heads: int) -> None:
    """Initialise attention so that every token attends to similar ones and subtracts a part of them.

    With waves for places these are its neighbours. Trockman and Kolter 2023 (arXiv 2305.09828), with their
    constants: products of a layer's weights are near multiples of the identity, as they are after long training.
    """
    width = attention.q_proj.weight.shape[0]
    size = width // heads
    pairs = [_factors(0.7 * _noise(width, size) + 0.7 * torch.eye(width), size) for _ in range(heads)]
    attention.q_proj.weight.data = torch.cat([left.T for left, _ in pairs])
    attention.k_proj.weight.data = torch.cat([right for _, right in pairs])
    left, right = _factors(0.4 * _noise(width, width) - 0.4 * torch.eye(width), width)
    attention.o_proj.weight.data, attention.v_proj.weight.data = left, right


def keep_size(network: DepthAnythingForDepthEstimation) -> None:
    """Initialise the decoder to keep the size of signals (He et al. 2015, arXiv 1502.01852); smaller residuals."""
    for part in (network.neck, network.head):
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    for name, parameter in network.neck.named_parameters():
        if name.endswith("convolution2.weight"):
            parameter.data *= 0.3
    nn.init.normal_(network.head.conv3.weight, std=0.1)
    # The head ends in a ReLU: starting at zero it would have no gradient.
    nn.init.constant_(network.head.conv3.bias, 2.0)


def _noise(width: int, variance_of: int) -> Float[Tensor, "width width"]:
    return torch.randn(width, width) / math.sqrt(variance_of)


def _factors(product: Float[Tensor, "width width"], rank: int) -> tuple[Tensor, Tensor]:
    """Two matrices of a rank whose product is the nearest to the given one."""
    left, strengths, right = torch.linalg.svd(product)
    root = strengths[:rank].sqrt()
    return (left[:, :rank] * root).contiguous(), root[:, None] * right[:rank]
