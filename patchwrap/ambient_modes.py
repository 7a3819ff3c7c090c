"""Modes of torch that a caller has set, and that must not apply to the package's own arithmetic."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def ordinary_modes(device: torch.device) -> Iterator[None]:
    """Disable ambient autocast, and create tensors on the CPU where no device is given.

    Maps are resampled, aligned and fused in float32 on the CPU; autocast would round them, and a default device would
    mix devices. Backends see torch as it is without the caller's settings: one that enters autocast itself gets it, and
    one that names the device of a new tensor gets that device.

    Nothing is entered unless a setting is active. An outer disabled autocast would keep the casts that a backend's own
    autocast caches until the outer one ends, and a device context makes every call of torch slower.

    Args:
        device: of the networks; autocast is disabled there and on the CPU.
    """
    with ExitStack() as modes:
        for kind in {"cpu", device.type}:
            if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
                modes.enter_context(torch.autocast(kind, enabled=False))
        if torch.empty(0).device.type != "cpu":  # before 2.8, torch.get_default_device does not see `with torch.device`
            modes.enter_context(torch.device("cpu"))
        yield
