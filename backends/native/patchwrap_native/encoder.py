"""Encoders from a picture to features at every scale: the plain one of this package, or one of timm's by name."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from patchwrap import Features, OptionError
from patchwrap.extension import from_extra
from patchwrap_native.layers import conv_block

DEPTHS = (1, 2, 2, 2, 2, 3)
"""Convolutions per level of the plain encoder."""


class PlainEncoder(nn.Module):
    """3x3 convolutions with 2x2 max pooling between the levels.

    Args:
        widths: channels per level, full resolution first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = list(widths)
        # No normalisation at full resolution, where it costs as much as the convolution.
        self.levels = nn.ModuleList(
            nn.Sequential(*(conv_block(after if n else before, after, norm=level > 0) for n in range(depth)))
            for level, ((before, after), depth) in enumerate(zip(pairwise([3, *widths]), DEPTHS))
        )

    def forward(self, images: Features) -> list[Tensor]:
        """Return one map per level, each half the size of the one before."""
        maps = [self.levels[0](images)]
        for level in list(self.levels)[1:]:
            maps.append(level(F.max_pool2d(maps[-1], 2)))
        return maps


def make_encoder(name: str, widths: Sequence[int]) -> nn.Module:
    """Make the encoder of that name.

    Args:
        name: ``plain`` or ``timm:NAME``; timm is imported only for the latter.
        widths: channels per level; a timm encoder replaces those of its own levels.

    Raises:
        MissingExtraError: if it is one of timm's, which is not installed.
        OptionError: if the name is neither.
    """
    if name == "plain":
        return PlainEncoder(widths)
    if not name.startswith("timm:"):
        raise OptionError(f"Encoder {name!r} is unknown. Use 'plain' or 'timm:NAME', e.g. 'timm:resnet18'.")
    with from_extra("patchwrap-native[timm]", f"Encoder {name!r} needs timm"):
        from patchwrap_native.timm_encoder import TimmEncoder
    return TimmEncoder(name.removeprefix("timm:"), widths)
