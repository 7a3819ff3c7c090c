"""A report's numbers as text: cells, column titles, and tables for the terminal and for Markdown."""

from collections.abc import Iterable, Sequence
from math import isfinite

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from patchwrap.bench.report import Cell, Cells, Estimate, Measure, Report, Row

NOT_SEPARABLE = "not separable"
LEGEND = (
    f"≈ {NOT_SEPARABLE} from the same backend's single pass: the 95 % interval of the paired difference "
    "includes 0, or the test does not exclude chance (p < 0.05, which takes at least six images)."
)
TITLES = {
    "own": "each map by its own alignment",
    "coarse": "every map by its coarse map's alignment (shows drift)",
    "alike": "every map given scale and shift (compares conventions)",
}
_ARROWS = {"lower": " ↓", "higher": " ↑", "one": " →1", "neither": ""}
_NOTHING = "–"
_NO_WIDTH = 160
"""Columns of a table where the output is not a terminal, so that cells are not cut."""


def show(report: Report, console: Console | None = None) -> None:
    """Print the headline table of every alignment, and what failed.

    Args:
        report: to print.
        console: to print to; None for standard output.
    """
    console = console or Console(width=None if Console().is_terminal else _NO_WIDTH)
    for name, cells in report.tables.items():
        if any(cells.values()):
            console.print(rich_table(scope(report, name), *headline(report, cells)))
    for line in (*troubles(report), *([LEGEND] if compared(report) else [])):
        console.print(line, markup=False, highlight=False)


def headline(report: Report, cells: Cells) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the headline measures; ``≈`` marks values that are not separable from the reference."""
    # Without true depth there are few measures, so that all of the group "tiles" are shown.
    group = "" if len(report.tables) > 1 else "tiles"
    measures = [measure for measure in measured(report, cells) if measure.headline or measure.group == group]
    rows = [[row.title, *(_marked(cells, row, measure) for measure in measures)] for row in rows_of(report, cells)]
    return ["", *map(column_title, measures)], rows


def rich_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Make a table for the terminal; numbers are not wrapped."""
    table = Table(title=escape(title), title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(escape(column), justify="right" if index else "left", no_wrap=index > 0)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = True) -> str:
    """Make a GitHub Markdown table.

    Args:
        columns: titles.
        rows: cells as text.
        numbers: whether all columns but the first are aligned to the right.
    """
    rule = ["---"] + ["---:" if numbers else "---"] * (len(columns) - 1)
    lines = ([cell.replace("|", "\\|").replace("<", "&lt;") for cell in row] for row in (columns, rule, *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def scope(report: Report, alignment: str) -> str:
    """Title of a table: the images and the alignment."""
    count = len(report.images)
    return f"{count} image{'s' if count > 1 else ''} of {report.data}, {TITLES[alignment]}"


def troubles(report: Report) -> list[str]:
    """List a line for each row that failed and each image that was left out."""
    failed = [f"failed: {row.title}: {row.error}" for row in report.rows if row.error is not None]
    return failed + [f"left out: {name}: {reason}" for name, reason in report.left_out.items()]


def compared(report: Report) -> bool:
    """Whether any row was compared with another."""
    return any(cell.comparison for cells in report.tables.values() for line in cells.values() for cell in line.values())


def measured(report: Report, cells: Cells) -> list[Measure]:
    """The measures that a table has values of."""
    keys = {key for line in cells.values() for key in line}
    return [measure for measure in report.measures if measure.key in keys]


def rows_of(report: Report, cells: Cells) -> list[Row]:
    """The rows that are in a table."""
    return [row for row in report.rows if row.key in cells]


def column_title(measure: Measure) -> str:
    """Title of a column: name, unit and an arrow towards better values."""
    return f"{measure.title}{f' {measure.unit}' if measure.unit else ''}{_ARROWS[measure.better]}"


def number(value: float, measure: Measure, sign: str = "") -> str:
    """Format a value; a dash if it is not finite."""
    return format(value, f"{sign}{measure.form}") if isfinite(value) else _NOTHING


def with_interval(estimate: Estimate | None, measure: Measure, sign: str = "") -> str:
    """Format an estimate with its interval; a dash without one."""
    if estimate is None:
        return _NOTHING
    mean, low, high = (number(value, measure, sign) for value in (estimate.mean, estimate.low, estimate.high))
    return mean if _NOTHING in (low, high) else f"{mean} [{low}, {high}]"


def verdict(cell: Cell | None, measure: Measure) -> str:
    """``better``, ``worse`` or ``not separable`` from the row's reference; empty if it is not compared."""
    if cell is None or cell.comparison is None:
        return ""
    if not cell.comparison.separable:
        return NOT_SEPARABLE
    return direction(cell.comparison.difference.mean, measure)


def direction(change: float, measure: Measure) -> str:
    """Whether a measure that changed has become ``better`` or ``worse``."""
    return "better" if (change > 0) == (measure.better == "higher") else "worse"


def _marked(cells: Cells, row: Row, measure: Measure) -> str:
    cell = cells[row.key].get(measure.key)
    text = number(cell.estimate.mean, measure) if cell else _NOTHING
    return f"{text} ≈" if verdict(cell, measure) == NOT_SEPARABLE else text
