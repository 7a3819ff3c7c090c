"""Where a network's numbers lie and how precise they are. Never loses float32 weights, and never predicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn


@dataclass
class _Rounding:
    """How a network is rounded now.

    Args:
        dtype: its number type.
        full: its weights as they were before.
    """

    dtype: torch.dtype = torch.float32
    full: dict[str, Tensor] = field(default_factory=dict)


_roundings: WeakKeyDictionary[nn.Module, _Rounding] = WeakKeyDictionary()
"""Of every network, since several backends may share one."""


class Precision:
    """Moves a network between devices and number types; it comes back to float32 bit for bit.

    Several of one network know of each other.

    Args:
        network: turned into float32.
        exact: names of modules whose weights stay float32 always; those it lacks are passed over.
    """

    def __init__(self, network: nn.Module, exact: Sequence[str] = ()) -> None:
        self.network = network
        self._exact = tuple(f"{name}." for name in exact)
        self._rounding = _roundings.setdefault(network, _Rounding())
        if self.dtype != torch.float32:
            self.to(next(network.parameters()).device, torch.float32)
        network.float()

    @property
    def dtype(self) -> torch.dtype:
        """The number type of the weights now."""
        return self._rounding.dtype

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
        self._rounding.full = {} if dtype == torch.float32 else full
        self._rounding.dtype = dtype

    def _unrounded(self, name: str, tensor: Tensor) -> Tensor:
        """What a tensor was in float32; what it is now if somebody changed it since."""
        now, before = tensor.detach().cpu(), self._rounding.full.get(name)
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
