"""A picture with depth painted into it, and a fake backend that reads it and distorts it as real models do."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor

from patchwrap.convention import DepthConvention
from patchwrap.tile_view import CONTEXT, TileView
from patchwrap.types import DepthBatch, Images


def painted_photo(height: int = 240, width: int = 400) -> Float32[ndarray, "height width 3"]:
    """A grey photo whose brightness is the inverse depth: a plane, a box and a thin bar; values in [0.2, 1]."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    grey = 0.2 + 0.4 * y + 0.2 * x
    grey[height // 3 : height // 2, width // 4 : width // 3] += 0.2
    grey[:, 5 * width // 8 : 5 * width // 8 + 3] += 0.15
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)


def bare_view(images: Images, coarse: DepthBatch, aligned: DepthBatch, **parts: Tensor | None) -> TileView:
    """Tiles as a fusion head sees them, without neighbours: fully trusted, in agreement, surrounded by a flat map.

    Args:
        images: RGB in [0, 1].
        coarse: the coarse map under each tile.
        aligned: the aligned tiles.
        parts: values for other fields of ``TileView``.
    """
    count = len(images)
    plain: dict[str, Any] = {
        "confidence": torch.ones_like(aligned),
        "disagreement": torch.zeros_like(aligned),
        "context": torch.zeros(count, 4, *CONTEXT),
        "centre": torch.zeros(count),
        "spread": torch.ones(count),
    }
    return TileView(images, coarse, aligned, **(plain | parts))


class PaintedBackend:
    """Reads painted inverse depth; each image gets a random scale and shift, from the second call on also a tilt.

    Args:
        convention: of the maps it returns.
        distort: strength of the distortion; 0 is exact.
        seed: draws the distortions.
    """

    processing = (60, 100)

    def __init__(self, convention: str = "inverse_depth:affine", distort: float = 0.0, seed: int = 0) -> None:
        self.convention = DepthConvention.parse(convention)
        self.distort = distort
        self.calls: list[tuple[int, ...]] = []
        self._draw = torch.Generator().manual_seed(seed)

    def predict(self, images: Images) -> DepthBatch:
        """Read the depth and distort it; the shape of every batch is appended to ``calls``."""
        self.calls.append(tuple(images.shape))
        values = images.mean(1, keepdim=True)
        if self.convention.ambiguity == "affine":
            return self._distorted(values)
        inverse = values if self.convention.space == "inverse_depth" else values.reciprocal()
        return inverse * torch.exp(self.distort * self._normal(len(images), 1))

    def _distorted(self, values: DepthBatch) -> DepthBatch:
        scale, shift, v, u = self._normal(len(values), 4).split(1, dim=1)
        y, x = (torch.linspace(-1, 1, n) for n in values.shape[2:])
        tilt = 0.1 * (len(self.calls) > 1) * (v * y[:, None] + u * x[None, :])
        return values * torch.exp(self.distort * scale) + self.distort * (shift + tilt)

    def _normal(self, batch: int, numbers: int) -> Float[Tensor, "batch numbers 1 1"]:
        return torch.randn(batch, numbers, 1, 1, generator=self._draw)
