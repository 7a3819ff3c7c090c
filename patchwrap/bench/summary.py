"""From records of images to the cells of tables."""

from collections.abc import Mapping, Sequence

import numpy as np

from patchwrap.bench.estimate import PerImage, compare, estimate
from patchwrap.bench.journal import Record
from patchwrap.bench.measures import MEASURES
from patchwrap.bench.report import Cell, Cells, Comparison, Measure, Row

ALIGNMENTS = ("own", "coarse", "alike")

Records = Mapping[str, Sequence[Record | None]]
"""By row key, in the order of images."""


def summarize(rows: Sequence[Row], records: Records) -> dict[str, Cells]:
    """Average every measure over images, and compare every row with its reference.

    Args:
        rows: those that did not fail.
        records: of at least these rows.

    Returns:
        Cells by alignment, row and measure, without measures that no image has a value of. ``alike`` is there only if
        rows are aligned by different rules.
    """
    shown = [name for name in ALIGNMENTS if name != "alike" or len({row.alignment for row in rows}) > 1]
    tables = {name: {row.key: _line(row, rows, records, name) for row in rows} for name in shown}
    return {name: cells for name, cells in tables.items() if name == "own" or any(cells.values())}


def _line(row: Row, rows: Sequence[Row], records: Records, alignment: str) -> dict[str, Cell]:
    reference = row.reference if any(other.key == row.reference for other in rows) else None
    cells = {}
    for measure in MEASURES:
        values = _values(records[row.key], alignment, measure)
        if not np.isfinite(values).any():
            continue
        comparison = None
        if reference is not None and measure.statistic != "largest" and measure.better != "neither":
            beside = _values(records[reference], alignment, measure)
            comparison = _compared(values, beside, measure) if np.isfinite(values - beside).any() else None
        cells[measure.key] = Cell(estimate(values, measure.statistic), comparison)
    return cells


def _compared(values: PerImage, beside: PerImage, measure: Measure) -> Comparison:
    """Compare two rows; for measures that are better closer to 1, by their distances from 1."""
    if measure.better == "one":
        values, beside = abs(values - 1), abs(beside - 1)
    return compare(values, beside, measure.statistic)


def _values(records: Sequence[Record | None], alignment: str, measure: Measure) -> PerImage:
    found = [(record or {}).get(alignment, {}).get(measure.key) for record in records]
    return np.array([np.nan if value is None else value for value in found], float)
