"""The random generators of the CPU and of one device. Those of other devices are never touched."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def preserved_generators(device: torch.device) -> AbstractContextManager[None]:
    """Restore the state of the generators on leaving the context.

    Args:
        device: whose generator is preserved besides the CPU's.
    """
    if _module(device) is None:
        return torch.random.fork_rng([])
    return torch.random.fork_rng([device], device_type=device.type)


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed the generators that ``preserved_generators`` restores; ``torch.manual_seed`` would seed every device's.

    Args:
        device: whose generator is seeded besides the CPU's.
        seed: see ``patchwrap.seed``.
    """
    torch.default_generator.manual_seed(seed)
    if module := _module(device):
        # manual_seed takes the current device. There is only one of kind mps, and so no context to choose it.
        with module.device(device) if hasattr(module, "device") else nullcontext():
            module.manual_seed(seed)


def _module(device: torch.device) -> Any:
    """The module of torch that seeds a kind of device, such as ``torch.cuda``; None for the CPU."""
    module = None if device.type == "cpu" else getattr(torch, device.type, None)
    return module if hasattr(module, "manual_seed") and hasattr(module, "get_rng_state") else None
