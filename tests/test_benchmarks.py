"""The benchmarks measure, resume and render; on a fake whose tiles see what the whole image does not."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

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
    """Two pictures beside their depth, one as .npy and one as .npz."""
    folder = tmp_path / "data"
    folder.mkdir()
    for seed, suffix in enumerate(("npy", "npz")):
        draw = np.random.default_rng(seed)
        grey = np.repeat(np.linspace(60, 200, 192)[:, None], 320, axis=1)
        for _ in range(12):
            top, left = draw.integers(0, (170, 290))
            grey[top : top + 20, left : left + 12] = draw.integers(20, 250)
        Image.fromarray(np.repeat(grey[..., None], 3, 2).astype(np.uint8)).save(folder / f"{seed}.png")
        depth = np.exp(3 * (grey // 1) / 255).astype(np.float32)
        depth[:10] = np.inf
        np.save(folder / f"{seed}.npy", depth) if suffix == "npy" else np.savez(folder / f"{seed}.npz", depth=depth)
    return folder


def quality_run(module, data, journal, keys=None):
    quality, contestants = module("quality"), module("contestants")
    from rich.console import Console

    samples = module("heldout").folder_samples(data)
    rows = contestants.contestants(Blurry(), "p16", keys)
    quality.measure_all(samples, rows, "p16", journal, Console(quiet=True))
    return quality.summarize("quality", {"plan": "p16"}, [sample.name for sample in samples], rows, journal)


def test_quality_ranks_fused_above_coarse(module, data, tmp_path):
    journal = module("journal").Journal(tmp_path / "quality.jsonl", {"run": 1})
    result = quality_run(module, data, journal)
    own = result.data["own"]
    assert set(own) == {"coarse", "double", "average", "minmax", "blend", "poisson"}
    assert own["poisson"]["rmse"]["mean"] < own["coarse"]["rmse"]["mean"]
    assert own["poisson"]["boundary4"]["mean"] > own["coarse"]["boundary4"]["mean"]
    assert own["poisson"]["rmse"]["minus_coarse"]["high"] < 0
    assert own["coarse"]["rmse"]["minus_coarse"]["mean"] == 0
    assert own["coarse"]["rmse"] == result.data["coarse"]["coarse"]["rmse"]
    assert [row[0] for row in result.tables["quality"].rows][-1] == "plane fit + screened Poisson"
    assert len(result.tables["quality_aims"].rows) == 6


def test_an_interrupted_run_goes_on(module, data, tmp_path):
    path = tmp_path / "quality.jsonl"
    journal = module("journal").Journal(path, {"run": 1})
    first = quality_run(module, data, journal, ["coarse", "poisson"])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:3]) + "\n" + lines[3][:40])
    resumed = module("journal").Journal(path, {"run": 1})
    assert len(path.read_text().splitlines()) == 3
    second = quality_run(module, data, resumed, ["coarse", "poisson"])
    assert len(path.read_text().splitlines()) == len(lines)
    poisson = [result.data["own"]["poisson"]["abs_rel"]["mean"] for result in (first, second)]
    assert poisson[0] == pytest.approx(poisson[1])


def test_a_journal_of_another_run_is_begun_anew(module, tmp_path):
    journal = module("journal").Journal(tmp_path / "a.jsonl", {"plan": "p16"})
    journal.add({"image": "x", "row": "coarse"})
    assert ("x", "coarse") in module("journal").Journal(tmp_path / "a.jsonl", {"plan": "p16"})
    assert ("x", "coarse") not in module("journal").Journal(tmp_path / "a.jsonl", {"plan": "p49"})


def test_behaviour_tells_networks_apart(module):
    behaviour = module("contestants").behaviour

    class Other(Blurry):
        def predict(self, images):
            return super().predict(images) ** 1.1

    assert behaviour(Blurry()) == behaviour(Blurry()) != behaviour(Other())


def test_the_bare_loop_predicts_the_same_tiles(module):
    picture = np.random.default_rng(0).integers(0, 255, (192, 320, 3), np.uint8)
    outputs = module("bare").bare_loop(picture, Blurry(), "p16", 3, torch.device("cpu"))
    assert len(outputs) == 16
    assert all(output.shape == Blurry.processing for output in outputs)


def test_bootstrap(module):
    mean = module("bootstrap").Mean
    values = np.random.default_rng(1).normal(5, 1, 400)
    measured = mean.of(np.append(values, np.nan))
    assert measured.images == 400
    # The textbook's interval: mean plus and minus 1.96 standard errors.
    error = 1.96 * values.std() / 20
    assert (measured.low, measured.high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.02)
    assert mean.of(np.array([np.nan])).images == 0


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
    short = type(result)(**{**result.__dict__, "options": {"count": 1}})
    assert "other count" in changes(result, short)[0]
    assert changes(None, result) == ["demo: no committed result."]


def test_pfm_and_disparity_become_depth(module, tmp_path):
    stranger = module("stranger")
    values = np.array([[1, 2, 4], [8, np.inf, 0]], "<f4")
    path = tmp_path / "disp0.pfm"
    path.write_bytes(b"Pf\n3 2\n-1\n" + values[::-1].tobytes())
    np.testing.assert_array_equal(stranger.read_pfm(path), values)
    depth = stranger.from_disparity(values, 0.0)
    assert np.isinf(depth[1, 1:]).all()
    np.testing.assert_allclose(depth[0] * values[0], depth[0, 0])


@pytest.mark.parametrize(
    "name",
    ["quality", "overhead", "memory", "stranger", "installed", "run_all", "render_tables", "transformers_speed"],
)
def test_help(module, name, capsys):
    with pytest.raises(SystemExit, match="0"):
        module(name).main(["--help"])
    assert "usage" in capsys.readouterr().out


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
