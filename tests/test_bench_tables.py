"""The report in every format, on numbers that can be checked by eye."""

import csv
import io
import json
import math
from dataclasses import asdict, replace

import pytest
from rich.console import Console

from patchwrap.bench.markdown import markdown
from patchwrap.bench.report import Cell, Comparison, Estimate, Measure, Picture, Report, Row
from patchwrap.bench.spreadsheet import spreadsheet
from patchwrap.bench.storage import write_report
from patchwrap.bench.tables import NOT_SEPARABLE, column_title, headline, markdown_table, rich_table, show, verdict
from patchwrap.io.files import to_json

NAN = math.nan
ERROR = Measure("abs_rel", "AbsRel", group="depth", headline=True)
SHARE = Measure("delta1", "δ1", "higher", group="depth", headline=True)
SEAM = Measure("seam", "seam", "one", ".2f", group="tiles", headline=True)
TIME = Measure("seconds", "warm", form=".1f", unit="s", group="cost", statistic="median")


def cell(mean, difference=None, separable=False):
    estimate = Estimate(mean, mean - 0.1, mean + 0.1, 8)
    if difference is None:
        return Cell(estimate)
    return Cell(estimate, Comparison(Estimate(difference, difference - 0.01, difference + 0.01, 8), 0.25, separable))


@pytest.fixture
def report():
    rows = [
        Row("n-single", "single pass", "n", baseline=True, convention="depth:scale", alignment="one factor"),
        Row("n-2x2", "2x2 | blend", "n", "2x2", "blend", reference="n-single", convention="depth:scale"),
        Row("ghost", "ghost", "ghost", error="no such backend"),
    ]
    own = {
        "n-single": {"abs_rel": cell(0.5), "delta1": cell(0.5), "seam": cell(1.0), "seconds": cell(0.2)},
        "n-2x2": {
            "abs_rel": cell(0.4, -0.1, True),
            "delta1": cell(0.505, 0.005),
            "seam": cell(0.7, 0.3, True),
            "seconds": Cell(Estimate(0.9, NAN, NAN, 1), Comparison(Estimate(0.7, NAN, NAN, 1), NAN, False)),
        },
    }
    return Report(
        command="patchwrap bench --backends n,ghost",
        date="2026-11-22T21:00:00Z",
        options={"seed": 0},
        machine={"processor": "abacus", "cores": 2, "accelerator": None},
        versions={"patchwrap": "0.1.0"},
        data="slopes",
        images=["a", "b"],
        measures=[ERROR, SHARE, SEAM, TIME],
        rows=rows,
        tables={"own": own, "coarse": {"n-single": {"abs_rel": cell(0.5)}, "n-2x2": {"abs_rel": cell(0.45, -0.05)}}},
        records=[{"image": "a", "row": "n-single", "own": {"abs_rel": None}}],
        pictures=[Picture("a", "pictures/a.jpg", None, {"n-single": "pictures/b.jpg"})],
        left_out={"torn": "is damaged"},
    )


def test_titles():
    assert [column_title(one) for one in (ERROR, SHARE, SEAM, TIME)] == ["AbsRel ↓", "δ1 ↑", "seam →1", "warm s ↓"]
    assert column_title(Measure("x", "off", "neither")) == "off"


def test_the_headline_marks_what_is_not_separable(report):
    columns, rows = headline(report, report.tables["own"])
    assert columns == ["", "AbsRel ↓", "δ1 ↑", "seam →1"]
    assert rows == [["single pass", "0.5000", "0.5000", "1.00"], ["2x2 | blend", "0.4000", "0.5050 ≈", "0.70"]]


def test_verdicts(report):
    own = report.tables["own"]
    told = [verdict(own["n-2x2"][one.key], one) for one in report.measures]
    assert told == ["better", NOT_SEPARABLE, "worse", NOT_SEPARABLE]
    assert verdict(own["n-single"]["abs_rel"], ERROR) == ""
    # A higher share is better; a seam nearer to 1 in most images, wherever the means lie.
    assert verdict(cell(0.6, 0.1, True), SHARE) == verdict(cell(0.7, -0.2, True), SEAM) == "better"


