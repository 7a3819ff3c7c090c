"""Write files atomically: complete or not at all."""

import io
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from patchwrap.errors import OutputError


class _WithoutDescriptor(io.BufferedWriter):
    """A file to write: Pillow would write to its descriptor, where it accepts that a full disk cuts off the end."""

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that replaces it when the block succeeds.

    Whatever ends the block otherwise, Ctrl-C included, leaves neither a temporary file nor a changed
    ``path``. Missing folders are made.

    Args:
        path: the file to write or replace.

    Raises:
        OutputError: if the disk is full, the folder cannot be written or ``path`` is a folder.
    """
    # A short name: a long file name plus a suffix could exceed the limit of the file system.
    temporary = path.parent / f".patchwrap-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _WithoutDescriptor(io.FileIO(temporary, "xb")) as stream:
            yield stream
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        # After success it no longer exists; after a failure only the first error is reported.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing_together(folder: Path) -> Iterator[Path]:
    """Make a temporary folder whose files move to ``folder`` when the block succeeds.

    The counterpart of ``replacing`` for files that belong together: all are written before the first one
    takes its place. They move in reverse order of name, so that ``m.onnx.data`` is there before ``m.onnx``.

    Args:
        folder: where the files shall be; made if missing.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    temporary = folder / f".patchwrap-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for path in sorted(temporary.iterdir(), reverse=True):
            path.replace(folder / path.name)
    except OSError as error:
        raise OutputError(f"cannot write to {str(folder)!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove(path: Path) -> None:
    """Delete a file if there is one.

    Raises:
        OutputError: if there is one that cannot be deleted, or its folder is a file.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write readable JSON, see ``to_json``.

    Raises:
        OutputError: if the file cannot be written.
    """
    with replacing(path) as stream:
        stream.write(to_json(content, indent=2).encode() + b"\n")


def to_json(content: dict[str, Any], indent: int | None = None) -> str:
    """Return strict JSON: NaN and infinity, which JSON lacks, become null."""
    text = json.dumps(_plain(content), indent=indent, ensure_ascii=False, allow_nan=False, default=str)
    # A lone surrogate stands for a byte of a file name that is not UTF-8; it is escaped as in Python.
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:  # a numpy or torch scalar
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
