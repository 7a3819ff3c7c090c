"""Choice of the device that networks run on."""

import torch

from patchwrap.errors import OptionError


def usable_device(name: str) -> torch.device:
    """Return a device after checking that it works.

    Args:
        name: ``auto`` for a GPU of CUDA where there is one, else the CPU; or torch's name of a device.

    Raises:
        OptionError: if there is no such device, or it does not work here.
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
