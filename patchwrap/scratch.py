"""Where large arrays live: in memory, or from a limit on in a temporary file that is mapped into it.

A mapped array is used as any other. What has been read or written of it counts as the process's memory until
``release`` hands it back to the operating system, which keeps it in its file cache or on disk.
"""

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRandom
from typing import Any
from weakref import WeakSet

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray
from numpy.typing import DTypeLike

from patchwrap.errors import OutputError

LIMIT = 2**27
"""Bytes up to which an array lies in memory. A prediction holds some nine of the canvas's size at once, about 1 GiB;
with a head thirteen."""

BAND = 256
"""Rows that are worked on at once."""

_mapped: WeakSet[mmap.mmap] = WeakSet()


def array(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Shaped[ndarray, "..."]:
    """Return an array of zeros, mapped if it is large; its file goes when the array does.

    Raises:
        OutputError: if the temporary folder has no room for it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= LIMIT:
        return np.zeros(shape, dtype)
    with explained(f"{size / 2**20:.0f} MiB of intermediate results"), temporary_file() as file:
        _reserve(file, size)
        values: Any = np.memmap(file, dtype, "r+", shape=shape)
    _mapped.add(values.base)
    return values


def bands(height: int, rows: int | None = None) -> Iterator[slice]:
    """Rows 0 to ``height`` in bands; what was mapped for one is released before the next.

    Args:
        height: of what is worked on.
        rows: of a band, ``BAND`` by default.

    Example:
        >>> list(bands(300))
        [slice(0, 256, None), slice(256, 300, None)]
    """
    rows = rows or BAND
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))
        release()


def release() -> None:
    """Stop holding mapped arrays in memory; their contents stay and are mapped again when touched."""
    if hasattr(mmap, "MADV_DONTNEED"):  # Windows has none
        for mapping in list(_mapped):
            mapping.madvise(mmap.MADV_DONTNEED)


def temporary_file() -> BufferedRandom:
    """Open a nameless file in the temporary folder; it is gone when closed, or at the latest with the process."""
    return tempfile.TemporaryFile(prefix="patchwrap-")


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn an error of the temporary folder into one that names the folder and the cure.

    Args:
        what: what could not be set aside.

    Raises:
        OutputError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        folder = tempfile.tempdir or os.environ.get("TMPDIR", "/tmp")
        raise OutputError(
            f"cannot set {what} aside in the temporary folder {folder!r}: {error.strerror or error}. "
            "Make room there or name another folder by the environment variable TMPDIR"
        ) from error


def _reserve(file: BufferedRandom, size: int) -> None:
    """Take the room at once: on a full disk writing to a mapped page would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        for start in range(0, size, 2**24):
            file.write(bytes(min(2**24, size - start)))
        file.flush()
