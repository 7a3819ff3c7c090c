"""Resolve what a user gives as checkpoint: a folder, a name on the hub, or a backend's short name."""

import difflib
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from patchwrap.errors import CheckpointError, one_line

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
"""Variables by which a user forbids access to the hub."""


def checkpoint_name(given: Any, backend: str, known: Mapping[str, str], file: str, loaded: str = "") -> str:
    """Return the hub name or existing folder. Reads no file and contacts no server.

    Args:
        given: a folder, a hub name or a short name.
        backend: whose checkpoint it is, for messages.
        known: hub names by short name.
        file: what a checkpoint's folder holds, for messages.
        loaded: what the caller takes beside names, such as "a MarigoldDepthPipeline", for messages.

    Raises:
        CheckpointError: if it is none of these.
    """
    if given is None or not str(given):
        raise CheckpointError(
            f"The {backend} backend needs a checkpoint: a folder, a hub name, or a short name such as "
            f"{next(iter(known))!r} (`patchwrap backends` lists them). Write {backend}=CHECKPOINT."
        )
    if not isinstance(given, str | os.PathLike):
        raise CheckpointError(
            f"The {backend} backend was given an object of class {type(given).__name__}; it takes a folder, a hub "
            f"name, a short name{f' or {loaded}' if loaded else ''} here. If it wraps a network, give that."
        )
    name = str(given)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder)
    if name in known:
        return known[name]
    if folder.is_file():
        raise CheckpointError(f"{name!r} is a file. Give the folder that holds {file}.")
    if not _HUB_NAME.fullmatch(name) or name.startswith("."):
        close = difflib.get_close_matches(name, known, n=1)
        some = ", ".join(list(known)[:5])
        hint = f"Did you mean {close[0]!r}?" if close else f"Short names are {some}{' …' if len(known) > 5 else ''}."
        raise CheckpointError(
            f"{name!r} is neither a folder, nor a hub name (ORGANISATION/NAME), nor a short name. {hint}"
        )
    return name


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Turn any error of a library while it reads a checkpoint into one line, and keep its warnings off the terminal.

    Args:
        name: what ``checkpoint_name`` gave.

    Raises:
        CheckpointError: instead of any other error.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except Exception as error:
        on_hub = not Path(name).is_dir()
        if on_hub and _is_not_cached(error):
            why = f"it is not in the local cache and {_unreachable()}"
            raise CheckpointError(f"{name!r} cannot be loaded: {why}") from error
        reason = one_line(error, 240)
        hint = " Without a network, give a folder or a name that is in the cache." if on_hub else ""
        raise CheckpointError(f"{name!r} cannot be loaded: {reason}{hint}") from error


def _is_not_cached(error: BaseException | None) -> bool:
    """Whether huggingface_hub, which need not be installed, found no file in its cache and could not download it.

    The libraries above it report something else, such as a file that the checkpoint lacks.
    """
    seen = set()
    while error is not None and id(error) not in seen:
        if type(error).__name__ in ("LocalEntryNotFoundError", "OfflineModeIsEnabled"):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _unreachable() -> str:
    """Why nothing is downloaded, and what to do."""
    for variable in _OFFLINE:
        if os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE"):
            return f"{variable} is set; give a folder, or unset it."
    return "the hub cannot be reached; give a folder, or connect to the network."
