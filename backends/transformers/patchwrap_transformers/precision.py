"""Where a network's numbers lie and how precise they are; what would leave steps in a map stays float32."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn


class Precision:
    """Moves a network between devices and number types without ever losing its float32 weights.

    Args:
        network: turned into float32.
        exact: names of modules that compute in float32 always; those it lacks are passed over.
    """

    def __init__(self, network: nn.Module, exact: tuple[str, ...]) -> None:
        self.network = network.float()
        self.dtype = torch.float32
        self._full: dict[str, Tensor] = {}
        modules = dict(network.named_modules())
        present = [name for name in exact if name in modules]
        self._exact = tuple(f"{name}." for name in present)
        for name in present:
            modules[name].register_forward_pre_hook(_in_float32, with_kwargs=True)

    def to(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move the network.

        Args:
            device: where to.
            dtype: number type of all weights but those of the exact modules and of batch norms.
        """
        if dtype != torch.float32 and not self._full:
            # Kept aside, so that a later change back to float32 does not come back rounded.
            self._full = {name: tensor.data.cpu() for name, tensor in self._roundable()}
        self.network.to(device)
        if dtype != self.dtype:
            for name, tensor in self._roundable():
                tensor.data = self._full[name].to(device, dtype)
        self.dtype = dtype
        if dtype == torch.float32:
            self._full = {}

    def _roundable(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters and constants whose type changes, by name."""
        for name, module in self.network.named_modules():
            # Constants without weights are tables such as rotary frequencies, which rounding would turn.
            table = next(module.parameters(), None) is None
            if table or isinstance(module, nn.BatchNorm2d) or f"{name}.".startswith(self._exact):
                continue
            own = chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
            yield from ((f"{name}.{key}", tensor) for key, tensor in own if tensor.is_floating_point())


def _in_float32(module: nn.Module, arguments: tuple, keywords: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    return _float32(arguments), _float32(keywords)


def _float32(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _float32(item) for key, item in value.items()}
    return type(value)(map(_float32, value)) if isinstance(value, list | tuple) else value
