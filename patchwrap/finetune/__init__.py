"""Train fusion heads so that overlapping tiles agree, whatever backend they come from.

``patchwrap.finetune`` is this package and, since that is what users call, also the function
``patchwrap.finetune(...)``: see ``patchwrap.finetune.runner.finetune`` for its arguments. Importing the package
imports no torch.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_HOME = {"Recipe": "recipe", "SimulatedBackend": "simulated"}


class _Verb(ModuleType):
    """A package that can be called; Python puts a package into its parent under its name, whatever was there."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        from patchwrap.finetune.runner import finetune

        return finetune(*args, **options)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'patchwrap.finetune' has no attribute {name!r}")
    return getattr(import_module(f"patchwrap.finetune.{_HOME[name]}"), name)


sys.modules[__name__].__class__ = _Verb
