"""Guides a transformer by the features of a convolutional network, so that it learns faster where things are.

Locality guidance (Li et al. 2022, arXiv 2207.10026): from few pictures a transformer learns faster if its tokens
must also tell the features of a convolutional network that learned from the same pictures.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from patchwrap.types import Images
from patchwrap_native.canonical import FURTHEST
from patchwrap_native.unet import UNet

ENLARGED = 2
"""The guide gets pictures of twice the size, so that its features of stride 16 match patches of eight pixels."""

Tokens = Float[Tensor, "batch one_more_than_patches width"]


class Guidance(nn.Module):
    """A loss: how well a linear map predicts a guide's features from tokens.

    Args:
        guide: the trained network, which stays frozen.
        layers: whose tokens tell its encoder's two middle levels and its decoder's first, in this order.
        width: channels of the tokens.
    """

    def __init__(self, guide: UNet, layers: Sequence[int], width: int) -> None:
        super().__init__()
        # In a list, so that the guide is not trained or saved with this module; it follows its pictures' device.
        self._guide = [guide.eval().requires_grad_(False)]
        self.layers = list(layers)
        self.tell = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, features.shape[1]))
            for features in self._features(torch.zeros(1, 3, 64, 64))
        )

    def forward(self, images: Images, states: Sequence[Tokens]) -> Float[Tensor, ""]:
        """Mean squared error of the predicted features, each of them standardised.

        Args:
            images: RGB in [0, 1], what the transformer saw.
            states: tokens of all its layers, the first of each is no patch.
        """
        told = (tell(states[layer][:, 1:]) for tell, layer in zip(self.tell, self.layers))
        wanted = self.wanted(images)
        return torch.stack([F.mse_loss(mine.float(), maps.flatten(2).mT) for mine, maps in zip(told, wanted)]).mean()

    @torch.no_grad()
    def wanted(self, images: Images) -> list[Float[Tensor, "batch channels rows columns"]]:
        """The guide's features, one for each patch; each channel has mean 0 and variance 1 in the batch."""
        larger = F.interpolate(images, scale_factor=ENLARGED, mode="bilinear", align_corners=False)
        return [F.batch_norm(maps.float(), None, None, training=True) for maps in self._features(larger)]

    @torch.no_grad()
    def depth(self, images: Images) -> Float[Tensor, "batch 1 height width"]:
        """The guide's own canonical log depth of the pictures, at most where the sky begins."""
        guide = self._guide[0].to(images.device)
        larger = F.interpolate(images, scale_factor=ENLARGED, mode="bilinear", align_corners=False)
        depth, _ = guide(larger.contiguous(memory_format=torch.channels_last))
        # Twice the focal length in pixels is half the canonical depth.
        return F.avg_pool2d(depth.float(), ENLARGED).clamp(max=math.log(FURTHEST)) + math.log(ENLARGED)

    def _features(self, images: Images) -> list[Tensor]:
        guide = self._guide[0].to(images.device)
        skips, deep = guide.encode(images.contiguous(memory_format=torch.channels_last))
        return [F.avg_pool2d(skips[3], 2), skips[4], guide.merges[0](deep, skips[4])]
