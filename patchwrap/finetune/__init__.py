"""Train fusion heads so that overlapping tiles agree, whichever backend they come from.

``patchwrap.finetune`` is this package and also the function ``patchwrap.finetune.runner.finetune``, whose documentation
``help`` adds here. Importing the package does not import torch.
"""

from importlib import import_module

from patchwrap.callable_package import make_callable

_HOME = {"Recipe": "recipe", "SimulatedBackend": "simulated"}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'patchwrap.finetune' has no attribute {name!r}")
    return getattr(import_module(f"patchwrap.finetune.{_HOME[name]}"), name)


make_callable(__name__)
