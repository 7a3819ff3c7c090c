"""One process or several, started by ``torchrun``; Accelerate knows."""

from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from patchwrap.device import usable_device
from patchwrap.errors import MissingExtraError


class Processes:
    """The processes that train together.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` …; with several processes each takes its own of that kind.

    Raises:
        MissingExtraError: if Accelerate is not installed.
        OptionError: if the device cannot be used.
    """

    def __init__(self, device: str = "auto") -> None:
        self._accelerate = extra("accelerate")
        self._state = self._accelerate.PartialState(cpu=device == "cpu")
        several = self._state.num_processes > 1
        self.device: torch.device = self._state.device if several else usable_device(device)

    @property
    def index(self) -> int:
        """Which process this is."""
        return int(self._state.process_index)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._state.num_processes)

    @property
    def first(self) -> bool:
        """Whether this process writes and talks."""
        return self.index == 0

    def wait(self) -> None:
        """Until all are here."""
        self._state.wait_for_everyone()

    def mean(self, values: Tensor) -> Tensor:
        """Average over the processes."""
        return self._accelerate.utils.reduce(values, "mean") if self.count > 1 else values

    def sum(self, values: Tensor) -> Tensor:
        """Add up over the processes."""
        return self._accelerate.utils.reduce(values.to(self.device), "sum").cpu() if self.count > 1 else values


def extra(name: str) -> Any:
    """Import what only the extra installs.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"finetune needs {name.partition('.')[0]}, which is not installed: `pip install \"patchwrap[finetune]\"`."
        ) from error