def test_the_terminal_says_it_all(report):
    stream = io.StringIO()
    show(report, Console(file=stream, width=160))
    text = stream.getvalue()
    assert "2 images of slopes" in text and "shows drift" in text
    assert "0.5050 ≈" in text and f"≈ {NOT_SEPARABLE}" in text
    assert "failed: ghost: no such backend" in text and "left out: torn: is damaged" in text


def test_square_brackets_are_no_markup(report):
    stream = io.StringIO()
    console = Console(file=stream, width=160)
    console.print(rich_table("shots [final]", ["", "[b]"], [["onnx=m[int8].onnx", "[red]1"]]))
    text = stream.getvalue()
    assert all(part in text for part in ("shots [final]", "[b]", "onnx=m[int8].onnx", "[red]1"))


def test_markdown_says_it_all(report):
    text = markdown(report)
    assert "of columns marked →1 (seams), the difference of the distances from 1" in text
    assert "| 2x2 \\| blend | 0.4000 | 0.5050 ≈ | 0.70 |" in text
    assert "| 2x2 \\| blend | 0.4000 [0.3000, 0.5000] | 0.5050 [0.4050, 0.6050] |" in text
    assert "-0.1000 [-0.1100, -0.0900] better | +0.0050 [-0.0050, +0.0150] not separable |" in text
    assert "| 2x2 \\| blend | 0.9 |" in text and "+0.7 not separable" in text
    assert "- failed: ghost: no such backend" in text and "- left out: torn" in text
    assert "one factor" in text and report.command in text and "abacus, 2 cores, no accelerator" in text


def test_csv_has_a_line_a_number(report):
    lines = list(csv.DictReader(io.StringIO(spreadsheet(report))))
    assert len(lines) == 8 + 2 + 1
    first = next(line for line in lines if line["row"] == "n-2x2" and line["measure"] == "abs_rel")
    assert (first["aligned_by"], first["value"], first["verdict"], first["p"]) == ("own", "0.4", "better", "0.25")
    assert {line["verdict"] for line in lines} == {"", "better", "worse", NOT_SEPARABLE}
    assert lines[-1]["error"] == "no such backend" and lines[-1]["measure"] == ""
    time = next(line for line in lines if line["row"] == "n-2x2" and line["measure"] == "seconds")
    assert (time["value"], time["low"], time["p"], time["statistic"]) == ("0.9", "", "", "median")


def test_json_holds_the_whole_report(report, tmp_path):
    report = replace(report, pictures=[])
    paths = write_report(report, tmp_path)
    assert [path.name for path in paths] == ["report.json", "report.csv", "report.md", "report.html"]
    assert all(path.stat().st_size for path in paths)
    text = (tmp_path / "report.json").read_text("utf-8")
    assert "NaN" not in text
    fields = json.loads(text)
    assert fields["tables"]["own"]["n-2x2"]["seconds"]["comparison"]["p"] is None
    assert fields["tables"]["own"]["n-2x2"]["delta1"]["comparison"]["separable"] is False
    assert fields == json.loads(to_json(asdict(report)))


def test_without_comparison_there_is_no_legend(report):
    alone = replace(report, rows=report.rows[:1], tables={"own": {"n-single": {"abs_rel": cell(0.5)}}}, left_out={})
    assert NOT_SEPARABLE not in markdown(alone) and "Minus" not in markdown(alone)


def test_words_stand_left_and_numbers_right():
    assert markdown_table(["", "x"], [["a", "1"]]) == "|  | x |\n| --- | ---: |\n| a | 1 |"
    assert markdown_table(["", "x"], [["<lambda>", "a|b"]]).splitlines()[2] == r"| &lt;lambda> | a\|b |"
    assert markdown_table(["", "x"], [["a", "b"]], numbers=False).splitlines()[1] == "| --- | --- |"
