"""The report as a single web page that needs neither server, network nor other files."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.resources import files
from math import isfinite
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from PIL import Image

from patchwrap.bench.pictures import error_scale
from patchwrap.bench.report import Cell, Cells, Estimate, Measure, Picture, Report
from patchwrap.bench.tables import direction
from patchwrap.errors import ImageError
from patchwrap.io.files import replacing, to_json

NAME = "report.html"
_PLACE = "<!-- data -->\n"
"""Place of the report in the template."""


def write_page(report: Report, folder: Path) -> Path:
    """Write ``report.html``.

    Args:
        report: what to show.
        folder: that has the report's pictures and receives the page.

    Returns:
        The page's path.

    Raises:
        ImageError: if a picture of the report cannot be read.
        OutputError: if the page cannot be written.
    """
    before, after = files(__package__).joinpath("page.html").read_text("utf-8").split(_PLACE)
    path = folder / NAME
    with replacing(path) as stream:
        for part in (before, *_data(report, folder), after):
            stream.write(part.encode())
    return path


def _data(report: Report, folder: Path) -> Iterator[str]:
    """Yield the report's numbers, then the pictures of each image on their own: the page parses only those it shows."""
    yield _script("report", _numbers(report, folder))
    for index, picture in enumerate(report.pictures):
        yield _script(f"picture-{index}", _embedded(picture, folder))


def _script(name: str, content: dict[str, Any]) -> str:
    # Only "<" can end a script element; in JSON it occurs in strings only, where it can be escaped.
    text = to_json(content).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _numbers(report: Report, folder: Path) -> dict[str, Any]:
    measures = {measure.key: measure for measure in report.measures}
    tables = {name: _table(cells, measures) for name, cells in report.tables.items()}
    pictures = [_outline(picture, folder) for picture in report.pictures]
    colors, largest = error_scale()
    shown = {"tables": tables, "pictures": pictures, "errorScale": {"colors": colors, "largest": f"{largest:.0%}"}}
    return asdict(replace(report, tables={}, records=[], pictures=[])) | shown


def _table(cells: Cells, measures: dict[str, Measure]) -> dict[str, Any]:
    return {
        row: {key: _cell(cell, measures[key]) for key, cell in line.items() if key in measures}
        for row, line in cells.items()
    }


def _cell(cell: Cell, measure: Measure) -> dict[str, Any]:
    """A cell's numbers, and as text as well: JavaScript does not know Python's format specifications."""
    shown = _estimate(cell.estimate, measure)
    if cell.comparison is None or not isfinite(cell.comparison.difference.mean):
        return shown
    difference = cell.comparison.difference
    return shown | {
        "separable": cell.comparison.separable,
        "difference": _number(difference.mean, measure.form, "+"),
        "differenceRange": _range(difference, measure.form, "+"),
        "p": _number(cell.comparison.p, ".2g"),
        "verdict": _verdict(cell, measure),
    }


def _estimate(estimate: Estimate, measure: Measure) -> dict[str, Any]:
    text = {"text": _number(estimate.mean, measure.form), "range": _range(estimate, measure.form)}
    return asdict(estimate) | text


def _verdict(cell: Cell, measure: Measure) -> str:
    """Whether the row is ``better`` or ``worse`` than its reference; empty if the measure has no direction."""
    change = cell.comparison.difference.mean if cell.comparison else 0.0
    if measure.better == "neither" or change == 0:
        return ""
    return direction(change, measure)


def _number(value: float, form: str, sign: str = "") -> str:
    if not isfinite(value):
        return "–"
    return f"{'−' if value < 0 else sign}{abs(value):{form}}"


def _range(estimate: Estimate, form: str, sign: str = "") -> str:
    if not (isfinite(estimate.low) and isfinite(estimate.high)):
        return ""
    between = " to " if sign or estimate.low < 0 else "–"
    return f"{_number(estimate.low, form, sign)}{between}{_number(estimate.high, form, sign)}"


def _outline(picture: Picture, folder: Path) -> dict[str, Any]:
    """Facts of an image's pictures without their pixels."""
    try:
        with Image.open(folder / picture.photo) as photo:
            width, height = photo.size
    except OSError as error:
        raise _unreadable(folder / picture.photo, error) from error
    kept = {"depths": list(picture.depths), "errors": list(picture.errors), "truth": picture.truth is not None}
    return {"name": picture.name, "width": width, "height": height, **kept}


def _embedded(picture: Picture, folder: Path) -> dict[str, Any]:
    def all_of(pictures: dict[str, str]) -> dict[str, str]:
        return {key: _uri(folder / name) for key, name in pictures.items()}

    return {
        "photo": _uri(folder / picture.photo),
        "truth": _uri(folder / picture.truth) if picture.truth is not None else None,
        "depths": all_of(picture.depths),
        "errors": all_of(picture.errors),
    }


def _uri(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    return f"data:{guess_type(path.name)[0] or 'image/jpeg'};base64,{b64encode(content).decode()}"


def _unreadable(path: Path, error: OSError) -> ImageError:
    return ImageError(f"cannot read {str(path)!r}, which the report shows: {error.strerror or error}")
