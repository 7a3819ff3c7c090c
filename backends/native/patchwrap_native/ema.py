"""An exponential moving average of a network: what is evaluated and shipped instead of the last step's."""

import copy

import torch
from torch import nn


class Ema:
    """The average of a network's parameters and buffers.

    Args:
        network: to be averaged.
        decay: share of the old average that a step keeps, in [0, 1); lower at first.
    """

    def __init__(self, network: nn.Module, decay: float = 0.998) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Update the average.

        Args:
            network: its current state.
            step: how many steps were taken so far; early on the average forgets faster.
        """
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        pairs = list(zip(self.network.state_dict().values(), network.state_dict().values()))
        floats = [(mine, theirs) for mine, theirs in pairs if mine.is_floating_point()]
        torch._foreach_lerp_([mine for mine, _ in floats], [theirs for _, theirs in floats], share)
