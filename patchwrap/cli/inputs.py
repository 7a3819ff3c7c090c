"""Find the pictures that the command line names and where their results go; never opens a picture."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from patchwrap.errors import OptionError, OutputError
from patchwrap.outputs import is_output, output_paths

_SUFFIXES = "jpg jpeg jpe png tif tiff webp bmp gif jp2 ppm pgm pnm tga avif"
PICTURE_SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
"""What a folder is searched for."""


@dataclass(frozen=True)
class Job:
    """One picture to do.

    Args:
        source: as given or found; may turn out not to exist.
        stem: the outputs' names without their endings, relative to the output folder.
    """

    source: str
    stem: Path


def find_jobs(inputs: Sequence[str], out: Path) -> tuple[list[Job], list[tuple[str, str]]]:
    """Expand files, folders and globs.

    A folder's sub-folders are mirrored. Pictures that differ by their suffix only (``a.jpg``, ``a.png``)
    keep it in the outputs' names. What earlier runs wrote is no input.

    Args:
        inputs: as given on the command line.
        out: the output folder, skipped where an input folder contains it.

    Returns:
        The jobs by sorted name, and ``(input, fault)`` of each that matches nothing.

    Raises:
        OptionError: if two pictures would be written to the same names.
    """
    jobs: dict[str, Job] = {}
    faults = []
    for text in inputs:
        found = list(_expand(text, out))
        if not found:
            faults.append((text, _nothing_in(text)))
        for job in found:
            jobs.setdefault(str(Path(job.source).resolve()), job)
    ordered = sorted(jobs.values(), key=lambda job: (str(job.stem), job.source))
    return _distinct(ordered), faults


def take_shard(jobs: list[Job], shard: tuple[int, int]) -> list[Job]:
    """Return every n-th job, beginning with the i-th (``shard`` is i, n with i from 1)."""
    index, count = shard
    return jobs[index - 1 :: count]


def split_by_existing(
    jobs: Sequence[tuple[Job, dict[str, Path]]], skip: bool, overwrite: bool
) -> tuple[list[tuple[Job, dict[str, Path]]], list[tuple[Job, dict[str, Path]]]]:
    """Return the jobs to do and those to skip because every file they would write exists.

    Raises:
        OptionError: if files exist and neither ``skip`` nor ``overwrite`` tells what to do.
    """
    existing = [path for _, targets in jobs for path in targets.values() if path.exists()]
    if existing and not skip and not overwrite:
        more = f" and {len(existing) - 1} more exist" if len(existing) > 1 else " exists"
        raise OptionError(f"{str(existing[0])!r}{more}; add --skip-existing or --overwrite")
    complete = [skip and all(path.exists() for path in targets.values()) for _, targets in jobs]
    todo = [job for job, done in zip(jobs, complete) if not done]
    return todo, [job for job, done in zip(jobs, complete) if done]


def targets_of(
    jobs: Sequence[Job], out: Path, formats: Sequence[str], save_coarse: bool
) -> list[tuple[Job, dict[str, Path]]]:
    """Pair every job with the files it becomes."""
    return [(job, output_paths(out / job.stem, formats, save_coarse)) for job in jobs]


def check_folder(out: Path) -> None:
    """Refuse an output folder that cannot be made or written, before anything is computed.

    Raises:
        OutputError: if it, or what should contain it, is a file or not writable.
    """
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not existing.is_dir():
        raise OutputError(f"-o {str(out)!r} is no folder: {str(existing)!r} is a file; give a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"-o {str(out)!r} cannot be written: no right to write in {str(existing)!r}")


def _expand(text: str, out: Path) -> Iterator[Job]:
    path = Path(text)
    if not text:  # an unset shell variable; Path("") would be the current folder
        return
    if path.is_dir():
        yield from (_job(file, path) for file in _pictures(path, out))
    elif glob.has_magic(text) and not path.exists():
        base = _fixed_part(path)
        # Path.glob takes no absolute pattern.
        for match in sorted(glob.glob(text, recursive=True)):  # noqa: PTH207
            if not Path(match).is_dir() and not is_output(Path(match)):
                yield _job(Path(match), base)
    else:
        yield Job(text, Path(path.stem))


def _job(file: Path, base: Path) -> Job:
    return Job(str(file), file.relative_to(base).with_name(file.stem))


def _pictures(folder: Path, out: Path) -> Iterator[Path]:
    inside = out.resolve() if out.resolve() != folder.resolve() else None
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if hidden or file.suffix.lower() not in PICTURE_SUFFIXES or not file.is_file():
            continue
        if not is_output(file) and not (inside and file.resolve().is_relative_to(inside)):
            yield file


def _fixed_part(pattern: Path) -> Path:
    """The leading folders of a glob that hold no wildcard."""
    while glob.has_magic(str(pattern)):
        pattern = pattern.parent
    return pattern


def _nothing_in(text: str) -> str:
    if not text:
        return "an empty name; give a picture, a folder or a glob"
    if Path(text).is_dir():
        return f"no picture in this folder; looked for {' '.join(sorted(PICTURE_SUFFIXES))}"
    return "no file matches this pattern"


def _distinct(jobs: list[Job]) -> list[Job]:
    """Let pictures that share a stem keep their suffixes; refuse what still collides."""
    counts = Counter(job.stem for job in jobs)
    named = [
        replace(job, stem=job.stem.with_name(Path(job.source).name)) if counts[job.stem] > 1 else job for job in jobs
    ]
    owners: dict[Path, Job] = {}
    for job in named:
        other = owners.setdefault(job.stem, job)
        if other is not job:
            raise OptionError(
                f"{other.source!r} and {job.source!r} would both be written as {str(job.stem)!r}; run them "
                "separately with different -o, or give their common folder"
            )
    return named
