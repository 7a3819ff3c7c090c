"""Names what a function puts into a scene, so that the variety of a kind of place can be counted."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Put = TypeVar("Put", bound=Callable)


def family(name: str) -> Callable[[Put], Put]:
    """Decorate a function whose first argument is a ``Builder``: what it adds counts as of this family.

    Args:
        name: a noun that a person would use, such as ``bench``.
    """

    def decorate(put: Put) -> Put:
        @wraps(put)
        def recorded(b, *args, **kwargs):  # type: ignore[no-untyped-def]
            before = b.copies()
            result = put(b, *args, **kwargs)
            if b.copies() > before:
                b.families.add(name)
            return result

        return recorded  # type: ignore[return-value]

    return decorate
