"""Packages that are also the function of their name: ``patchwrap.bench(...)`` beside ``patchwrap.bench.report``."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def make_callable(package: str, module: str) -> None:
    """Let a package be called like the function of its name in one of its modules.

    Python stores an imported package in its parent under its name and so replaces a function of that name. The module
    is imported by the first call.

    Args:
        package: full name of the package, which is being imported.
        module: the module below it that has the function.
    """

    class CallablePackage(ModuleType):
        """The package's new class."""

        def __call__(self, *args: Any, **options: Any) -> Any:
            function = getattr(import_module(f"{package}.{module}"), package.rpartition(".")[2])
            return function(*args, **options)

    sys.modules[package].__class__ = CallablePackage
