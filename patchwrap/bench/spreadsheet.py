"""A report as CSV: one line for each row, alignment and measure."""

import csv
import io
from math import isfinite
from typing import Any

from patchwrap.bench.report import Cells, Measure, Report, Row
from patchwrap.bench.tables import verdict

COLUMNS = (
    *("row", "title", "backend", "plan", "fuser", "head", "baseline", "convention", "alignment", "error"),
    *("aligned_by", "measure", "unit", "better", "statistic", "value", "low", "high", "images"),
    *("difference", "difference_low", "difference_high", "p", "verdict"),
)


def spreadsheet(report: Report) -> str:
    """Return CSV; undefined values are empty, and a row that failed has one line with its error."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in report.rows:
        facts = {name: getattr(row, name) for name in COLUMNS[1:10]} | {"row": row.key}
        if row.error is not None:
            writer.writerow(facts)
        for name, cells in report.tables.items():
            lines = (_line(cells, row, measure) for measure in report.measures if measure.key in cells.get(row.key, {}))
            writer.writerows(facts | {"aligned_by": name} | line for line in lines)
    return stream.getvalue()


def _line(cells: Cells, row: Row, measure: Measure) -> dict[str, Any]:
    cell = cells[row.key][measure.key]
    line = {name: getattr(measure, name) for name in ("unit", "better", "statistic")} | {"measure": measure.key}
    estimate = cell.estimate
    line |= {"value": estimate.mean, "low": estimate.low, "high": estimate.high, "images": estimate.images}
    if cell.comparison is not None:
        difference = cell.comparison.difference
        line |= {"difference": difference.mean, "difference_low": difference.low, "difference_high": difference.high}
        line |= {"p": cell.comparison.p, "verdict": verdict(cell, measure)}
    return {name: value for name, value in line.items() if not isinstance(value, float) or isfinite(value)}
