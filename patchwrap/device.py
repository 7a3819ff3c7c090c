"""Where networks run."""

import torch

from patchwrap.errors import OptionError


def usable_device(name: str) -> torch.device:
    """Find a device and try it.

    Args:
        name: ``auto`` for a GPU of CUDA where there is one, else the CPU; or torch's name of a device.

    Raises:
        OptionError: if there is none of that name, or it cannot be used here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"device {name!r} cannot be used here: {reason} Use --device cpu.") from error
    return device
