"""This machine and the installed versions, for reports and heads' cards."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_ALWAYS = ("patchwrap", "torch", "numpy", "scipy")


def machine(device: str = "auto") -> dict[str, Any]:
    """Processor, cores, memory and accelerator of this machine.

    Args:
        device: that is used, see ``gpu``; the accelerator is None where it is none of CUDA.
    """
    import torch

    accelerator = gpu(device)
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": memory_gib(),
        "accelerator": None if accelerator is None else torch.cuda.get_device_name(accelerator),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.release()}",
    }


def gpu(device: str) -> "torch.device | None":
    """The CUDA device of this name, ``auto`` for the current one; None for other devices and without CUDA."""
    import torch

    if not torch.cuda.is_available():
        return None
    found = torch.device("cuda" if device == "auto" else device)
    return found if found.type == "cuda" else None


def memory_gib() -> float | None:
    """Memory of this machine in GiB; None if its system does not tell."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def versions(*distributions: str) -> dict[str, str]:
    """Versions of Python, of the distributions that are always used, and of others that are installed.

    Args:
        distributions: further names; those that are not installed are left out.
    """
    found = {"python": platform.python_version()}
    for name in (*_ALWAYS, *distributions):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
