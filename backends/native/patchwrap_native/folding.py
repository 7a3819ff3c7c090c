"""Folds batch normalisation into the convolution before it: the same numbers in half the passes over memory."""

from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)


def fold(network: Network) -> Network:
    """Fold every convolution that is followed by a batch normalisation, in place.

    Args:
        network: in evaluation mode; afterwards it can be fine-tuned but not trained from scratch.

    Returns:
        The same network.
    """
    for block in network.modules():
        if not isinstance(block, nn.Sequential):
            continue
        for n in range(len(block) - 1):
            first, second = block[n], block[n + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                block[n], block[n + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return network
