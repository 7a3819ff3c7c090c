"""Trivial depth maps that every checkpoint has to beat.

| baseline | map | what is fitted to each image |
|---|---|---|
| constant | one depth everywhere | a factor: the median ratio, as for every ``depth:scale`` |
| vertical ramp | inverse depth rises evenly from the upper to the lower border | scale and shift on inverse depth |
| image gradient | inverse depth is where the picture changes, smoothed | scale and shift on inverse depth |

Scale and shift are two numbers that the truth gives away, and a negative scale is allowed.
"""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from patchwrap import Backend, wrap_callable
from patchwrap.types import DepthBatch, Images

SIZE = (288, 384)
SMOOTH = 25
"""Side of the averaging window of the gradient in pixels, a fifteenth of the picture's width."""


def baselines() -> dict[str, Backend]:
    """The baselines as backends, by name."""
    return {
        "constant": _wrapped(constant, "depth:scale"),
        "vertical ramp": _wrapped(ramp, "inverse_depth:affine"),
        "image gradient": _wrapped(gradient, "inverse_depth:affine"),
    }


def constant(images: Images) -> DepthBatch:
    """A map of ones."""
    return torch.ones_like(images[:, :1])


def ramp(images: Images) -> DepthBatch:
    """A ramp from 0 at the upper border to 1 at the lower."""
    height, width = images.shape[2:]
    return torch.linspace(0, 1, height, device=images.device)[:, None].expand(len(images), 1, height, width)


def gradient(images: Images) -> DepthBatch:
    """Absolute brightness gradient, averaged over a window."""
    grey = F.pad(images.mean(1, keepdim=True), (0, 1, 0, 1), mode="replicate")
    across, down = grey[..., :-1, 1:] - grey[..., :-1, :-1], grey[..., 1:, :-1] - grey[..., :-1, :-1]
    return F.avg_pool2d(torch.hypot(across, down), SMOOTH, 1, SMOOTH // 2, count_include_pad=False)


def _wrapped(function: Callable[[Images], DepthBatch], convention: str) -> Backend:
    return wrap_callable(function, convention, SIZE, free_aspect=False)
