"""What a renderer returns; never draws."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from patchwrap.intrinsics import Intrinsics


@dataclass(frozen=True)
class Frame:
    """A picture with its exact depth.

    Attributes:
        image: sRGB, anti-aliased.
        depth: z in metres at pixel centres, not anti-aliased; the sky is ``inf``.
        intrinsics: pinhole parameters of this frame, in its own pixels.
        seed: the seed of its scene.
        kind: the kind of place, one of ``KINDS``.
    """

    image: UInt8[np.ndarray, "height width 3"]
    depth: Float32[np.ndarray, "height width"]
    intrinsics: Intrinsics
    seed: int
    kind: str
