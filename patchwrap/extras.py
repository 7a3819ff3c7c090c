"""Packages that only an extra installs: what is told when one is missing; it imports none of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from patchwrap.errors import MissingExtraError


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
        raise MissingExtraError(f'{needed}, which is not installed: `pip install "{extra}"`.') from error
