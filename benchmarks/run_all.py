"""Runs every benchmark that needs only this repository, and says which of the README's numbers changed.

``--short`` runs them on small pictures, to see that they run; its numbers mean nothing.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from report import RESULTS, Result, results

BENCHMARKS = ("installed.py", "quality.py", "checkpoints.py", "defaults.py", "overhead.py", "sizes.py", "heads.py")
ITS_OWN = ("memory.py", "scenes.py", "transformers_speed.py", "diffusion.py")
"""Benchmarks that take no backend, or have a network of their own."""


def main(arguments: list[str] | None = None) -> None:
    """Run, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="tiny pictures, to see that they run")
    parser.add_argument("--results", type=Path, help="folder of the new JSON; by default thrown away")
    parser.add_argument("--backend", help="NAME or NAME=CHECKPOINT instead of each benchmark's own")
    options = parser.parse_args(arguments)
    committed = {result.name: result for result in results(RESULTS)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.results or Path(scratch)
        for script in BENCHMARKS:
            run(script, folder, options.short, options.backend)
        for script in ITS_OWN:
            run(script, folder, options.short)
        made = list(results(folder))
    for result in made:
        print("\n".join(changes(committed.get(result.name), result)))
    print(summary(committed, made))


def run(script: str, folder: Path, short: bool, backend: str | None = None) -> None:
    """Run one benchmark; exit if it fails."""
    path = Path(__file__).parent / script
    line = [sys.executable, str(path), "--results", str(folder), *(["--backend", backend] if backend else [])]
    print(f"== {script}", flush=True)
    if subprocess.run(line + ["--short"] * short).returncode:
        sys.exit(f"{script} failed.")


def changes(before: Result | None, after: Result) -> list[str]:
    """One line per cell that differs from the committed result, or why there is nothing to compare."""
    if reason := incomparable(before, after):
        return [f"{after.name}: {reason}."]
    was, now = cells(before), cells(after)
    lines = [
        f"{', '.join(place)}: {was.get(place, 'new')} -> {now.get(place, 'gone')}"
        for place in dict.fromkeys([*now, *was])
        if was.get(place) != now.get(place)
    ]
    return lines or [f"{after.name}: every number as committed."]


def summary(committed: dict[str, Result], made: list[Result]) -> str:
    """How many of the committed numbers changed."""
    pairs = [(committed.get(result.name), result) for result in made]
    compared = [(before, after) for before, after in pairs if incomparable(before, after) is None]
    count = sum(len(cells(after)) for _, after in compared)
    changed = sum(len(changes(before, after)) for before, after in compared if cells(before) != cells(after))
    text = f"{changed} of {count} numbers changed"
    others = [result.name for result in made if result.name not in [after.name for _, after in compared]]
    return f"{text}; not compared: {', '.join(others)}." if others else f"{text}."


def incomparable(before: Result | None, after: Result) -> str | None:
    """Why two results cannot be compared, None where they can."""
    if before is None:
        return "no committed result"
    if before.options != after.options:
        keys = dict.fromkeys([*after.options, *before.options])
        other = [key for key in keys if before.options.get(key) != after.options.get(key)]
        return f"not comparable with the committed result, other {', '.join(other)}"
    return None


def cells(result: Result) -> dict[tuple[str, str, str], str]:
    """Every cell by table, row and column."""
    return {
        (name, row[0], column): cell
        for name, table in result.tables.items()
        for row in table.rows
        for column, cell in zip(table.columns[1:], row[1:])
    }


if __name__ == "__main__":
    main()
