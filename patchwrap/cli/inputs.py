"""Find the pictures that the command line names and where their results go; never decodes a picture."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from patchwrap.errors import OptionError
from patchwrap.outputs import OUTPUTS, exists, is_output, output_paths, told_by
from patchwrap.suffixes import PHOTO_ENDINGS, readable_suffixes, unreadable_suffixes, without_twins


@dataclass(frozen=True)
class Job:
    """One picture to predict.

    Args:
        source: as given or found; may turn out not to exist.
        stem: the outputs' names without their endings, relative to the output folder.
    """

    source: str
    stem: Path


Task = tuple[Job, dict[str, Path]]
"""A job and its output files by key."""

_OnError = Callable[[OSError], None] | None
"""What to do with a folder that cannot be read."""


def find_jobs(inputs: Sequence[str], out: Path) -> tuple[list[Job], list[tuple[str, str]]]:
    """Expand files, folders and globs.

    A folder's sub-folders are mirrored. Pictures that differ by their suffix only (``a.jpg``, ``a.png``)
    keep it in the outputs' names. What earlier runs wrote is left out; it is a fault only if nothing else is given.

    Args:
        inputs: as given on the command line.
        out: the output folder, skipped where an input folder contains it.

    Returns:
        The jobs by sorted name, and ``(name, fault)`` of each input that gives no picture and each folder that
        cannot be read.

    Raises:
        OptionError: if two pictures would be written to the same names.
    """
    found: list[Job] = []
    faults: list[tuple[str, str]] = []
    results = []

    def unread(error: OSError) -> None:
        faults.append((str(error.filename), f"cannot be read: {error.strerror}"))

    for text in inputs:
        if len(inputs) > 1 and _is_result(Path(text)):  # the shell has expanded a pattern
            results.append((text, "result of an earlier run; give the photo"))
            continue
        told = len(faults)
        matches = list(_expand(text, out, unread))
        if not matches and len(faults) == told:
            faults.append((text, _nothing_in(text)))
        found += matches
    ordered = sorted(_without_links(found), key=lambda job: (str(job.stem), job.source))
    return _distinct(ordered), faults if found else results + faults


def unreadable(inputs: Sequence[str], out: Path) -> Counter[str]:
    """Count by suffix the photos in input folders that cannot be read, as ``find_jobs`` leaves them out silently."""
    folders = [Path(text) for text in inputs if text and _is_folder(text)]
    found = (file for folder in folders for file in _files(folder, out, unreadable_suffixes()))
    return Counter(file.suffix.lower() for file in found)


def targets_of(jobs: Sequence[Job], out: Path, formats: Sequence[str], save_coarse: bool) -> list[Task]:
    """Pair every job with its output files."""
    return [(job, output_paths(out / job.stem, formats, save_coarse)) for job in jobs]


def _without_links(jobs: list[Job]) -> list[Job]:
    """Keep one job for each file, under the file's own name rather than a link's."""
    by_file: dict[str, Job] = {}
    for job in sorted(jobs, key=lambda job: os.path.islink(job.source)):  # noqa: PTH114
        by_file.setdefault(os.path.realpath(job.source), job)
    return list(by_file.values())


def _expand(text: str, out: Path, on_error: _OnError) -> Iterator[Job]:
    path = Path(text)
    if not text:  # an unset shell variable; Path("") would be the current folder
        return
    if _is_folder(path):
        found = _files(path, out, readable_suffixes(), on_error)
        yield from (_job(file, path) for file in without_twins(file for file in found if not _is_result(file)))
    elif glob.has_magic(text) and "://" not in text and not exists(path):
        base = _fixed_part(path)
        for match in sorted(_matches(path, on_error)):
            if not _is_folder(match) and not _is_result(match):
                yield _job(match, base)
    else:
        yield Job(text, Path(_stem(path)))


def _job(file: Path, base: Path) -> Job:
    return Job(str(file), file.relative_to(base).with_name(_stem(file)))


def _stem(file: Path) -> str:
    """A file's name without its suffix, unless only dots would be left."""
    return file.stem if file.stem.strip(".") else file.name


