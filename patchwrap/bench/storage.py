"""Writes reports to files."""

from dataclasses import asdict
from pathlib import Path

from patchwrap.bench.markdown import markdown
from patchwrap.bench.page import write_page
from patchwrap.bench.report import Report
from patchwrap.bench.spreadsheet import spreadsheet
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
