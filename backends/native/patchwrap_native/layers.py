"""The building blocks all native networks share: a 3x3 convolution and a decoder level."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

Deep = Float[Tensor, "batch deep rows columns"]
"""The coarser level's features."""

Skip = Float[Tensor, "batch skip height width"]
"""The encoder's features of a level, twice as high and wide."""


def conv_block(inputs: int, outputs: int, norm: bool = True) -> nn.Sequential:
    """Make a 3x3 convolution with batch normalisation and ReLU; the size stays.

    Args:
        inputs: channels in.
        outputs: channels out.
        norm: False leaves the normalisation out (at full resolution it costs as much as the convolution).
    """
    between = nn.BatchNorm2d(outputs) if norm else nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=not norm), between, nn.ReLU(inplace=True))


class Merge(nn.Module):
    """One decoder level: the deeper map, enlarged twofold, plus the encoder's map of this level.

    Args:
        deep: channels of the deeper map.
        skip: channels of the encoder's map.
        width: channels out.
        norm: whether the level is normalised.
    """

    def __init__(self, deep: int, skip: int, width: int, norm: bool = True) -> None:
        super().__init__()
        # Both are brought to a common width before the cheap addition, the deep one while it is still small.
        self.narrow = nn.Conv2d(deep, width, 1)
        self.skip = nn.Identity() if skip == width else nn.Conv2d(skip, width, 1)
        self.mix = conv_block(width, width, norm)

    def forward(self, deep: Deep, skip: Skip) -> Float[Tensor, "batch out height width"]:
        """Merge one level into features of the skip's size."""
        enlarged = F.interpolate(self.narrow(deep), size=skip.shape[-2:], mode="bilinear", align_corners=False)
        return self.mix(enlarged + self.skip(skip))
