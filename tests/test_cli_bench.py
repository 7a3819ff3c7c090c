"""``patchwrap bench``: what it prints, what it writes and how it ends."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchwrap.bench.combination import slug
from patchwrap.cli import main


@pytest.fixture
def pairs(ramp, tmp_path, monkeypatch):
    """Two pictures with depth; the second too bright for the backend moody. The working folder."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    depth = np.repeat(np.linspace(4, 2, 48, dtype=np.float32)[:, None], 64, 1)
    for name, grey in (("a", 50), ("b", 250)):
        Image.new("RGB", (64, 48), (grey,) * 3).save(f"in/{name}.png")
        np.save(f"in/{name}.npy", depth)
    return tmp_path


def bench(*arguments, data="in", out="out"):
    return main(["bench", "--data", data, "--plans", "2x2", "-o", out, *arguments])


def test_tables_go_to_stdout_and_progress_to_stderr(pairs, capsys):
    assert bench("--backends", "ramp") == 0
    told = capsys.readouterr()
    assert "AbsRel" in told.out and "2x2: plane fit + screened Poisson" in told.out
    assert "not separable" in told.out and "shows drift" in told.out
    lines = told.err.splitlines()
    assert lines[0] == "0 of 1: loading ramp" and "0 of 10: single pass on a" in lines
    assert lines[-1] == "out: report.csv, report.html, report.json, report.md"
    assert {path.name for path in Path("out").iterdir()} >= {"report.md", "report.csv", "report.json", "pictures"}
    assert all("not separable" in Path("out", name).read_text() for name in ("report.md", "report.csv"))


def test_a_second_run_measures_nothing_again(pairs, capsys):
    bench("--backends", "ramp", "-q")
    assert capsys.readouterr() == ("", "")
    assert bench("--backends", "ramp") == 0
    told = capsys.readouterr()
    assert " on a" not in told.err and "AbsRel" in told.out


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_output_in_an_encoding_that_lacks_arrows(pairs, monkeypatch, words):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr("sys.stdout", stream)
    assert bench("--backends", "ramp", *words) == 0
    stream.flush()
    told = stream.buffer.getvalue().decode("cp1252")
    if words:
        assert json.loads(told) == json.loads(Path("out/report.json").read_text("utf-8"))
    else:
        assert "AbsRel ?" in told


def test_json_is_the_reports(pairs, capsys):
    assert bench("--backends", "ramp", "--json", "--count", "1", "--heads", "none,auto", "--pictures", "0") == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads(Path("out/report.json").read_text("utf-8"))
    assert len(report["images"]) == 1 and report["pictures"] == []
    assert report["command"].startswith("patchwrap bench --backends ramp --data in --plans 2x2")
    assert "--count 1" in report["command"] and "--pictures 0" in report["command"]


def test_what_fails_is_told_and_the_rest_is_done(pairs, capsys):
    Path("in/c.png").write_bytes(b"torn")
    np.save("in/c.npy", np.ones((48, 64), np.float32))
    assert bench("--backends", "ramp,moody,ramp=broken,nobody", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["images"] == ["a", "b"] and list(report["left_out"]) == ["c"]
    errors = {row["key"]: row["error"] for row in report["rows"] if row["error"]}
    assert "deliberate" in errors[slug("ramp=broken")] and "nobody" in errors["nobody"]
    assert errors["moody-single"] == "b: KeyError: 'moody\\ntwo lines'"
    assert "ramp-single" in report["tables"]["own"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--backends", "nobody"],
        ["--backends", ","],
        ["--backends", "ramp", "--plans", "p17"],
        ["--backends", "ramp", "--fusers", "glue"],
        ["--backends", "ramp", "--heads", "mine"],
        ["--backends", "ramp", "--count", "0"],
        ["--backends", "ramp", "--device", "abacus"],
        ["--backends", "ramp", "--data", "nowhere"],
        ["--backends", "ramp", "--data", "generated:0"],
        ["--backends", "ramp", "-o", "in/a.png"],
    ],
)
def test_impossible_options_begin_nothing(pairs, capsys, arguments):
    try:
        code = bench(*arguments)
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert "error: " in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_misspelt_backend_is_told_before_another_is_loaded(pairs, capsys):
    assert bench("--backends", "ramp,rmap", "--plans", "none", "--count", "1") == 1
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: ") and "rmap" in first and second == "0 of 2: loading ramp"


def test_a_misspelt_backend_is_not_told_twice_if_quiet(pairs, capsys, caplog):
    assert bench("--backends", "ramp,rmap", "--plans", "none", "--count", "1", "-q") == 1
    assert "rmap" not in capsys.readouterr().err and caplog.text.count("backend 'rmap' fails") == 1


def test_a_mixture_is_refused(pairs, capsys):
    Path("in/b.npy").unlink()
    assert bench("--backends", "ramp") == 2
    assert "mixed: 1 images with depth (such as 'a') and 1 without (such as 'b')" in capsys.readouterr().err


def test_a_public_data_set_is_measured_where_its_papers_do(pairs, write, paint, capsys):
    far = np.repeat(np.linspace(4, 2, 480)[:, None], 640, 1) * 1000
    far[:45] = 9000
    paint(Path("nyu/den/rgb_00001.jpg"), (480, 640))
    write(Path("nyu/den/sync_depth_00001.png"), far)
    write(Path("nyu/den/sync_depth_00002.png"), far)
    assert bench("--backends", "ramp", "--json", data="nyuv2:nyu") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["images"] == ["den/rgb_00001"] and "--data nyuv2:nyu" in report["command"]
    # Outside Eigen's crop the backend, which sees a ramp from 4 m to 2 m, would be far off.
    assert report["tables"]["own"]["ramp-single"]["abs_rel"]["estimate"]["mean"] < 0.03


def test_photos_alone(pairs, capsys):
    for path in Path("in").glob("*.npy"):
        path.unlink()
    assert bench("--backends", "ramp,affine") == 0
    told = capsys.readouterr().out
    assert "CE relative" in told and "off coarse" in told and "AbsRel" not in told and "drift" not in told


def test_verbose_shows_tracebacks(pairs, capsys):
    assert bench("--backends", "moody") == 1
    assert "Traceback" not in capsys.readouterr().err
    assert bench("--backends", "moody", "-v") == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c(pairs, capsys, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("patchwrap.bench.backend_run.measure", interrupt)
    assert bench("--backends", "ramp") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"
