"""Runs every benchmark that needs only this repository, and says which of the README's numbers changed.

``--short`` runs them on small pictures, to see that they run; its numbers are nobody's.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from report import RESULTS, Result, results

BENCHMARKS = ("installed.py", "quality.py", "overhead.py", "memory.py")


def main(arguments: list[str] | None = None) -> None:
    """Run, compare, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="small pictures, a few minutes, for CI")
    parser.add_argument("--results", type=Path, help="folder of the new JSON; by default thrown away")
    parser.add_argument("--backend", default="native", help="NAME or NAME=CHECKPOINT")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.results or Path(scratch)
        for script in BENCHMARKS:
            run(script, folder, options.short, options.backend)
        committed = {result.name: result for result in results(RESULTS)}
        for result in results(folder):
            print("\n".join(changes(committed.get(result.name), result)))


def run(script: str, folder: Path, short: bool, backend: str) -> None:
    """Run one benchmark; its failure is ours."""
    path = Path(__file__).parent / script
    line = [sys.executable, str(path), "--results", str(folder), "--backend", backend]
    print(f"== {script}", flush=True)
    if subprocess.run(line + ["--short"] * short).returncode:
        sys.exit(f"{script} failed.")


def changes(before: Result | None, after: Result) -> list[str]:
    """One line per cell that differs from the committed result, or why there is nothing to compare."""
    if before is None:
        return [f"{after.name}: no committed result."]
    if before.options != after.options:
        other = [key for key, value in after.options.items() if before.options.get(key) != value]
        return [f"{after.name}: not comparable with the committed result, other {', '.join(other)}."]
    lines = []
    for name, table in after.tables.items():
        old = {row[0]: row for row in before.tables[name].rows} if name in before.tables else {}
        for row in table.rows:
            for column, was, now in zip(table.columns, old.get(row[0], [""] * len(row)), row):
                lines += [f"{name}, {row[0]}, {column}: {was or 'new'} -> {now}"] if was != now else []
    return lines or [f"{after.name}: every number as committed."]


if __name__ == "__main__":
    main()
