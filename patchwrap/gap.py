"""How far two tensors differ."""

import torch
from torch import Tensor


def relative_gap(wanted: Tensor, got: Tensor) -> float:
    """Compare two tensors of one shape.

    Returns:
        The largest difference as a fraction of the largest value of ``wanted``; infinite if different pixels are
        finite, zero if no pixel is.
    """
    finite = wanted.isfinite()
    if not torch.equal(finite, got.isfinite()):
        return float("inf")
    if not finite.any():
        return 0.0
    gap = (got - wanted)[finite].abs().max() / wanted[finite].abs().max().clamp(min=1e-30)
    return float(gap)
