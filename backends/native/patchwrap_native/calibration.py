"""Removes the constant error in log depth that the losses leave in a depth network; uses training views only."""

from collections.abc import Sequence

import torch

from patchwrap_native.batch import Batch
from patchwrap_native.unet import UNet


@torch.no_grad()
def calibrate(network: UNet, batches: Sequence[Batch]) -> float:
    """Subtract the median log error from the last convolution's bias, in place.

    SILog weights a constant error by 15 % only, and the sky's hinge pushes all depth away from the camera.

    Args:
        network: in evaluation mode.
        batches: unaugmented views it was trained on, on its device.

    Returns:
        What was subtracted; 0 if no pixel is valid.
    """
    errors = torch.cat([_errors(network, batch) for batch in batches])
    offset = round(float(errors.median()), 5) if len(errors) else 0.0
    network.head.get_parameter("bias").sub_(offset)
    return offset


def _errors(network: UNet, batch: Batch) -> torch.Tensor:
    log_depth, _ = network(batch.images.contiguous(memory_format=torch.channels_last))
    return (log_depth - batch.target)[batch.valid]
