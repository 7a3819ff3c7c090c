"""The universal head's network: corrects aligned tiles of any backend. Convolutions only."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from patchwrap.tile_view import REACH
from patchwrap.types import DepthBatch, Features, Images

WIDTHS = (12, 32, 64, 96, 128)
"""Channels per level, full resolution first; few there because that level costs the most per channel."""

INPUTS = 8
"""Input channels: RGB (3), coarse, aligned, their difference, disagreement, confidence."""

SURROUNDING = 32
"""Channels of the branch that reads the tile's context."""

FURTHEST = 6.0
"""Inputs are clamped to this many spreads from the centre."""

LEAK = 0.1
"""Negative slope of the ReLUs: with few channels and no normalisation, plain ones may all become inactive."""

GAIN = 4.0
"""Factor on RGB and on differences, which are otherwise much smaller than the other inputs."""

Where = Float[Tensor, "batch 1 height width"]
Around = Float[Tensor, "batch 4 rows columns"]
Numbers = Float[Tensor, "batch"]


class HeadNetwork(nn.Module):
    """U-Net that returns ``consensus + spread * a + b * (tile - consensus) - c * (consensus - coarse)``.

    ``a``, ``b`` and ``c`` are predicted maps; ``consensus`` is the weighted mean of all aligned tiles, that is the
    aligned tile minus its disagreement. The last layer starts at zero: untrained tiles equal the consensus; with
    ``begin="aligned"`` (bias b = 1) they equal the aligned tile. No normalisation layers, because their statistics
    differ between overlapping tiles.

    Args:
        widths: channels per level, full resolution first.
        guides: channels of the coarse and of the tile backend's decoder features; 0 where they are not used.
        begin: what an untrained network returns: ``agreed`` (the consensus) or ``aligned`` (the aligned tile).
    """

    def __init__(
        self, widths: Sequence[int] = WIDTHS, guides: tuple[int, int] = (0, 0), begin: str = "agreed"
    ) -> None:
        super().__init__()
        self.options = {"widths": list(widths), "guides": list(guides)}
        self.guides = tuple(guides)
        self.stem = _conv(INPUTS, widths[0])
        guided = [channels for channels in guides if channels]
        self.guide = nn.ModuleList(nn.Conv2d(channels, widths[1] // 2, 1) for channels in guided)
        before = [widths[0] + len(guided) * (widths[1] // 2), *widths[1:]]
        self.levels = nn.ModuleList(nn.Sequential(_conv(a, b), _conv(b, b)) for a, b in zip(before, widths[1:]))
        self.surroundings = _Surroundings(widths[-1])
        self.merges = nn.ModuleList(_Merge(deep, skip) for deep, skip in zip(widths[:0:-1], widths[-2::-1]))
        self.residual = nn.Conv2d(widths[0], 3, 3, padding=1)
        nn.init.zeros_(self.residual.weight)
        self.residual.bias = nn.Parameter(torch.tensor([0.0, float(begin == "aligned"), 0.0]))

    def forward(
        self,
        images: Images,
        coarse: DepthBatch,
        aligned: DepthBatch,
        confidence: Where,
        disagreement: DepthBatch,
        context: Around,
        centre: Numbers,
        spread: Numbers,
        coarse_features: Features | None = None,
        fine_features: Features | None = None,
    ) -> tuple[Float[Tensor, "batch 1 height width"], list[Tensor]]:
        """Refine tiles: the parts of a ``patchwrap.tile_view.TileView``, all maps in the fusion space.

        Args:
            images: the tiles' RGB in [0, 1].
            coarse: the coarse map under each tile, at the tile's size.
            aligned: the aligned tiles, finite.
            confidence: trust and agreement from the alignment, in [0, 1].
            disagreement: aligned tile minus consensus.
            context: coarse map, consensus, and position down and across the image from -1 to 1, in an area of
                ``REACH`` tiles a side around the tile.
            centre: the coarse map's median, one per tile.
            spread: the coarse map's spread, one per tile, positive.
            coarse_features: the coarse backend's decoder features under each tile; None counts as zero.
            fine_features: the tile backend's decoder features; None counts as zero.

        Returns:
            The refined tiles, and the decoder's features from the deepest level to full resolution.
        """
        middle, unit = (value[:, None, None, None].float() for value in (centre, spread))
        maps = [((values - middle) / unit).clamp(-FURTHEST, FURTHEST) for values in (coarse, aligned)]
        apart = [(GAIN * values / unit).clamp(-FURTHEST, FURTHEST) for values in (aligned - coarse, disagreement)]
        inputs = torch.cat([(images - 0.45) * GAIN, *maps, *apart, confidence], 1)
        around = ((context[:, :2] - middle) / unit).clamp(-FURTHEST, FURTHEST)
        features = self._features(
            inputs.to(self.dtype),
            torch.cat([around, context[:, 2:]], 1).to(self.dtype),
            [given for given, channels in zip((coarse_features, fine_features), self.guides) if channels],
        )
        with torch.autocast(images.device.type, enabled=False):
            a, b, c = self.residual(features[-1].float()).split(1, dim=1)
        consensus = aligned - disagreement
        return consensus + unit * a + b * disagreement - c * (consensus - coarse), features

    @property
    def dtype(self) -> torch.dtype:
        """Number type of all layers but the last, which is always float32."""
        return self.merges[-1].mix[0].weight.dtype  # type: ignore[union-attr, index]

    def _features(self, inputs: Tensor, around: Tensor, guides: list[Features | None]) -> list[Tensor]:
        maps = [self.stem(inputs.contiguous(memory_format=torch.channels_last))]
        for depth, level in enumerate(self.levels):
            pooled = F.max_pool2d(maps[-1], 2)
            maps.append(level(torch.cat([pooled, *self._guidance(guides, pooled)], 1) if depth == 0 else pooled))
        features = [maps[-1] + self.surroundings(around, maps[-1])]
        for merge, skip in zip(self.merges, maps[-2::-1]):
            features.append(merge(features[-1], skip))
        return features[1:]

    def _guidance(self, guides: list[Features | None], half: Tensor) -> list[Tensor]:
        out = []
        channels = [count for count in self.guides if count]
        for given, project, count in zip(guides, self.guide, channels):
            if given is None:
                given = half.new_zeros(len(half), count, 1, 1)
            out.append(project(_resized(given.to(self.dtype), half)))
        return out


class _Surroundings(nn.Module):
    """Encodes a tile's context with growing dilation, and returns the part of it at the tile's own position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter = _conv(4, SURROUNDING)
        self.widen = nn.ModuleList(_conv(SURROUNDING, SURROUNDING, dilation) for dilation in (2, 4, 8))
        self.whole = nn.Conv2d(SURROUNDING, SURROUNDING, 1)
        self.leave = nn.Conv2d(SURROUNDING, width, 1)

    def forward(self, around: Around, deep: Tensor) -> Tensor:
        features = self.enter(around)
        for conv in self.widen:
            features = features + conv(features)
        features = F.leaky_relu(features + self.whole(features.mean((2, 3), keepdim=True)), LEAK)
        top, left = features.shape[2] // REACH, features.shape[3] // REACH
        return self.leave(_resized(features[:, :, top : 2 * top, left : 2 * left], deep))


class _Merge(nn.Module):
    """One decoder level: the deeper map, with fewer channels and enlarged twofold, plus the encoder's of this level."""

    def __init__(self, deep: int, skip: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(deep, skip, 1)
        self.mix = _conv(skip, skip)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        return self.mix(_resized(self.narrow(deep), skip) + skip)


def _conv(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
    nn.init.kaiming_normal_(conv.weight, a=LEAK, nonlinearity="leaky_relu")
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return nn.Sequential(conv, nn.LeakyReLU(LEAK))


def _resized(maps: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(maps, like.shape[-2:], mode="bilinear", align_corners=False)
