"""The U-Net of both the coarse and the fine network; independent of files and focal lengths."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from patchwrap import DepthBatch, Features, Images
from patchwrap_native.encoder import make_encoder
from patchwrap_native.layers import Merge

WIDTHS = (8, 32, 64, 96, 128, 160)
"""Channels from full resolution down, of both networks so that the fine one can start from the coarse one; the first
level is thin because it alone has every pixel."""

MULTIPLE = 32
"""Sides of an input are divisible by this: it is halved five times."""


class UNet(nn.Module):
    """A U-Net of 3x3 convolutions and 2x2 max pooling that regresses the log of canonical depth.

    Five poolings, three convolutions and a global mean at the bottleneck: it sees the whole image.

    Args:
        widths: channels per level, full resolution first.
        encoder: ``plain`` or ``timm:NAME`` (any timm network with ``features_only``).
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, encoder: str = "plain") -> None:
        super().__init__()
        self.options = {"widths": list(widths), "encoder": encoder}
        self.encoder = make_encoder(encoder, widths)
        skips: list[int] = self.encoder.widths  # type: ignore[assignment]
        self.context = nn.Linear(skips[-1], skips[-1])
        levels = range(len(widths) - 2, -1, -1)
        deeper = [skips[-1], *(widths[level] for level in levels)]
        self.merges = nn.ModuleList(
            Merge(deep, skips[level], widths[level], norm=level > 0) for deep, level in zip(deeper, levels)
        )
        self.head = nn.Conv2d(widths[0], 1, 3, padding=1)
        nn.init.constant_(self.head.bias, 2.0)  # type: ignore[arg-type]  # e^2 = 7 canonical metres to begin with

    def forward(
        self, images: Images
    ) -> tuple[Float[Tensor, "batch 1 height width"], Float[Tensor, "batch channels rows columns"]]:
        """Regress log canonical depth.

        Args:
            images: RGB in [0, 1], sides divisible by 32.

        Returns:
            Natural log of canonical depth at the images' size in float32, and the decoder features at half size.
        """
        skips, deep = self.encode(images)
        half = deep
        for merge, skip in zip(self.merges, skips[-2::-1]):
            half, deep = deep, merge(deep, skip)
        return self._regress(deep), half

    def encode(self, images: Images) -> tuple[list[Tensor], Tensor]:
        """Return the encoder's maps, full size first, the last with the whole image's mean added."""
        skips = self.encoder((images.to(self.context.weight.dtype) - 0.45) * 4.0)
        return skips, skips[-1] + self.context(skips[-1].mean((2, 3)))[:, :, None, None]

    def _regress(self, features: Features) -> DepthBatch:
        # In bfloat16 a log depth of 3 has steps of 1.5 %: the last convolution is always float32.
        with torch.autocast(features.device.type, enabled=False):
            return self.head(features.float())
