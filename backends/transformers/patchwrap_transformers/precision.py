"""Lets modules whose rounding would leave steps in a map compute in float32 inside a half-precision network."""

from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

_hooked: WeakSet[nn.Module] = WeakSet()
"""Modules that have the hook, since several backends may share a network."""


def compute_in_float32(network: nn.Module, names: tuple[str, ...]) -> None:
    """Let modules compute in the number type of their weights, which ``patchwrap.Precision`` keeps in float32.

    Modules without weights compute in float32. A network that is later converted as a whole and used without the
    backend computes in its new type.

    Args:
        network: contains the modules.
        names: of the modules; unknown names are ignored.
    """
    modules = dict(network.named_modules())
    for name in names:
        if name in modules and modules[name] not in _hooked:
            modules[name].register_forward_pre_hook(_in_type_of_weights, with_kwargs=True)
            _hooked.add(modules[name])


def _in_type_of_weights(module: nn.Module, arguments: tuple, keywords: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    weight = next(module.parameters(), None)
    dtype = torch.float32 if weight is None else weight.dtype
    return _cast(arguments, dtype), _cast(keywords, dtype)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _cast(item, dtype) for key, item in value.items()}
    return type(value)(_cast(item, dtype) for item in value) if isinstance(value, list | tuple) else value
