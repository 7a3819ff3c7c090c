"""Refuse outputs that cannot be written or would replace an input, before anything is computed."""

import os
from collections.abc import Sequence
from pathlib import Path

from patchwrap.cli.inputs import Task
from patchwrap.errors import OptionError, OutputError
from patchwrap.outputs import exists


def check_sources(tasks: Sequence[Task]) -> None:
    """Refuse to overwrite an input picture.

    Args:
        tasks: those of all shards.

    Raises:
        OptionError: if a picture has the name of an output.
    """
    sources = {os.path.realpath(job.source) for job, _ in tasks}
    for job, targets in tasks:
        for path in targets.values():
            if exists(path) and os.path.realpath(path) in sources:
                raise OptionError(
                    f"{str(path)!r} is to be predicted, and would be written for {job.source!r}; take another -o"
                )


def check_folder(out: Path) -> None:
    """Refuse an output folder that cannot be made or written, before anything is computed.

    Raises:
        OutputError: if it, or what should contain it, is a file, not writable or on a drive that does not exist.
    """
    try:
        existing = next((folder for folder in (out, *out.absolute().parents) if folder.exists()), None)
    except OSError as error:
        raise OutputError(f"-o {str(out)!r} cannot be used: {error.strerror}") from error
    if existing is None:  # only where there are drives
        raise OutputError(f"-o {str(out)!r}: {out.absolute().anchor!r} does not exist; give a folder on another drive")
    if not existing.is_dir():
        raise OutputError(f"-o {str(out)!r} is not a folder: {str(existing)!r} is a file; give a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"-o {str(out)!r} cannot be written: no permission to write in {str(existing)!r}")


def check_file(out: Path, ending: str, overwrite: bool, otherwise: str = "") -> None:
    """Refuse an output file that has another ending or cannot be written, or that exists or whose JSON does.

    Args:
        out: the file.
        ending: that it must have.
        overwrite: replace what exists.
        otherwise: ends the advice to overwrite: what may be done instead.

    Raises:
        OptionError: if the ending differs, or a file exists and ``overwrite`` is not set.
        OutputError: if one of them is a folder, and see ``check_folder``.
    """
    if out.suffix != ending:
        raise OptionError(f"-o {str(out)!r} does not end in {ending}; add it")
    check_folder(out.parent)
    for path in (out, out.with_suffix(".json")):
        if path.is_dir():
            raise OutputError(f"{str(path)!r} is a folder; give another name")
        if path.exists() and not overwrite:
            raise OptionError(f"{str(path)!r} exists; add --overwrite{otherwise}")
