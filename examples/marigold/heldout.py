"""What held-out frames say of normalised inverse depth, and what three guesses without a network reach."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from patchwrap import DepthConvention
from patchwrap.metrics import align, depth_metrics
from patchwrap_native.batch import Batch

CONVENTION = DepthConvention("inverse_depth", "affine")
MEASURES = ("abs_rel", "rmse_log", "delta1")


@dataclass(frozen=True)
class Frame:
    """Some frames of one size with truth.

    Args:
        photos: RGB in [-1, 1] at the size that the network sees.
        depth: true depth at the frames' own size, (batch, 1, height, width).
        valid: the pixels that count.
    """

    photos: Tensor
    depth: Tensor
    valid: Tensor

    @classmethod
    def of(cls, batch: Batch, photos: Tensor) -> "Frame":
        """Take the truth of a batch; frames without a valid pixel are left out."""
        kept = batch.valid.flatten(1).any(1)
        return cls(photos[kept], batch.target[kept].exp(), batch.valid[kept])


def measure(maps: Tensor, frame: Frame) -> Iterator[dict[str, float]]:
    """Yield AbsRel, RMSE of log depth and delta1 of each map, aligned in inverse depth.

    Args:
        maps: (batch, 1, height, width) at any size.
        frame: what is true.
    """
    large = F.interpolate(maps.float().cpu(), frame.depth.shape[-2:], mode="bilinear", align_corners=False)
    for pred, depth, valid in zip(large, frame.depth.cpu().numpy(), frame.valid.cpu().numpy()):
        aligned = align(pred[0].numpy(), depth[0], valid[0], CONVENTION)
        measures = depth_metrics(aligned, depth[0], valid[0])
        yield {name: measures[name] for name in MEASURES}


def mean_row(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of every measure."""
    return {name: round(sum(row[name] for row in rows) / len(rows), 5) for name in rows[0]}


def guesses(frames: list[Frame]) -> dict[str, dict[str, float]]:
    """What a constant, a ramp from near to far and the photo's blurred gradient reach as inverse depth."""
    return {
        guess.__name__: mean_row([row for frame in frames for row in measure(guess(frame.photos), frame)])
        for guess in (constant, ramp, blurred_gradient)
    }


def constant(photos: Tensor) -> Tensor:
    """All pixels equally far."""
    return torch.ones_like(ramp(photos))


def ramp(photos: Tensor) -> Tensor:
    """Nearer towards the lower border."""
    height, width = photos.shape[-2:]
    return torch.linspace(0, 1, height)[None, None, :, None].expand(len(photos), 1, height, width)


def blurred_gradient(photos: Tensor) -> Tensor:
    """Nearer where the photo has more contrast, at an eighth of the size."""
    grey = photos.float().cpu().mean(1, keepdim=True)
    steep = F.pad(grey.diff(dim=-1).abs(), (0, 1)) + F.pad(grey.diff(dim=-2).abs(), (0, 0, 0, 1))
    return F.avg_pool2d(steep, 17, 8, 8, count_include_pad=False)
