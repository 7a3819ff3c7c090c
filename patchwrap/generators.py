"""The random generators of the CPU and of one device. Those of other devices are never touched."""

from contextlib import AbstractContextManager, nullcontext

import torch

KINDS = ("cuda", "mps", "xpu")
"""Kinds of devices that have generators of their own and a module of torch to seed them."""


def preserved_generators(device: torch.device) -> AbstractContextManager[None]:
    """Restore the state of the generators on leaving the context.

    Args:
        device: whose generator is preserved besides the CPU's.
    """
    if device.type not in KINDS:
        return torch.random.fork_rng([])
    return torch.random.fork_rng([device], device_type=device.type)


def seed_generators(device: torch.device, seed: int) -> None:
    """Seed the generators that ``preserved_generators`` restores; ``torch.manual_seed`` would seed every device's.

    Args:
        device: whose generator is seeded besides the CPU's.
        seed: see ``patchwrap.seed``.
    """
    torch.default_generator.manual_seed(seed)
    if device.type in KINDS:
        module = getattr(torch, device.type)
        # manual_seed takes the current device. There is only one of kind mps, and so no context to choose it.
        with module.device(device) if hasattr(module, "device") else nullcontext():
            module.manual_seed(seed)
