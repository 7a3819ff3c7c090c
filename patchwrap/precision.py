"""Where a network's numbers lie and how precise they are. Never loses float32 weights, and never predicts."""

from collections.abc import Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor, nn


class Precision:
    """Moves a network between devices and number types; it comes back to float32 bit for bit.

    Args:
        network: turned into float32.
        exact: names of modules whose weights stay float32 always; those it lacks are passed over.
    """

    def __init__(self, network: nn.Module, exact: Sequence[str] = ()) -> None:
        self.network = network.float()
        self.dtype = torch.float32
        self._exact = tuple(f"{name}." for name in exact)
        self._full: dict[str, Tensor] = {}

    def to(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move the network.

        Args:
            device: where to.
            dtype: number type of all weights but those of the exact modules and of batch norms.
        """
        self.network.to(device)
        if dtype == self.dtype:
            return
        full = {name: self._unrounded(name, tensor) for name, tensor in self._roundable()}
        for name, tensor in self._roundable():
            # Rounded on the CPU, so that they are the same numbers when they are looked at again.
            tensor.data = full[name].to(dtype).to(device)
        self._full = {} if dtype == torch.float32 else full
        self.dtype = dtype

    def _unrounded(self, name: str, tensor: Tensor) -> Tensor:
        """What a tensor was in float32; what it is now if somebody changed it since."""
        now, before = tensor.detach().cpu(), self._full.get(name)
        if before is not None and torch.equal(before.to(now.dtype), now):
            return before
        return now.float()

    def _roundable(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and constants whose type changes, by name."""
        for name, module in self.network.named_modules():
            # Constants without weights are tables such as rotary frequencies, which rounding would turn.
            table = next(module.parameters(), None) is None
            if table or isinstance(module, nn.BatchNorm2d) or f"{name}.".startswith(self._exact):
                continue
            own = chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
            yield from ((f"{name}.{key}", tensor) for key, tensor in own if tensor.is_floating_point())