def _matches(pattern: Path, on_error: _OnError) -> Iterator[Path]:
    """Expand a glob; unlike in ``glob.glob``, ``**`` follows no links to folders, which may lead in circles."""
    if "**" not in pattern.parts:
        # Path.glob does not accept absolute patterns.
        yield from map(Path, glob.glob(str(pattern)))  # noqa: PTH207
        return
    place = pattern.parts.index("**")
    rest = pattern.parts[place + 1 :] or ("*",)
    for top in filter(_is_folder, _matches(Path(*pattern.parts[:place]), on_error)):
        for folder, _ in _walk(top, on_error):
            yield from _matches(Path(glob.escape(str(folder)), *rest), on_error)


def _walk(top: Path, on_error: _OnError) -> Iterator[tuple[Path, list[str]]]:
    """Visit a folder and what it contains but hidden and linked folders; gives each folder and its files' names."""
    for folder, folders, names in os.walk(top, onerror=on_error):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield Path(folder), names


def _files(folder: Path, out: Path, suffixes: frozenset[str], on_error: _OnError = None) -> Iterator[Path]:
    """Files with these suffixes that are neither hidden nor in the output folder."""
    inside = out.resolve() if folder.resolve() in out.resolve().parents else None
    for parent, names in _walk(folder, on_error):
        for file in (parent / name for name in sorted(names)):
            wanted = file.suffix.lower() in suffixes and not file.name.startswith(".")
            if wanted and os.path.isfile(file) and not (inside and file.resolve().is_relative_to(inside)):  # noqa: PTH113
                yield file


def _is_result(file: Path) -> bool:
    """Whether a finished, interrupted or running prediction wrote this file, or it is true depth beside its photo."""
    return is_output(file) or _is_no_photo(file)


def _is_no_photo(file: Path) -> bool:
    """Whether this is no photo though no sidecar vouches for it: true depth, or a result without its sidecar."""
    for key, output in OUTPUTS.items():
        stem = file.name.removesuffix(output.ending)
        if stem == file.name or not stem.strip("."):
            continue
        # Pictures that share a stem keep their suffixes in it.
        if any(exists(file.with_name(stem + suffix)) for suffix in PHOTO_ENDINGS):
            sidecar, *maps = (file.with_name(stem + OUTPUTS[one].ending) for one in ("json", "npy", "png"))
            return key == "png" or (not told_by(sidecar) and any(map(exists, maps)))
    return False


def _fixed_part(pattern: Path) -> Path:
    """The leading folders of a glob that hold no wildcard."""
    while glob.has_magic(str(pattern)):
        pattern = pattern.parent
    return pattern


def _is_folder(path: str | Path) -> bool:
    """Whether this is a folder; False where ``Path.is_dir`` may raise."""
    return os.path.isdir(path)  # noqa: PTH112


def _nothing_in(text: str) -> str:
    if not text:
        return "an empty name; give a picture, a folder or a glob"
    if _is_folder(text):
        return f"no picture in this folder; looked for {' '.join(sorted(readable_suffixes()))}"
    return "no file matches this pattern"


def _distinct(jobs: list[Job]) -> list[Job]:
    """Keep the suffixes of pictures that share a stem; refuse remaining collisions."""
    named = jobs
    while (longer := _with_suffixes(named)) != named:  # a suffix kept, as in a.jpg, may be the stem of a.jpg.jpg
        named = longer
    owners: dict[Path, Job] = {}
    for job in named:
        other = owners.setdefault(job.stem, job)
        if other is not job:
            raise OptionError(
                f"{other.source!r} and {job.source!r} would both be written as {str(job.stem)!r}; run them "
                "separately with different -o, or give their common folder"
            )
    return named


def _with_suffixes(jobs: list[Job]) -> list[Job]:
    """Keep the suffix of each picture that shares its stem with another."""
    counts = Counter(job.stem for job in jobs)
    return [
        replace(job, stem=job.stem.with_name(Path(job.source).name)) if counts[job.stem] > 1 else job for job in jobs
    ]
