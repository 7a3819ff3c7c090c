"""The processes of a distributed training, started by ``torchrun`` and managed by Accelerate."""

from contextlib import AbstractContextManager
from datetime import timedelta
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from patchwrap.device import usable_device
from patchwrap.extras import from_extra

LONGEST_WAIT = timedelta(days=30)
"""Time that a process waits for the others. Predictions may take hours, and their shares of them are not equal;
torch's own limits are 10 and 30 minutes. ``torchrun`` ends all processes when one fails, however long this is."""


class Processes:
    """The processes that train together; a single one without ``torchrun``.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` …; with several processes each uses a device of its own of that kind.

    Raises:
        MissingExtraError: if Accelerate is not installed.
        OptionError: if the device cannot be used.
    """

    def __init__(self, device: str = "auto") -> None:
        self._accelerate = extra("accelerate")
        self._state = self._accelerate.PartialState(cpu=device == "cpu", timeout=LONGEST_WAIT)
        several = self._state.num_processes > 1
        self.device: torch.device = self._state.device if several else usable_device(device)

    @property
    def index(self) -> int:
        """Index of this process, from 0."""
        return int(self._state.process_index)

    @property
    def count(self) -> int:
        """Number of processes."""
        return int(self._state.num_processes)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and messages."""
        return self.index == 0

    def wait(self) -> None:
        """Wait until all processes get here."""
        self._state.wait_for_everyone()

    def first_ahead(self) -> AbstractContextManager[None]:
        """Let the first process pass a ``with`` block before the others, which then find what it has made."""
        ahead: AbstractContextManager[None] = self._state.main_process_first()
        return ahead

    def mean(self, values: Tensor) -> Tensor:
        """Average a tensor over the processes."""
        return self._accelerate.utils.reduce(values, "mean") if self.count > 1 else values

    def sum(self, values: Tensor) -> Tensor:
        """Add a tensor up over the processes."""
        return self._accelerate.utils.reduce(values.to(self.device), "sum").cpu() if self.count > 1 else values


def extra(name: str) -> Any:
    """Import a package of the extra ``finetune``.

    Raises:
        MissingExtraError: if it is not installed.
    """
    with from_extra("patchwrap[finetune]", f"finetune needs {name.partition('.')[0]}"):
        return import_module(name)
