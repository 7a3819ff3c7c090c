"""Which results of earlier runs are still those that are asked for; never decodes a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchwrap.cli.inputs import Job, Task
from patchwrap.errors import OptionError
from patchwrap.outputs import exists, has_mark, told_by, vouches_for


@dataclass(frozen=True)
class Existing:
    """Which pictures remain to be predicted after earlier runs.

    Args:
        todo: jobs to do.
        complete: jobs whose every file exists, made of the same picture with the same options.
        changed: by the source of a job in ``todo`` whose every file exists, how they differ from what is asked now.
    """

    todo: list[Task]
    complete: list[Task]
    changed: dict[str, list[str]]


def split_by_existing(tasks: Sequence[Task], skip: bool, overwrite: bool, asked: dict[str, Any]) -> Existing:
    """Split jobs into those to do and those to skip.

    Args:
        tasks: jobs with their files.
        skip: leave out what exists.
        overwrite: replace what exists.
        asked: the options that decide what is in the files, to be compared with the sidecar's ``options.asked``.

    Raises:
        OptionError: if files exist and neither ``skip`` nor ``overwrite`` is set, or if, with ``skip``, a file that
            patchwrap did not write would be overwritten.
    """
    existing = [path for _, targets in tasks for path in targets.values() if exists(path)]
    if existing and not skip and not overwrite:
        more = f" and {len(existing) - 1} more exist" if len(existing) > 1 else " exists"
        raise OptionError(f"{str(existing[0])!r}{more}; add --skip-existing or --overwrite")
    found = Existing([], [], {})
    for job, targets in tasks:
        told = told_by(targets["json"]) if skip else {}
        differences = _differences(job, targets, told, asked) if told and _is_complete(targets, told) else None
        if skip and differences != []:
            _check_own(targets, told)
        if differences:
            found.changed[job.source] = differences
        (found.complete if differences == [] else found.todo).append((job, targets))
    return found


def _is_complete(targets: dict[str, Path], told: dict[str, Any]) -> bool:
    """Whether the run was not stopped, and every file exists that could be made."""
    return "unfinished" not in told and {key for key, path in targets.items() if not exists(path)} <= _left_out(told)


def _left_out(told: dict[str, Any]) -> set[str]:
    """Formats that were requested but could not be made, such as confidence without tiles."""
    try:
        return set(told["options"]["left_out"])
    except (LookupError, TypeError):
        return set()


def _check_own(targets: dict[str, Path], told: dict[str, Any]) -> None:
    """Refuse to replace files that patchwrap did not write, such as ground truth."""
    lost = not told and "png" in targets and has_mark(targets["png"])  # the sidecar of its run is missing or damaged
    for path in filter(exists, targets.values()):
        if not vouches_for(told, path) and not (lost and path.suffix != ".png"):
            raise OptionError(f"{str(path)!r} exists and is not patchwrap's; take another -o, or --overwrite it")


def _differences(
    job: Job, targets: dict[str, Path], told: dict[str, Any], asked: dict[str, Any]
) -> list[str] | None:
    """Differences between a sidecar and what is asked for, in words; None if the pictures cannot be compared."""
    try:
        before, files = told["options"]["asked"], told["files"]
        changed = [key for key in dict.fromkeys([*asked, *before]) if before.get(key) != asked.get(key)]
        # A file in place of one that was left out, such as a sensor's confidence, is nobody's result.
        existing = {key: path for key, path in targets.items() if exists(path) and key not in _left_out(told)}
        others = [f"{path.name} is from another run" for key, path in existing.items() if key not in files]
        options = [f"{key} {before.get(key)!r}, now {asked.get(key)!r}" for key in changed]
        return options + others + _changes_of_picture(Path(job.source), told, targets["json"])
    except (OSError, ValueError):
        return None
    except (LookupError, TypeError, AttributeError):
        return ["its sidecar lacks the options"]


def _changes_of_picture(source: Path, told: dict[str, Any], sidecar: Path) -> list[str]:
    """How the picture differs from the one that the sidecar describes."""
    if not exists(source):
        return []
    before = Path(told["image"])
    if before.name != source.name or (exists(before) and not before.samefile(source)):
        return [f"is of another picture, {told['image']!r}"]
    if "file" in told["options"]:
        return [] if told["options"]["file"] == facts_of(source) else ["the picture has changed"]
    newer = source.stat().st_mtime_ns > sidecar.stat().st_mtime_ns
    return ["the picture is newer"] if newer else []


def facts_of(photo: Path) -> dict[str, int]:
    """Return what tells a photo's file from another of the same name."""
    about = photo.stat()
    return {"bytes": about.st_size, "mtime_ns": about.st_mtime_ns}
