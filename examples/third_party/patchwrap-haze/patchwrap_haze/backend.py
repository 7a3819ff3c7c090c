"""Depth from haze, by the dark channel prior (He, Sun, Tang: Single Image Haze Removal, CVPR 2009).

Somewhere near every pixel of a haze-free outdoor picture one colour channel is almost black. What it shows
instead is air, and air is the thicker the farther one looks: I = J t + A (1 - t) with t = exp(-beta depth).
"""

from pathlib import Path

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from patchwrap import DepthBatch, DepthConvention, Images

KEPT = 0.95
"""How much of the haze counts (omega in the paper); the rest keeps the farthest depth finite."""

Grey = Float[Tensor, "batch 1 height width"]


class Haze:
    """A backend without a network: beta is unknown, so depth is known up to its scale.

    A backend that holds a network needs ``to`` as well, see the README beside ``pyproject.toml``.
    """

    convention = DepthConvention("depth", "scale")
    processing = (384, 512)

    def predict(self, images: Images) -> DepthBatch:
        """Invert the haze equation, in multiples of 1/beta."""
        window = max(images.shape[2:]) // 64
        dark = darkest(images, window)
        haze = darkest(images / air(images, dark).clamp(min=0.1), window).clamp(max=1)
        transmission = 1 - KEPT * guided_filter(images.mean(1, keepdim=True), haze, 2 * window)
        return -transmission.clamp(1 - KEPT, 0.99).log()


def darkest(images: Images, window: int) -> Grey:
    """The dark channel: the least value of any channel within ``window`` pixels."""
    return -F.max_pool2d(-images.amin(1, keepdim=True), 2 * window + 1, stride=1, padding=window)


def air(images: Images, dark: Grey) -> Float[Tensor, "batch 3 1 1"]:
    """The colour of the air: the mean of the thousandth of pixels with the brightest dark channel."""
    count = max(1, dark[0].numel() // 1000)
    brightest = dark.flatten(2).topk(count).indices
    return images.flatten(2).gather(2, brightest.expand(-1, 3, -1)).mean(2)[..., None, None]


def guided_filter(guide: Grey, values: Grey, radius: int, smooth: float = 1e-3) -> Grey:
    """Smooth ``values`` but keep the guide's edges (He, Sun, Tang: Guided Image Filtering, ECCV 2010)."""

    def mean(maps: Grey) -> Grey:
        return F.avg_pool2d(maps, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)

    slope = (mean(guide * values) - mean(guide) * mean(values)) / (mean(guide**2) - mean(guide) ** 2 + smooth)
    return mean(slope) * guide + mean(mean(values) - slope * mean(guide))


def load(checkpoint: str | Path | None = None) -> Haze:
    """Make the backend; the plugin registers this function. There is no checkpoint."""
    return Haze()
