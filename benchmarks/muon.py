"""Muon for a transformer's matrices and AdamW for everything else, as one optimiser.

A transformer that starts from nothing learns in half as many steps as with AdamW alone. Muon (Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon) is torch's own, with steps as large as AdamW's (Liu et al. 2025,
arXiv 2502.16982), so that both take the same learning rate.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class Together(torch.optim.Optimizer):
    """Several optimisers that step together.

    Args:
        parts: the optimisers, of different parameters.
    """

    def __init__(self, parts: list[torch.optim.Optimizer]) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        # The same dictionaries, so that a learning rate set here is the optimisers' own.
        self.param_groups = [group for part in parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Let each optimiser take its step."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The states of the optimisers."""
        return {str(index): part.state_dict() for index, part in enumerate(self.parts)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the states of the optimisers."""
        for index, part in enumerate(self.parts):
            part.load_state_dict(state_dict[str(index)])
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def muon_and_adamw(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    """Muon for the matrices of layers, AdamW for convolutions, norms, biases and embeddings."""
    matrices = [p for name, p in network.named_parameters() if p.ndim == 2 and ".layer." in name]
    chosen = {id(p) for p in matrices}
    others = [p for p in network.parameters() if id(p) not in chosen]
    muon = torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    return Together([muon, torch.optim.AdamW(others, lr=rate, weight_decay=0.01)])
