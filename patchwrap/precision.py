"""Device and number type of a network's weights. Keeps the float32 weights while a network is in half precision."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn


@dataclass
class _Rounding:
    """The current number type of a network.

    Args:
        dtype: of its weights now.
        full: its float32 weights by name while ``dtype`` is another type; else empty.
    """

    dtype: torch.dtype = torch.float32
    full: dict[str, Tensor] = field(default_factory=dict)


_roundings: WeakKeyDictionary[nn.Module, _Rounding] = WeakKeyDictionary()
"""One entry per network, since several backends may share a network."""


class Precision:
    """Moves a network between devices and number types; back in float32 its weights are the same bit for bit.

    Several instances for one network share its state.

    Args:
        network: converted to float32.
        exact: names of modules whose weights always stay float32; unknown names are ignored.
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
        """The current number type of the weights."""
        return self._rounding.dtype

    def to(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move the network.

        Args:
            device: where the network goes.
            dtype: of all weights except those of ``exact`` modules, batch norms and constant tables.
        """
        self.network.to(device)
        if dtype == self.dtype:
            return
        full = {name: self._unrounded(name, tensor) for name, tensor in self._roundable()}
        for name, tensor in self._roundable():
            # Rounded on the CPU, as in _unrounded, so that both give the same numbers.
            tensor.data = full[name].to(dtype).to(device)
        self._rounding.full = {} if dtype == torch.float32 else full
        self._rounding.dtype = dtype

    def _unrounded(self, name: str, tensor: Tensor) -> Tensor:
        """A tensor's float32 value from before rounding, or its current value if it was changed since."""
        now, before = tensor.detach().cpu(), self._rounding.full.get(name)
        if before is not None and torch.equal(before.to(now.dtype), now):
            return before
        return now.float()

    def _roundable(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and buffers whose number type changes, by name."""
        for name, module in self.network.named_modules():
            # Modules without weights hold tables such as rotary frequencies, which must not be rounded.
            table = next(module.parameters(), None) is None
            if table or isinstance(module, nn.BatchNorm2d) or f"{name}.".startswith(self._exact):
                continue
            own = chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
            yield from ((f"{name}.{key}", tensor) for key, tensor in own if tensor.is_floating_point())
