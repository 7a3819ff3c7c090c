"""Types and shapes that signatures promise are checked in every test, but not at each call of each function.

jaxtyping (``--jaxtyping-packages`` in setup.cfg) checks all calls. A test makes the same call thousands of times, in
loops over tiles and overlaps, which more than doubled the tests' time.
"""

import functools
import inspect
from collections import Counter
from collections.abc import Callable
from typing import Any

import jaxtyping

FIRST, THEN = 5, 20
"""Of each function, the first calls in a test are checked, and then every so many."""

_calls = Counter[Callable[..., Any]]()
_jaxtyped = jaxtyping.jaxtyped


def pytest_runtest_setup() -> None:
    """Count anew."""
    _calls.clear()


def _sometimes_checked(typechecker: Any) -> Callable[[Any], Any]:
    """What the hook for imports decorates every function and class with, instead of ``jaxtyping.jaxtyped``."""

    def decorated(function: Any) -> Any:
        checked = _jaxtyped(function, typechecker=typechecker)
        if inspect.isclass(function):
            return checked

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            _calls[function] += 1
            due = _calls[function] <= FIRST or _calls[function] % THEN == 0
            return (checked if due else function)(*args, **kwargs)

        return called

    return decorated


jaxtyping.jaxtyped = _sometimes_checked
