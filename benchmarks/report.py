"""What a benchmark leaves behind: a table on the screen, and JSON that tells how to get it again."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

RESULTS = Path(__file__).parent / "results"
DISTRIBUTIONS = ("patchwrap", "patchwrap-native", "torch", "numpy", "scipy", "moderngl", "onnxruntime")


@dataclass(frozen=True)
class Table:
    """Cells as they are printed, in the terminal and in the README alike."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    def show(self) -> None:
        """Print in the terminal, in full also where that is narrow."""
        table = RichTable(title=self.title, title_justify="left")
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="right" if index else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        # A log file has no width that would be worth cutting cells for.
        Console(width=None if Console().is_terminal else 200).print(table)

    def markdown(self) -> str:
        """Return the table as GitHub draws it."""
        rule = ["---"] + ["---:"] * (len(self.columns) - 1)
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (self.columns, rule, *self.rows))


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
        cls, name: str, options: dict[str, Any], tables: dict[str, Table], data: dict[str, Any]
    ) -> "Result":
        """Take down where and how this process ran."""
        date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return cls(name, command(), commit(), date, options, machine(), versions(), tables, data)

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

    def caption(self) -> str:
        """One line for below a table."""
        machine = f"{self.machine['processor']}, {self.machine['cores']} cores"
        return f"`{self.command}` at commit {self.commit}, {self.date[:10]}, on {machine}."


def results(folder: Path = RESULTS) -> Iterator[Result]:
    """Every result in a folder."""
    for path in sorted(folder.glob("*.json")):
        yield Result.read(path)


def command() -> str:
    """The command line of this process, paths shortened to names that mean something elsewhere."""
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *map(_shortened, sys.argv[1:])])


def commit() -> str:
    """Short hash of the checked out commit, with ``+`` where files have changed since."""
    try:
        head = _git("rev-parse", "--short=10", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine() -> dict[str, Any]:
    """Processor, cores, memory and accelerator of this machine."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(_memory() / 2**30, 1),
        "accelerator": torch.cuda.get_device_name() if cuda else None,
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Versions of what takes part, where installed."""
    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _shortened(word: str) -> str:
    """``/a/b/c.jpg`` is ``c.jpg``, ``native=/a/b/c`` is ``native=c``."""
    option, equals, path = word.rpartition("=")
    return option + equals + Path(path).name if os.sep in path and Path(path).exists() else word


def _git(*words: str) -> str:
    line = ["git", "-C", str(Path(__file__).parent), *words]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
