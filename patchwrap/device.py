"""Choice of the device that networks run on."""

import logging
from functools import cache

import torch

from patchwrap.errors import OptionError

_log = logging.getLogger("patchwrap")


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


def warn_if_slow(device: torch.device, dtype: str) -> None:
    """Log a warning, once in a process for each number type, if networks are to run in half precision on a CPU.

    Args:
        device: that they run on.
        dtype: of their weights, a name of torch's.
    """
    if device.type == "cpu" and dtype != "float32":
        _tell_once(dtype)


@cache
def _tell_once(dtype: str) -> None:
    _log.warning("warning: on a CPU, %s may be several times slower than float32; it is meant for GPUs", dtype)
