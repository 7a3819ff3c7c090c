"""Writes reports to files, and reads them from their JSON."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from patchwrap.bench.markdown import markdown
from patchwrap.bench.page import write_page
from patchwrap.bench.report import Cell, Cells, Comparison, Estimate, Measure, Picture, Report, Row
from patchwrap.bench.spreadsheet import spreadsheet
from patchwrap.errors import OptionError
from patchwrap.io import replacing, write_json

JSON, CSV, MARKDOWN = "report.json", "report.csv", "report.md"


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write a report as JSON, CSV, Markdown and a web page.

    Args:
        report: to write.
        folder: that receives the files; it has the report's pictures.

    Returns:
        The files.

    Raises:
        ImageError: if a picture of the report cannot be read.
        OutputError: if a file cannot be written.
    """
    write_json(folder / JSON, asdict(report))
    for name, text in ((CSV, spreadsheet(report)), (MARKDOWN, markdown(report))):
        with replacing(folder / name) as stream:
            stream.write(text.encode(errors="backslashreplace"))
    return [*(folder / name for name in (JSON, CSV, MARKDOWN)), write_page(report, folder)]


def read_report(path: Path) -> Report:
    """Read a report.

    Args:
        path: of its JSON, or of its folder.

    Raises:
        OptionError: if it is not a report.
    """
    path = path / JSON if path.is_dir() else path
    try:
        return from_json(path.read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OptionError(f"{str(path)!r} is not a report of patchwrap bench: {error}") from error


def from_json(text: str) -> Report:
    """Parse the JSON of ``write_report``, in which null stands for NaN in estimates and p values."""
    fields = json.loads(text)
    return Report(
        **fields
        | {
            "measures": [Measure(**measure) for measure in fields["measures"]],
            "rows": [Row(**row) for row in fields["rows"]],
            "tables": {name: _cells(table) for name, table in fields["tables"].items()},
            "pictures": [Picture(**picture) for picture in fields["pictures"]],
        }
    )


def _cells(table: dict[str, dict[str, Any]]) -> Cells:
    return {row: {key: _cell(cell) for key, cell in line.items()} for row, line in table.items()}


def _cell(cell: dict[str, Any]) -> Cell:
    compared = cell["comparison"]
    if compared is None:
        return Cell(_estimate(cell["estimate"]))
    comparison = Comparison(_estimate(compared["difference"]), _number(compared["p"]), compared["separable"])
    return Cell(_estimate(cell["estimate"]), comparison)


def _estimate(fields: dict[str, Any]) -> Estimate:
    mean, low, high = (_number(fields[name]) for name in ("mean", "low", "high"))
    return Estimate(mean, low, high, fields["images"])


def _number(value: float | None) -> float:
    return math.nan if value is None else value
