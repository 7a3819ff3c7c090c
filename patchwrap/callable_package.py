"""Packages that are also the function of their name: ``patchwrap.bench(...)`` beside ``patchwrap.bench.report``."""

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


def make_callable(package: str) -> None:
    """Let a package be called like the function of its name in its module ``runner``.

    Python stores an imported package in its parent under its name and so replaces a function of that name. The module
    is imported by the first call, or when the package's signature or documentation is read.

    Args:
        package: full name of the package, which is being imported.
    """

    def function() -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(import_module(f"{package}.runner"), package.rpartition(".")[2])
        return found

    class CallablePackage(ModuleType):
        """The package's new class."""

        def __call__(self, *args: Any, **options: Any) -> Any:
            return function()(*args, **options)

        @property
        def __signature__(self) -> inspect.Signature:
            return inspect.signature(function())

        @property
        def __doc__(self) -> str:  # type: ignore[override]
            return f"{vars(self)['__doc__']}\n{documentation(package, function())}"

    sys.modules[package].__class__ = CallablePackage


def documentation(name: str, function: Callable[..., Any]) -> str:
    """A function's call and docstring as text."""
    return f"{name}{inspect.signature(function)}\n\n{inspect.getdoc(function)}"
