"""What is each checkpoint worth, alone and fused, and did it learn depth or its training scenes?

Every checkpoint of this repository alone, at twice the size and fused without a head, with its own and with the
universal one, beside three maps that know nothing of depth: on held-out scenes of the kinds that networks are trained
on, and on as many of the kinds that they never saw. With ``--data`` on a folder of pictures beside their depth instead,
or of scenes as in ``stranger.py``. What a convention leaves unknown is fitted to each image: two numbers for the ramp
and for most checkpoints, one for a checkpoint that lacks a factor alone. The last columns give two to all.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines import baselines
from patchwrap.bench.report import Measure, Report, Row
from patchwrap.bench.tables import column_title, number
from patchwrap.datasets.heldout import Spec, cache_folder
from patchwrap.heads import UNIVERSAL
from patchwrap.plugins import registered_backends
from patchwrap.scenes import KINDS, TRAINING_KINDS
from patchwrap.size import parse_size
from quality import kind, line, mean
from report import Result, Table, measured, parser, selected, yes_no
from stranger import found

FOLDER = Path(__file__).parent / "checkpoints"
CHECKPOINTS = (
    "native",
    f"transformers={FOLDER / 'depth-anything-small'}",
    f"diffusers={FOLDER / 'marigold-small'}",
)
ROWS = {
    "single": "alone",
    "mirrored": "alone, mirrored",
    "double": "at twice the size",
    "poisson": "fused",
    "blend-head": "fused with its head",
    "poisson-universal": "fused with the universal head",
}
"""Titles of a checkpoint's rows, by their kind."""

COLUMNS = ("abs_rel", "delta1", "rmse", "rmse_log", "silog", "boundary1", "boundary4", "boundary16", "see")
RAMP = "vertical ramp"
MAY_LOSE = 0.25
"""How much worse AbsRel may be on kinds of scenes that the networks never saw."""


@dataclass(frozen=True)
class Line:
    """A row of a table: of which report, and which row of it."""

    report: Report
    row: Row

    def text(self, measure: Measure) -> str:
        """A mean as it is printed."""
        return number(self.mean(measure.key), measure)

    def mean(self, key: str) -> float:
        """A measure's mean over the images, NaN without one."""
        return mean(self.report.tables["own"][self.row.key].get(key))

    @property
    def alike(self) -> float:
        """Mean AbsRel with scale and shift fitted, from the records: reports with a single rule have no such table."""
        found = [record["alike"]["abs_rel"] for record in self.report.records if record["row"] == self.row.key]
        return sum(found) / len(found)


Lines = dict[str, Line]
"""Rows of a table by their title."""


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.scenes, options.size, options.plan = min(options.scenes, 2), "240x136", "1x2"
    there, missing = present(options.backend or CHECKPOINTS)
    name = f"checkpoints_{options.data.name}" if options.data else "checkpoints"
    out = options.results / name
    sets = {part: compare(options, there, data, out / part) for part, data in chosen(options).items()}
    result = summarize(name, sets, missing)
    result.show()
    for text in missing:
        print(f"Not there, and left out: {text}")
    print(f"Written to {result.write(options.results)}, the whole reports to {out}")


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """The images of each table."""
    if options.data:
        return {"": found(options.data) or options.data}
    size, kinds = parse_size(options.size), tuple(options.kinds.split("+"))
    return {"": str(Spec(options.scenes, size)), "left_out": str(Spec(options.scenes, size, kinds))}


