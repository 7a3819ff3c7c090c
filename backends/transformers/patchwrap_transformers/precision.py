"""Lets modules whose rounding would leave steps in a map compute in float32 inside a half-precision network."""

from typing import Any

from torch import Tensor, nn


def compute_in_float32(network: nn.Module, names: tuple[str, ...]) -> None:
    """Let modules always compute in float32; ``patchwrap.Precision`` does the same for their weights.

    Args:
        network: contains the modules.
        names: of the modules; unknown names are ignored.
    """
    modules = dict(network.named_modules())
    for name in names:
        if name in modules:
            modules[name].register_forward_pre_hook(_in_float32, with_kwargs=True)


def _in_float32(module: nn.Module, arguments: tuple, keywords: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    return _float32(arguments), _float32(keywords)


def _float32(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _float32(item) for key, item in value.items()}
    return type(value)(map(_float32, value)) if isinstance(value, list | tuple) else value
