"""What benchmarks share: options, a comparison with its progress, tables on the screen, and JSON to reproduce them."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from patchwrap import bench
from patchwrap.bench.report import Measure, Report
from patchwrap.bench.tables import markdown_table, rich_table
from patchwrap.machine import machine, versions

RESULTS = Path(__file__).parent / "results"
DISTRIBUTIONS = ("patchwrap-native", "moderngl", "onnxruntime")
"""Distributions whose versions are recorded beside those of every run."""


@dataclass(frozen=True)
class Table:
    """A table of text, printed in the terminal and in the README."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    def show(self) -> None:
        """Print in the terminal, in full also where that is narrow."""
        # A log file has no width that would be worth cutting cells for.
        console = Console(width=None if Console().is_terminal else 200)
        console.print(rich_table(self.title, self.columns, self.rows))

    def markdown(self) -> str:
        """Return the table as GitHub draws it."""
        return markdown_table(self.columns, self.rows)


@dataclass(frozen=True)
class Result:
    """One benchmark's JSON file."""

    name: str
    command: str
    commit: str
    date: str
    options: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]
    tables: dict[str, Table]
    data: dict[str, Any]

    @classmethod
    def now(
        cls,
        name: str,
        options: dict[str, Any],
        tables: dict[str, Table],
        data: dict[str, Any],
        device: str = "auto",
    ) -> "Result":
        """Record where and how this process ran, with the GPU only if the device is one."""
        date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        where = machine(device), versions(*DISTRIBUTIONS)
        return cls(name, command(), commit(), date, options, *where, tables, data)

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Read one back."""
        fields = json.loads(path.read_text())
        tables = {name: Table(**table) for name, table in fields.pop("tables").items()}
        return cls(tables=tables, **fields)

    def write(self, folder: Path = RESULTS) -> Path:
        """Write NAME.json into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")
        return path

    def show(self) -> None:
        """Print every table."""
        for table in self.tables.values():
            table.show()

    def tell(self, folder: Path = RESULTS, beside: str = "") -> None:
        """Print every table, write the JSON, and say where it is, and what lies ``beside`` it."""
        self.show()
        print(f"Written to {self.write(folder)}{beside}")

    def caption(self) -> str:
        """One line for below a table."""
        machine = f"{self.machine['processor']}, {self.machine['cores']} cores"
        return f"`{self.command}` at commit {self.commit}, {self.date[:10]}, on {machine}."


def parser(description: str | None, short: str = "") -> argparse.ArgumentParser:
    """The options that benchmarks share: ``--results``, and ``--short`` where ``short`` says what that is."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON, and of whole reports")
    if short:
        made.add_argument("--short", action="store_true", help=short)
    return made


def clocked(work: Callable[[], Any]) -> tuple[Any, float]:
    """What a function returns, and its seconds."""
    start = time.perf_counter()
    made = work()
    return made, time.perf_counter() - start


def compared(backends: Any, data: Any, **options: Any) -> Report:
    """Compare as ``patchwrap bench`` does, with the progress on the screen."""
    with Console(stderr=True).status("") as status:
        return bench(
            backends,
            data,
            progress=lambda done, total, text: status.update(f"{done} of {total}: {text}"),
            **options,
        )


def measured(backends: Any, data: Any, **options: Any) -> Report:
    """Compare, and exit if a row fails."""
    report = compared(backends, data, **options)
    failed = [f"{row.title}: {row.error}" for row in report.rows if row.error]
    if failed:
        sys.exit("\n".join(failed))
    return report


def selected(measures: Iterable[Measure], keys: Sequence[str]) -> list[Measure]:
    """Those of the measures that a table shows, in its order."""
    return sorted((one for one in measures if one.key in keys), key=lambda one: keys.index(one.key))


def yes_no(reached: bool) -> str:
    """Say whether an aim is reached."""
    return "yes" if reached else "no"


def results(folder: Path = RESULTS) -> Iterator[Result]:
    """Every result in a folder."""
    for path in sorted(folder.glob("*.json")):
        yield Result.read(path)


def command() -> str:
    """The command line of this process, with paths shortened to names that are valid on other machines."""
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *map(_shortened, sys.argv[1:])])


def commit() -> str:
    """Short hash of the checked out commit, with ``+`` where files have changed since."""
    try:
        head = _git("rev-parse", "--short=10", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _shortened(word: str) -> str:
    """``/a/b/c.jpg`` is ``c.jpg``, ``native=/a/b/c`` is ``native=c``."""
    option, equals, path = word.rpartition("=")
    return option + equals + Path(path).name if os.sep in path and Path(path).exists() else word


def _git(*words: str) -> str:
    line = ["git", "-C", str(Path(__file__).parent), *words]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()

