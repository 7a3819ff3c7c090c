"""The input of a training step: pictures with their canonical log depth, and how each pixel counts."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from patchwrap_native import canonical

Logs = Float[Tensor, "batch 1 height width"]
Marks = Bool[Tensor, "batch 1 height width"]


@dataclass(frozen=True)
class Batch:
    """Pictures with truth.

    Args:
        images: RGB in [0, 1].
        target: natural log of canonical depth, ``inf`` in the sky.
        valid: pixels whose depth is regressed.
        beyond: pixels that only have to be far: sky, and depth beyond ``canonical.VALID_METRES``.
        far: least depth of those pixels, natural log of canonical depth.
    """

    images: Float[Tensor, "batch 3 height width"]
    target: Logs
    valid: Marks
    beyond: Marks
    far: Logs

    @classmethod
    def of(
        cls,
        images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
        log_metres: Logs,
        focals: Float[Tensor, "batch"],
    ) -> "Batch":
        """Make a batch of pictures, depth and focal lengths.

        Args:
            images: sRGB as bytes, or RGB in [0, 1].
            log_metres: natural log of z in metres, ``inf`` in the sky.
            focals: focal lengths in pixels of these pictures.
        """
        to_canonical = (canonical.FOCAL / focals).log()[:, None, None, None]
        target = log_metres + to_canonical
        valid = log_metres < math.log(canonical.VALID_METRES)
        limit = math.log(canonical.VALID_METRES) + to_canonical
        far = torch.where(log_metres.isinf(), math.log(canonical.SKY), limit)
        pictures = images if images.is_floating_point() else images.float() / 255
        return cls(pictures, target, valid, ~valid, far)

    def with_images(self, images: Float[Tensor, "batch 3 height width"]) -> "Batch":
        """The same truth under other pictures."""
        return replace(self, images=images)

    def to(self, device: torch.device) -> "Batch":
        """The batch on another device."""
        return replace(self, **{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})
