"""Time and memory of one call."""

import ctypes
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from patchwrap.machine import gpu

STATUS = Path("/proc/self/status")
_EVERY = 0.005
_MIB = 2**20

Made = TypeVar("Made")


@dataclass(frozen=True)
class Cost:
    """Time and memory of a call.

    Args:
        seconds: wall time.
        rss: largest growth of the process's resident memory during the call in MiB, sampled every five milliseconds.
            Networks that were loaded before are not included. Freed memory is returned to the system beforehand as
            far as the C library can; memory that a library keeps from an earlier call and reuses is not seen. NaN on
            systems without ``/proc``.
        device_memory: largest amount of CUDA memory in tensors in MiB, networks included; NaN without CUDA.
    """

    seconds: float
    rss: float
    device_memory: float


def measure_cost(work: Callable[[], Made], device: str = "auto") -> tuple[Made, Cost]:
    """Call a function and measure its time and memory.

    Args:
        work: the function; it returns when its result is on the CPU.
        device: that it runs on; ``auto`` for CUDA where available. Memory is that of this device.

    Returns:
        The function's result and its cost.
    """
    accelerator = gpu(device)
    if accelerator is not None:
        torch.cuda.reset_peak_memory_stats(accelerator)
    with ResidentPeak() as memory:
        start = time.perf_counter()
        made = work()
        seconds = time.perf_counter() - start
    held = float("nan") if accelerator is None else torch.cuda.max_memory_allocated(accelerator) / _MIB
    return made, Cost(seconds, memory.growth, held)


class ResidentPeak:
    """Context manager that samples the process's resident memory in a thread."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._first = self._highest = float("nan")

    def __enter__(self) -> "ResidentPeak":
        if STATUS.exists():
            _give_back()
            self._first = self._highest = memory_mib("VmRSS")
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()
            self._highest = max(self._highest, memory_mib("VmRSS"))

    @property
    def growth(self) -> float:
        """MiB between the first sample and the highest; NaN on systems without ``/proc``."""
        return self._highest - self._first

    def _watch(self) -> None:
        while not self._done.wait(_EVERY):
            self._highest = max(self._highest, memory_mib("VmRSS"))


def _give_back() -> None:
    """Return freed memory to the system; otherwise glibc keeps it, and its reuse would not show as growth."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def memory_mib(field: str) -> float:
    """A memory figure of this process, such as ``VmRSS`` or ``VmHWM``, in MiB; Linux only."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 2**10
