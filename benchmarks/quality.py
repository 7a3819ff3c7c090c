"""Does fusion gain detail without losing the layout? ``patchwrap bench`` on held-out scenes with exact depth.

Prints one table with each map aligned by its own convention's rule, and one with the coarse map's
alignment put on all rows: the difference tells how far fusion drifted. Intervals are in the JSON.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from patchwrap.bench.report import Cell, Cells, Measure, Report, Row
from patchwrap.bench.tables import TITLES, column_title, number
from patchwrap.datasets.heldout import cache_folder
from report import Result, Table, measured, parser, selected, yes_no

ROWS = {
    "single": "coarse only",
    "mirrored": "coarse only, mirrored",
    "double": "one pass at twice the size",
    "average": "naive tile average",
    "minmax": "min-max match + feather",
    "blend": "plane fit + blend",
    "poisson": "plane fit + screened Poisson",
    "blend-head": "guided fusion network + blend",
}
"""Rows of the table and how the README calls them."""

COLUMNS = (
    *("abs_rel", "rmse", "rmse_log", "delta1", "silog", "boundary1", "boundary4", "boundary16", "see"),
    *("ce_relative", "seam", "seconds"),
)
PAPER_GAIN = 0.173
"""PatchFusion's own RMSE gain over its coarse model (arXiv 2312.02284, abstract)."""


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.count, options.size, options.plan = min(options.count, 2), "240x136", "2x2"
    name = options.name or (f"quality_{options.data.name}" if options.data else "quality")
    report = compare(options, options.results / name)
    result = summarize(name, report)
    result.tell(options.results, f", the whole report to {options.results / name}")


def compare(options: argparse.Namespace, out: Path) -> Report:
    """Run the comparison; stop if a row fails."""
    return measured(
        options.backend,
        options.data or f"generated:{options.count}@{options.size}",
        plans=[options.plan],
        fusers=["blend", "auto"],
        heads=["none", "auto"],
        out=out,
        count=options.count,
        measures="quick",
        tile_batch_size=options.tile_batch_size,
        device=options.device,
        cache=options.cache,
    )


def summarize(name: str, report: Report) -> Result:
    """The README's tables from a report."""
    kinds = {kind(row): row for row in report.rows}
    rows = {title: kinds[key] for key, title in ROWS.items() if key in kinds}
    tables = {
        table: Table(
            f"{len(report.images)} held-out images, {TITLES[alignment]}",
            ["", *map(column_title, columns(report))],
            [[title, *cells(report, row, alignment)] for title, row in rows.items()],
        )
        for table, alignment in ((name, "own"), (f"{name}_drift", "coarse"))
    }
    tables[f"{name}_aims"] = aims(report.tables["own"], kinds)
    measured = {
        alignment: {kind(row): line(report, row, alignment) for row in rows.values()} for alignment in report.tables
    }
    told = shown(report)
    return Result.now(name, told, tables, {"images": report.images, **measured}, told["device"])


def kind(row: Row) -> str:
    """Kind of a row, independent of its backend and plan: ``single``, ``poisson``, ``poisson-head`` ..."""
    if row.plan == "none":
        return row.key.rpartition("-")[2]
    return row.fuser + ("-head" if row.head != "none" else "")


def columns(report: Report) -> list[Measure]:
    """The measures of the table, in its order."""
    return selected(report.measures, COLUMNS)


def cells(report: Report, row: Row, alignment: str) -> list[str]:
    """A row's means; measures that do not depend on the alignment are taken from its own."""
    own, line = report.tables["own"][row.key], report.tables[alignment][row.key]
    return [number(mean(line.get(one.key) or own.get(one.key)), one) for one in columns(report)]


def mean(cell: Cell | None) -> float:
    """A cell's mean, NaN without one."""
    return cell.estimate.mean if cell else float("nan")


def line(report: Report, row: Row, alignment: str) -> dict[str, Any]:
    """A row's estimates and its differences from the coarse row, by measure."""
    return {
        key: asdict(cell.estimate) | ({"minus_coarse": asdict(cell.comparison)} if cell.comparison else {})
        for key, cell in report.tables[alignment][row.key].items()
    }


def aims(table: Cells, kinds: dict[str, Row]) -> Table:
    """Compare the fused rows with their aims: gains over the coarse row and over the pass at twice the size."""
    fused = [key for key in ("poisson", "blend-head") if key in kinds]

    def reduced(measure: str, row: str, against: str) -> float:
        low, high = (mean(table[kinds[key].key].get(measure)) for key in (row, against))
        return 1 - low / max(high, 1e-9)

    def judged(needed: float, values: list[float], form: str = ".1%") -> list[str]:
        return [f"{value:{form}} ({yes_no(value >= needed)})" for value in values]

    lines = []
    for measure, needed in (("rmse", PAPER_GAIN), ("rmse_log", PAPER_GAIN), ("abs_rel", 0.0)):
        title = f"{measure} below coarse by at least {needed:.1%}"
        lines.append([title, *judged(needed, [reduced(measure, row, "single") for row in fused])])
    if "double" in kinds:
        for measure in ("rmse", "rmse_log"):
            below = [reduced(measure, row, "double") for row in fused]
            lines.append([f"{measure} below the pass at twice the size", *judged(0.0, below)])
    factors = [1 - reduced("boundary4", row, "single") for row in fused]
    lines.append(["boundary F1 over 4 px at least twice coarse's", *judged(2.0, factors, ".2f")])
    return Table("What fusion should gain", ["", *(ROWS[key] for key in fused)], lines)


def shown(report: Report) -> dict[str, Any]:
    """The options that the numbers depend on."""
    given = report.options
    kept = {name: given[name] for name in ("count", "tile_batch_size", "device")}
    return {"backend": given["backends"][0], "plan": given["plans"][0], "data": report.data, **kept}


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, "two tiny images")
    made.add_argument("--backend", default="native", help="NAME or NAME=CHECKPOINT")
    made.add_argument("--plan", default="3x3", help="tile plan of the fused rows (auto's own for a photo this large)")
    made.add_argument("--count", type=int, default=24, help="how many images")
    made.add_argument("--size", default="3840x2160", help="WIDTHxHEIGHT of the scenes")
    made.add_argument("--data", type=Path, help="folder of pictures beside their depth instead")
    made.add_argument("--cache", type=Path, default=cache_folder(), help="keeps the generated scenes")
    made.add_argument("--name", help="name of the result; by default quality or quality_FOLDER")
    made.add_argument("--tile-batch-size", type=int, default=4)
    made.add_argument("--device", default="auto")
    return made


if __name__ == "__main__":
    main()