def present(checkpoints: list[str] | tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Checkpoints that can be loaded, and a message about those that are missing."""
    there, missing = [], []
    for spec in checkpoints:
        backend, _, path = spec.partition("=")
        if backend not in registered_backends():
            missing.append(f"{backend} (pip install ./backends/{backend})")
        elif path.startswith(str(FOLDER)) and not Path(path).exists():
            missing.append(f"{backend}={Path(path).name} (no such folder in benchmarks/checkpoints)")
        else:
            there.append(spec)
    if not there:
        sys.exit(f"No checkpoint to measure: {', '.join(missing)}.")
    return there, missing


def compare(options: argparse.Namespace, checkpoints: list[str], data: Any, out: Path) -> Lines:
    """Measure the checkpoints and the baselines on the same images; stop if a row fails."""
    shared = {
        "heads": ["none", "auto", UNIVERSAL],
        "baselines": [],
        "count": options.scenes,
        "measures": "quick",
        "pictures": options.pictures,
        "device": options.device,
        "cache": options.cache,
    }
    return rows(
        measured(checkpoints, data, plans=[options.plan], out=out / "checkpoints", **shared),
        measured(baselines(), data, plans=["none"], out=out / "baselines", **shared),
    )


def rows(checkpoints: Report, known: Report) -> Lines:
    """The rows of a table, by their titles."""
    of_checkpoints = [row for row in checkpoints.rows if way(row) in ROWS]
    lines = {f"{row.backend}, {ROWS[way(row)]}": Line(checkpoints, row) for row in of_checkpoints}
    return lines | {row.backend: Line(known, row) for row in known.rows if kind(row) == "single"}


def way(row: Row) -> str:
    """Kind of a row, independent of its backend and plan: a key of ``ROWS``, or one that is not shown."""
    return f"{row.fuser}-{UNIVERSAL}" if row.head == UNIVERSAL else kind(row)


def summarize(name: str, sets: Mapping[str, Lines], missing: list[str]) -> Result:
    """The README's tables from the reports."""
    tables = {"_".join(filter(None, (name, part))): table(lines) for part, lines in sets.items()}
    if len(sets) == 2:
        tables[f"{name}_loss"] = loss(*sets.values())
    reports = {part or "data": next(iter(lines.values())).report for part, lines in sets.items()}
    first = reports["data"].options
    shown = {part: report.data for part, report in reports.items()}
    shown |= {"backends": first["backends"], "plan": first["plans"][0], "count": first["count"]}
    data = {part or "data": {title: numbers(one) for title, one in lines.items()} for part, lines in sets.items()}
    return Result.now(name, shown, tables, {"missing": missing} | data, first["device"])


def numbers(one: Line) -> dict[str, Any]:
    """A row's estimates, its differences from the same checkpoint alone, and its AbsRel with scale and shift fitted."""
    return line(one.report, one.row, "own") | {"abs_rel_alike": one.alike}


def table(lines: Lines) -> Table:
    """All measures of one set of images, and how far below the ramp's AbsRel a row's is, both fitted alike."""
    report, ramp = lines[RAMP].report, lines[RAMP].alike
    measures = selected(report.measures, COLUMNS)
    body = [
        [title, *map(one.text, measures), f"{one.alike:.4f}", f"{1 - one.alike / ramp:.0%}"]
        for title, one in lines.items()
    ]
    columns = ["", *map(column_title, measures), "AbsRel, scale and shift given ↓", "below the ramp's ↑"]
    return Table(f"{len(report.images)} images of {report.data}, each map by its own alignment", columns, body)


def loss(trained: Lines, left_out: Lines) -> Table:
    """AbsRel on trained and on unseen kinds of scenes, and the difference."""
    count = len(trained[RAMP].report.images)
    columns = ["", "AbsRel, kinds trained on ↓", "AbsRel, kinds left out ↓", f"loss (at most {MAY_LOSE:.0%}) ↓"]
    body = []
    for title, one in trained.items():
        seen, unseen = one.mean("abs_rel"), left_out[title].mean("abs_rel")
        body.append([title, f"{seen:.4f}", f"{unseen:.4f}", judged(unseen / seen - 1, one)])
    return Table(f"{count} held-out images of either", columns, body)


def judged(lost: float, one: Line) -> str:
    """A difference, and for a checkpoint's rows whether it is small enough."""
    return f"{lost:+.1%}" + ("" if one.row.backend in baselines() else f" ({yes_no(lost <= MAY_LOSE)})")


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, "two tiny images")
    backend = "NAME or NAME=CHECKPOINT, may be given again; by default every checkpoint of this repository"
    made.add_argument("--backend", action="append", help=backend)
    made.add_argument("--plan", default="auto", help="tile plan of the fused rows")
    made.add_argument("--scenes", type=int, default=10, help="how many images of each table")
    made.add_argument("--size", default="3840x2160", help="WIDTHxHEIGHT of the scenes")
    left_out = "+".join(kind for kind in KINDS if kind not in TRAINING_KINDS)
    made.add_argument("--kinds", default=left_out, help=f"of the second table's scenes (default: {left_out})")
    made.add_argument("--data", type=Path, help="folder of pictures beside their depth instead")
    made.add_argument("--pictures", type=int, default=2, help="of so many images in the whole reports")
    made.add_argument("--cache", type=Path, default=cache_folder(), help="keeps the generated scenes")
    made.add_argument("--device", default="auto")
    return made


if __name__ == "__main__":
    main()
