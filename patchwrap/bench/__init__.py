"""Compare backends, plans, fusers and heads on the same images by the same protocol.

``patchwrap.bench`` is this package and, since that is what users call, also the function ``patchwrap.bench(...)``:
see ``patchwrap.bench.runner.bench`` for its arguments. Importing the package imports no torch.
"""

import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    """A package that can be called; Python puts a package into its parent under its name, whatever was there."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        from patchwrap.bench.runner import bench

        return bench(*args, **options)


sys.modules[__name__].__class__ = _Verb
