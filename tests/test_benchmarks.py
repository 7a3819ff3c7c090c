"""The benchmarks measure, resume and render; on a fake whose tiles see what the whole image does not."""

import argparse
import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from patchwrap.bench.runner import bench
from patchwrap.convention import DepthConvention

FOLDER = Path(__file__).parents[1] / "benchmarks"


class Blurry:
    """Reads depth painted as brightness, blurred to an eighth of the size it sees it at."""

    convention = DepthConvention("depth", "scale")
    processing = (96, 160)
    multiple = 1

    def predict(self, images):
        grey = images.mean(1, keepdim=True)
        small = interpolate(grey, scale_factor=1 / 8, mode="area")
        return 0.3 * torch.exp(3 * interpolate(small, images.shape[2:], mode="bilinear"))


@pytest.fixture
def module(monkeypatch):
    """Imports a benchmark as a script does, and forgets it again."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    names = {path.stem for path in FOLDER.glob("*.py")}
    for name in (set(sys.modules) - before) & names:
        del sys.modules[name]


@pytest.fixture
def data(tmp_path):
    """Two pictures beside their depth."""
    folder = tmp_path / "data"
    folder.mkdir()
    for seed in range(2):
        draw = np.random.default_rng(seed)
        grey = np.repeat(np.linspace(60, 200, 192)[:, None], 320, axis=1)
        for _ in range(12):
            top, left = draw.integers(0, (170, 290))
            grey[top : top + 20, left : left + 12] = draw.integers(20, 250)
        Image.fromarray(np.repeat(grey[..., None], 3, 2).astype(np.uint8)).save(folder / f"{seed}.png")
        depth = np.exp(3 * (grey // 1) / 255).astype(np.float32)
        depth[:10] = np.inf
        np.save(folder / f"{seed}.npy", depth)
    return folder


def test_quality_ranks_fused_above_coarse(module, data, tmp_path, monkeypatch):
    quality = module("quality")
    monkeypatch.setattr(quality, "bench", lambda backend, *words, **options: bench(Blurry(), *words, **options))
    quality.main(["--data", str(data), "--plan", "p16", "--results", str(tmp_path / "results"), "--name", "quality"])
    result = module("report").Result.read(tmp_path / "results" / "quality.json")
    assert set(result.tables) == {"quality", "quality_drift", "quality_aims"}
    own = result.data["own"]
    assert set(own) == {"single", "double", "average", "minmax", "blend", "poisson"}
    assert own["poisson"]["rmse"]["mean"] < own["single"]["rmse"]["mean"]
    assert own["poisson"]["boundary4"]["mean"] > own["single"]["boundary4"]["mean"]
    assert own["poisson"]["rmse"]["minus_coarse"]["difference"]["high"] < 0
    table = result.tables["quality"]
    assert {"RMSE m ↓", "F1 4 px ↑", "SEE m ↓", "seam →1", "CE relative ↓"} <= set(table.columns)
    assert [row[0] for row in table.rows] == list(quality.ROWS.values())[:6]
    assert len(result.tables["quality_aims"].rows) == 6
    assert result.options["data"] == "data" and result.options["plan"] == "p16"
    assert (tmp_path / "results" / "quality" / "report.md").exists()


def test_a_row_that_fails_fails_the_benchmark(module, data, tmp_path):
    with pytest.raises(SystemExit, match="no-such-backend"):
        module("quality").main(["--data", str(data), "--backend", "no-such-backend", "--results", str(tmp_path)])


def test_sizes_times_every_photo_and_way(module, tmp_path):
    sizes = module("sizes")
    picture = np.random.default_rng(0).integers(0, 255, (192, 320, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    photos = {size: sizes.photo(tmp_path / "photo.png", size) for size in (0.01, 0.05)}
    assert [picture.shape for picture in photos.values()] == [(77, 129, 3), (173, 289, 3)]
    options = argparse.Namespace(repeats=2, plans=("auto", "2x2"), backend="blurry=a/b")
    found = sizes.measure(photos, Blurry(), options)
    assert [len(found[size][way]) for size in ("0.01", "0.05") for way in ("one pass", "auto", "2x2")] == [2] * 6
    table = sizes.summarize(found, photos, options).tables["sizes"]
    columns = [f"{plan}, {what}" for plan in ("auto", "2x2") for what in ("s", "tiles", "tiles/s")]
    assert table.columns == ["photo", "one pass, s", *columns]
    assert [row[0] for row in table.rows] == ["0.01 MP (129x77)", "0.05 MP (289x173)"]
    assert [row[6] for row in table.rows] == ["9", "9"] and table.rows[0][3:5] == ["0", "–"]


def test_the_bare_loop_predicts_the_same_tiles(module):
    picture = np.random.default_rng(0).integers(0, 255, (192, 320, 3), np.uint8)
    outputs = module("bare").bare_loop(picture, Blurry(), "p16", 3, torch.device("cpu"))
    assert len(outputs) == 16
    assert all(output.shape == Blurry.processing for output in outputs)


@pytest.fixture
def result(module):
    report = module("report")
    table = report.Table("title", ["", "x"], [["a", "1.0"], ["b", "2.0"]])
    return report.Result.now("demo", {"count": 2}, {"demo": table}, {"raw": [1, 2]})


def test_a_result_says_how_to_get_it_again(module, result, tmp_path):
    path = result.write(tmp_path)
    assert module("report").Result.read(path) == result
    fields = json.loads(path.read_text())
    assert {"command", "commit", "date", "machine", "versions", "options"} <= set(fields)


def test_tables_are_rendered_between_their_marks(module, result, tmp_path):
    render = module("render_tables")
    result.write(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- table:demo -->\nold\n<!-- /table -->\nafter\n")
    words = ["--readme", str(readme), "--results", str(tmp_path)]
    with pytest.raises(SystemExit, match="README tables differ"):
        render.main([*words, "--check"])
    render.main(words)
    render.main([*words, "--check"])
    text = readme.read_text()
    assert "| b | 2.0 |" in text and "old" not in text and text.endswith("after\n")
    readme.write_text("<!-- table:other -->\n<!-- /table -->")
    with pytest.raises(SystemExit, match="'other'"):
        render.main(words)


def test_changes_name_the_cell(module, result):
    changes, table = module("run_all").changes, module("report").Table
    other = type(result)(**{**result.__dict__, "tables": {"demo": table("t", ["", "x"], [["a", "1.5"], ["b", "2.0"]])}})
    assert changes(result, result) == ["demo: every number as committed."]
    assert changes(result, other) == ["demo, a, x: 1.0 -> 1.5"]
    assert "1 of 2 numbers changed." in module("run_all").summary({"demo": result}, [other])
    short = type(result)(**{**result.__dict__, "options": {"count": 1}})
    assert "other count" in changes(result, short)[0]
    assert changes(None, result) == ["demo: no committed result."]
    assert module("run_all").summary({}, [result]) == "0 of 0 numbers changed; not compared: demo."


def test_columns_are_compared_by_their_names(module, result):
    changes, table = module("run_all").changes, module("report").Table
    tables = {"demo": table("t", ["", "y", "x"], [["a", "7", "1.0"]])}
    other = type(result)(**{**result.__dict__, "tables": tables})
    assert changes(result, other) == ["demo, a, y: new -> 7", "demo, b, x: 2.0 -> gone"]


def test_disparity_becomes_depth_with_a_median_of_five(module):
    depth = module("stranger").from_disparity(np.array([[1, 2, 4], [8, np.inf, 0]]))
    np.testing.assert_allclose(depth[0] * [1, 2, 4], 15)
    assert depth[1, 0] == 1.875 and np.isnan(depth[1, 1:]).all()


SCRIPTS = (
    "quality", "defaults", "overhead", "memory", "sizes", "stranger",
    "installed", "transformers_speed", "train_depth_anything", "run_all", "render_tables",
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_help(module, name, capsys):
    with pytest.raises(SystemExit, match="0"):
        module(name).main(["--help"])
    assert "usage" in capsys.readouterr().out


def test_a_strangers_network_is_compared(module, tmp_path, monkeypatch):
    stranger = module("stranger")
    monkeypatch.setattr(stranger, "onnx_network", lambda path: Blurry().predict)
    scene = tmp_path / "scenes" / "one"
    scene.mkdir(parents=True)
    grey = np.random.default_rng(0).integers(60, 200, (12, 20), np.uint8).repeat(16, 0).repeat(16, 1)
    Image.fromarray(grey).convert("RGB").save(scene / "image.png")
    np.save(scene / "gt.npy", np.exp(-3 * (grey / 255)).astype(np.float32))
    words = ["net.onnx", str(tmp_path / "scenes"), "--plan", "2x2", "--processing", "96", "160"]
    stranger.main([*words, "--results", str(tmp_path / "results")])
    table = module("report").Result.read(tmp_path / "results" / "stranger.json").tables["stranger"]
    assert table.title == "net.onnx on 1 real scenes"
    errors = {row[0]: float(row[table.columns.index("AbsRel ↓")].split()[0]) for row in table.rows}
    assert errors["2x2: plane fit + screened Poisson"] < errors["single pass"]


def test_memory_is_weighed_in_processes_of_their_own(module):
    result = module("memory").measure((120, 160), (200,))
    tiles = [(case["plan"], case["tiles"]) for case in result.data["cases"]]
    assert tiles == [("p16", 16), ("p49", 49), ("p49+r64", 113), ("slide:512x384", 1)]
    assert all(case["beyond"] > 0 for case in result.data["cases"])
    assert [row[0] for row in result.tables["memory"].rows] == ["160x120"] * 3 + ["160x200, mapped"]


def test_a_missing_onnxruntime_is_named(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SystemExit, match="pip install onnxruntime"):
        module("stranger").onnx_network(Path("network.onnx"))


def test_no_benchmark_names_a_folder_of_one_machine():
    for path in FOLDER.rglob("*"):
        if path.suffix in (".py", ".json"):
            assert "/work/" not in path.read_text() and "/home/" not in path.read_text()
