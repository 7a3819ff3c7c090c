"""The guided fusion network: corrects one aligned tile, guided by RGB and both networks' features."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from patchwrap import DepthBatch, Features, Images
from patchwrap_native.layers import Merge, conv_block

FUSION_WIDTHS = (8, 32, 64, 96, 128)

INPUTS = 6
"""Coarse, aligned and their difference; RGB."""

Refined = Float[Tensor, "batch 1 height width"]
Guidance = Float[Tensor, "batch channels rows columns"]


class FusionNetwork(nn.Module):
    """A U-Net over coarse map, aligned tile and RGB that returns the aligned tile plus a residual.

    The residual's last convolution starts at zero, and each tile's coarse median is subtracted first, so
    that neither the scale nor the unit of the maps matters.

    Args:
        widths: channels per level, full resolution first.
        guides: channels of the coarse and of the fine network's features.
    """

    def __init__(self, widths: Sequence[int] = FUSION_WIDTHS, guides: tuple[int, int] = (32, 32)) -> None:
        super().__init__()
        self.options = {"widths": list(widths), "guides": list(guides)}
        self.guides = tuple(guides)
        self.stem = conv_block(INPUTS, widths[0], norm=False)
        # Guidance enters at half resolution, where both networks hand it out.
        self.guide = nn.ModuleList(nn.Conv2d(channels, widths[1] // 2, 1) for channels in guides)
        before = [widths[0] + 2 * (widths[1] // 2), *widths[1:]]
        self.levels = nn.ModuleList(
            nn.Sequential(conv_block(a, b), conv_block(b, b)) for a, b in zip(before, widths[1:])
        )
        downwards = range(len(widths) - 2, -1, -1)
        self.merges = nn.ModuleList(
            Merge(widths[level + 1], widths[level], widths[level], norm=level > 0) for level in downwards
        )
        self.residual = nn.Conv2d(widths[0], 1, 3, padding=1)
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)  # type: ignore[arg-type]

    def forward(
        self,
        images: Images,
        coarse: DepthBatch,
        aligned: DepthBatch,
        coarse_features: Features | None,
        fine_features: Features | None,
    ) -> tuple[Refined, Guidance]:
        """Return the aligned tiles plus a residual, in log depth, and this network's decoder features at half size.

        Args:
            images: the tiles' RGB in [0, 1].
            coarse: log of the coarse map under each tile, at the tile's size.
            aligned: log of the tiles' own prediction after alignment; finite.
            coarse_features: the coarse network's features under each tile, any size; None counts as zero.
            fine_features: the fine network's features of each tile, any size; None counts as zero.
        """
        height, width = images.shape[-2:]
        full = self.stem(self._normalised(images, coarse, aligned))
        half = F.max_pool2d(full, 2)
        guides = self._guidance((coarse_features, fine_features), half)
        maps = [full, self.levels[0](torch.cat([half, *guides], 1))]
        for level in list(self.levels)[1:]:
            maps.append(level(F.max_pool2d(maps[-1], 2)))
        deep = own = maps[-1]
        for merge, skip in zip(self.merges, maps[-2::-1]):
            own, deep = deep, merge(deep, skip)
        return aligned + self._residual(deep), own

    def _normalised(self, images: Images, coarse: DepthBatch, aligned: DepthBatch) -> Tensor:
        centre = coarse.flatten(1).median(1).values[:, None, None, None]
        stack = [coarse - centre, aligned - centre, (aligned - coarse) * 4, (images - 0.45) * 4]
        return torch.cat(stack, 1).to(self.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """Number type of all layers but the residual, which is always float32."""
        return self.guide[0].weight.dtype  # type: ignore[return-value]

    def _guidance(self, features: tuple[Features | None, Features | None], half: Tensor) -> list[Tensor]:
        batch, _, rows, columns = half.shape
        out = []
        for given, project, channels in zip(features, self.guide, self.guides):
            if given is None:
                given = half.new_zeros(batch, channels, 1, 1)
            if given.shape[-2:] != (rows, columns):
                given = F.interpolate(given, (rows, columns), mode="bilinear", align_corners=False)
            out.append(project(given.to(self.dtype)))
        return out

    def _residual(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return self.residual(features.float())
