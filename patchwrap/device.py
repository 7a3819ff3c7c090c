"""Choice of the device that networks run on."""

import torch

from patchwrap.errors import OptionError


def usable_device(name: str) -> torch.device:
    """Return a device after checking that it works.

    Args:
        name: ``auto`` for a GPU of CUDA where there is one, otherwise the CPU (never ``mps``, which must be named); or
            torch's name of a device.

    Raises:
        OptionError: if there is no such device, or it does not work here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(f"device {name!r} is not known; give auto, cpu, cuda, cuda:1 or mps.") from error
    try:
        torch.ones(1, device=device).cpu()  # the way back too: values on "meta" do not exist
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"device {str(name)!r} cannot be used here: {reason} Use --device cpu.") from error
    return device
