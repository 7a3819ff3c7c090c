"""Time and memory of one call."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import torch

_STATUS = Path("/proc/self/status")
_EVERY = 0.005
_MIB = 2**20

Made = TypeVar("Made")


@dataclass(frozen=True)
class Cost:
    """What a call took.

    Args:
        seconds: wall time.
        rss: MiB by which the process's resident memory grew at most while it ran, sampled every five
            milliseconds. It is the growth of the whole process: memory that earlier calls have freed without
            giving it back is used again unseen, so the first call of a process tells most. NaN where
            the system has no ``/proc``.
        device_memory: MiB of CUDA tensors at most, networks included; NaN without CUDA.
    """

    seconds: float
    rss: float
    device_memory: float


def priced(work: Callable[[], Made], device: str = "auto") -> tuple[Made, Cost]:
    """Run something and take its cost.

    Args:
        work: what to run; returns when its result is on the CPU.
        device: the one it runs on, ``auto`` for CUDA where there is one.
    """
    on_cuda = torch.cuda.is_available() and device != "cpu"
    if on_cuda:
        torch.cuda.reset_peak_memory_stats()
    with ResidentPeak() as memory:
        start = time.perf_counter()
        made = work()
        seconds = time.perf_counter() - start
    held = torch.cuda.max_memory_allocated() / _MIB if on_cuda else float("nan")
    return made, Cost(seconds, memory.growth, held)


class ResidentPeak:
    """Watches the process's resident memory from a thread."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._first = self._highest = float("nan")

    def __enter__(self) -> "ResidentPeak":
        if _STATUS.exists():
            self._first = self._highest = _resident()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()
            self._highest = max(self._highest, _resident())

    @property
    def growth(self) -> float:
        """MiB between the first look and the highest, NaN where there is nothing to look at."""
        return (self._highest - self._first) / 2**10

    def _watch(self) -> None:
        while not self._done.wait(_EVERY):
            self._highest = max(self._highest, _resident())


def _resident() -> int:
    """KiB."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])
