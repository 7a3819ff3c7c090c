"""The universal head's network: corrects one aligned tile, whichever backend it comes from. Convolutions only."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from patchwrap.tile_view import REACH
from patchwrap.types import DepthBatch, Features, Images

WIDTHS = (12, 32, 64, 96, 128)
"""Channels per level, full resolution first; the first is thin because it alone has every pixel."""

INPUTS = 8
"""RGB; coarse, aligned, their difference, disagreement, confidence."""

SURROUNDING = 32
"""Channels in which the surroundings are read."""

FURTHEST = 6.0
"""Values beyond so many spreads from the centre count as so far."""

LEAK = 0.1
"""Slope below zero: with few channels and no normalisation a plain ReLU may die as a whole."""

GAIN = 4.0
"""Differences are small beside the maps themselves."""

Where = Float[Tensor, "batch 1 height width"]
Around = Float[Tensor, "batch 4 rows columns"]
Numbers = Float[Tensor, "batch"]


class HeadNetwork(nn.Module):
    """A U-Net that returns what all tiles say together of a tile's place, plus a residual.

    The residual has three parts: what is added, in units of the whole coarse map's spread; a share of what sets the
    tile apart from the others, which it keeps; and a share, given up, of what sets them all apart from the coarse map.
    The last convolution, of all three, starts at zero: an untrained head's tiles agree to the last pixel, and what
    training gains must be worth the disagreement it costs. Begun as ``aligned`` it keeps all that sets the tile apart,
    so that an untrained head returns the aligned tile itself. Without any normalisation layer: a statistic of the tile
    would differ between tiles that overlap.

    Args:
        widths: channels per level, full resolution first.
        guides: channels of the coarse and of the tile backend's decoder features; 0 where they are not used.
        begin: what it returns untrained, ``agreed`` or ``aligned``.
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
        """Refine tiles; for the arguments see ``patchwrap.tile_view.TileView``.

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
            added, kept, given_up = self.residual(features[-1].float()).split(1, dim=1)
        agreed = aligned - disagreement
        return agreed + unit * added + kept * disagreement - given_up * (agreed - coarse), features

    @property
    def dtype(self) -> torch.dtype:
        """The type the body computes in; the residual itself is always float32."""
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
    """Reads what lies around a tile with growing dilation, and hands out what falls on the tile."""

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
    """One decoder level: the deeper map, narrowed and enlarged twofold, plus the encoder's map of this level."""

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
