"""Large arrays: in memory, or above a limit in a memory-mapped temporary file.

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
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray
from numpy.typing import DTypeLike

from patchwrap.errors import OutputError

LIMIT = 2**27
"""Bytes up to which an array is kept in memory. A prediction holds about ten arrays of the canvas's size at once
(about 1.2 GiB), fourteen with a head."""

BAND = 256
"""Rows per band."""

_mapped: WeakKeyDictionary[mmap.mmap, None] = WeakKeyDictionary()


def array(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Shaped[ndarray, "..."]:
    """Return an array of zeros, memory-mapped if it is large; its file is deleted with the array.

    Raises:
        OutputError: if the temporary folder has no room for it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= LIMIT:
        return np.zeros(shape, dtype)
    with explained(f"{size / 2**20:.0f} MiB of intermediate results"), temporary_file() as file:
        _reserve(file, size)
        values: Any = np.memmap(file, dtype, "r+", shape=shape)
    _mapped[values.base] = None
    return values


def bands(height: int, rows: int | None = None) -> Iterator[slice]:
    """Yield rows 0 to ``height`` in bands; mapped pages are released between bands.

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
    """Release the resident pages of mapped arrays; their contents are kept and read again on access."""
    if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        # Copied as references: iteration would fail if another thread mapped an array meanwhile.
        for reference in _mapped.keyrefs():
            if (mapping := reference()) is not None:
                mapping.madvise(mmap.MADV_DONTNEED)


def temporary_file() -> BufferedRandom:
    """Open an unnamed file in the temporary folder; it is deleted when closed or when the process ends."""
    return tempfile.TemporaryFile(prefix="patchwrap-")


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn an error of the temporary folder into one that names the folder and a remedy.

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
    """Allocate the space at once: on a full disk, writing to a mapped page would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        for start in range(0, size, 2**24):
            file.write(bytes(min(2**24, size - start)))
        file.flush()
