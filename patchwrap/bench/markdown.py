"""A whole report as one Markdown file."""

from patchwrap.bench.measures import GROUPS
from patchwrap.bench.report import Cells, Measure, Report, Row
from patchwrap.bench.tables import (
    LEGEND,
    column_title,
    compared,
    headline,
    markdown_table,
    measured,
    rows_of,
    scope,
    troubles,
    verdict,
    with_interval,
)

_OF_DISTANCES = "; of columns marked →1 (seams), the difference of the distances from 1"


def markdown(report: Report) -> str:
    """Write headline tables, then every measure with its interval and paired difference, then the rows."""
    parts = [f"# patchwrap bench: {report.data}", _facts(report)]
    parts += ["\n".join(f"- {line}" for line in troubles(report))] if troubles(report) else []
    for name, cells in report.tables.items():
        if any(cells.values()):
            parts += [f"## {scope(report, name)}", markdown_table(*headline(report, cells))]
    parts += [LEGEND] if compared(report) else []
    own = report.tables["own"]
    for group, title in GROUPS.items():
        measures = [measure for measure in measured(report, own) if measure.group == group]
        parts += _group(report, own, measures, title) if measures else []
    return "\n\n".join([*parts, "## Rows", _rows(report), _how()]) + "\n"


def _facts(report: Report) -> str:
    machine, versions = report.machine, ", ".join(f"{name} {text}" for name, text in report.versions.items())
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['accelerator'] or 'no accelerator'}"
    return f"`{report.command}`\n\n{report.date[:10]}, on {where}; {versions}."


def _group(report: Report, cells: Cells, measures: list[Measure], title: str) -> list[str]:
    means = [
        [row.title, *(_mean(cells, row, measure) for measure in measures)] for row in rows_of(report, cells)
    ]
    what = "Mean" if title != GROUPS["cost"] else "Median (warm), mean (cold) or largest (memory)"
    parts = [f"## {title}", f"{what} over images, with its 95 % interval."]
    parts.append(markdown_table(["", *map(column_title, measures)], means))
    rows = [row for row in rows_of(report, cells) if any(_difference(cells, row, measure) for measure in measures)]
    told = [measure for measure in measures if any(_difference(cells, row, measure) for row in rows)]
    if told:
        differences = [[row.title, *(_difference(cells, row, measure) for measure in told)] for row in rows]
        toward_one = any(measure.better == "one" for measure in told)
        parts.append(f"Minus the single pass of the same backend, image by image{_OF_DISTANCES if toward_one else ''}.")
        parts.append(markdown_table(["", *map(column_title, told)], differences))
    return parts


def _mean(cells: Cells, row: Row, measure: Measure) -> str:
    cell = cells[row.key].get(measure.key)
    return with_interval(cell.estimate if cell else None, measure)


def _difference(cells: Cells, row: Row, measure: Measure) -> str:
    cell = cells[row.key].get(measure.key)
    if cell is None or cell.comparison is None:
        return ""
    return f"{with_interval(cell.comparison.difference, measure, '+')} {verdict(cell, measure)}"


def _rows(report: Report) -> str:
    columns = ["row", "backend", "convention", "plan", "fuser", "head", "alignment"]
    rows = [
        [row.title, row.backend, row.convention, row.plan, row.fuser, row.head, row.error or row.alignment]
        for row in report.rows
    ]
    return markdown_table(columns, rows, numbers=False)


def _how() -> str:
    return (
        "Intervals are percentile bootstraps over images; the paired test is a permutation test on the mean "
        "difference, Wilcoxon's signed-rank test where medians are shown. Times: cold is a row's first call in its "
        "process, warm the median of the later ones. Memory is the largest growth of the process's resident memory "
        "during a call. CE: mean disagreement of sixteen overlapping tiles (the same for every plan) as they enter "
        "the fusion, and of the raw tiles as predicted. Seams of a single pass are looked for at the first plan's "
        "tile borders."
    )
