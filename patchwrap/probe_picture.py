"""The picture on which backends are compared when only their behaviour can tell whether they are the same."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch.nn.functional import adaptive_avg_pool2d


def probe_picture() -> UInt8[np.ndarray, "144 192 3"]:
    """Blocks of random colours, always the same: a picture in which every backend sees something."""
    blocks = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return np.kron(blocks, np.ones((24, 24, 1), np.uint8))


def in_blocks(values: Float[torch.Tensor, "height width"]) -> list[str]:
    """Describe a map of the probe picture in sixteen blocks.

    Returns:
        The mean of every block, then the root mean square differences of its vertical and of its horizontal neighbours,
        which tell apart maps that differ in detail only, such as in sharpness. Three digits, and differences in steps
        of a ten thousandth of the largest value, so that another order of summation gives the same. What is not finite
        counts as zero.
    """
    known = values.double().nan_to_num(0, 0, 0)[None]
    relative = known / known.abs().max().clamp_min(1e-12)
    steps = [adaptive_avg_pool2d(relative.diff(dim=axis).square(), 4).sqrt().flatten() for axis in (1, 2)]
    means = adaptive_avg_pool2d(known, 4).flatten().tolist()
    return [f"{mean:.3g}" for mean in means] + [f"{step:.4f}" for step in torch.cat(steps).tolist()]
