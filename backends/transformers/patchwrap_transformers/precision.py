"""What would leave steps in a map if it were rounded computes in float32, whatever the rest of its network does."""

from typing import Any

from torch import Tensor, nn


def compute_in_float32(network: nn.Module, names: tuple[str, ...]) -> None:
    """Let modules compute in float32 always; for their weights see ``patchwrap.precision``.

    Args:
        network: whose they are.
        names: of the modules; those it lacks are passed over.
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
