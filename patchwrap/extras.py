"""Packages that only an extra installs: what is told when one is missing; it imports none of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from patchwrap.errors import MissingExtraError, one_line


@contextmanager
def from_extra(extra: str, needed: str) -> Iterator[None]:
    """Tell which extra to install if an import inside the block fails.

    Args:
        extra: the distribution with its extra, such as ``patchwrap[bench]``.
        needed: who needs which package.

    Raises:
        MissingExtraError: if an import fails.
    """
    try:
        yield
    except ImportError as error:
        # Not always missing itself: a package may lack one that it needs, or be damaged.
        reason = one_line(error)
        raise MissingExtraError(f'{needed}, which cannot be imported ({reason}): `pip install "{extra}"`.') from error
