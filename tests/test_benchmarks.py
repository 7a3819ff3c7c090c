"""The benchmarks measure, resume and render; on a fake whose tiles see what the whole image does not."""

import argparse
import importlib
import json
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from patchwrap import load_backend, predict
from patchwrap.bench import backend_run
from patchwrap.bench.report import Measure, Report, Row
from patchwrap.bench.runner import bench
from patchwrap.convention import DepthConvention
from patchwrap.datasets import Sample
from patchwrap.datasets.heldout import generated_samples
from patchwrap.io import Photo
from patchwrap.metrics import align, depth_metrics
from patchwrap.plugins import registered_backends
from patchwrap.scenes import Renderer

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
def unstamped(monkeypatch):
    """Records without fingerprints, which only another run in the same folder would read."""
    monkeypatch.setattr(backend_run, "fingerprint", lambda *_: "")


@pytest.fixture
def placed(module, monkeypatch):
    """Results name the device that they were made on as accelerator, though this machine may have none."""
    monkeypatch.setattr(module("report"), "machine", lambda device="auto": {"accelerator": device})


@pytest.fixture
def quick(unstamped, monkeypatch):
    """Measures without the consistency of tiles, which tables of checkpoints do not show."""
    monkeypatch.setattr(backend_run.Subject, "tile_consistency", lambda *_: {})


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


def test_quality_ranks_fused_above_coarse(module, data, tmp_path, monkeypatch, placed):
    quality = module("quality")
    blurry = partial(bench, Blurry())
    monkeypatch.setattr(module("report"), "bench", lambda backend, *words, **options: blurry(*words, **options))
    words = ["--data", str(data), "--plan", "p16", "--device", "cpu", "--name", "quality"]
    quality.main([*words, "--results", str(tmp_path / "results")])
    result = module("report").Result.read(tmp_path / "results" / "quality.json")
    assert set(result.tables) == {"quality", "quality_drift", "quality_aims"}
    assert result.machine == {"accelerator": "cpu"}
    own = result.data["own"]
    assert set(own) == {"single", "double", "average", "minmax", "blend", "poisson"}
    assert own["poisson"]["rmse"]["mean"] < own["single"]["rmse"]["mean"]
    assert own["poisson"]["boundary4"]["mean"] > own["single"]["boundary4"]["mean"]
    assert own["poisson"]["rmse"]["minus_coarse"]["difference"]["high"] < 0
    table = result.tables["quality"]
    assert {"RMSE m ↓", "F1 4 px ↑", "SEE m ↓", "seam →1", "CE relative ↓"} <= set(table.columns)
    assert [row[0] for row in table.rows] == [title for key, title in quality.ROWS.items() if key in own]
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


def test_the_bare_loop_predicts_what_patchwrap_does(module):
    class Counting(Blurry):
        mirror = True

        def __init__(self):
            self.seen = 0

        def predict(self, images):
            self.seen += len(images)
            return super().predict(images)

    picture = np.random.default_rng(0).integers(0, 255, (192, 320, 3), np.uint8)
    for mirror in (False, True):
        ours, bare = Counting(), Counting()
        ours.mirror = bare.mirror = mirror
        predict(picture, ours, plan="p16", device="cpu")
        module("bare").bare_loop(picture, bare, "p16", 3, torch.device("cpu"))
        assert ours.seen == bare.seen == 17 + mirror


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
    readme.write_text("before\n<!-- table:demo -->\n| an earlier row |\n<!-- /table -->\nafter\n")
    words = ["--pages", str(readme), "--results", str(tmp_path)]
    with pytest.raises(SystemExit, match="Tables differ"):
        render.main([*words, "--check"])
    render.main(words)
    render.main([*words, "--check"])
    text = readme.read_text()
    assert "| b | 2.0 |" in text and "an earlier row" not in text and text.endswith("after\n")
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


def test_run_all_knows_every_script_that_makes_a_result(module):
    run_all, results = module("run_all"), module("report").results
    scripts = {path.name for path in FOLDER.glob("*.py") if "Result.now(" in path.read_text()}
    # Beside that which needs a network from elsewhere.
    assert scripts - {"stranger.py"} == {*run_all.BENCHMARKS, *run_all.ITS_OWN}
    assert {Path(result.command.split()[1]).name for result in results()} <= scripts


def test_run_all_compares_what_every_script_writes(module, result, tmp_path, monkeypatch, capsys):
    run_all, lines = module("run_all"), []

    def run(line):
        lines.append(line)
        result.write(Path(line[line.index("--results") + 1]))
        return argparse.Namespace(returncode=line[1].endswith(failing))

    failing = ("nothing",)
    monkeypatch.setattr(run_all.subprocess, "run", run)
    run_all.main(["--short", "--backend", "mine"])
    assert [Path(line[1]).name for line in lines] == [*run_all.BENCHMARKS, *run_all.ITS_OWN]
    assert all("--short" in line for line in lines)
    assert [Path(line[1]).name for line in lines if "mine" in line] == [*run_all.BENCHMARKS]
    assert capsys.readouterr().out.endswith(
        "demo: no committed result.\n0 of 0 numbers changed; not compared: demo.\n"
    )
    failing = ("quality.py",)
    with pytest.raises(SystemExit, match=r"quality\.py failed"):
        run_all.main(["--results", str(tmp_path)])
    assert lines[-1][1].endswith("quality.py") and "--short" not in lines[-1]


def test_installed_backends_are_listed_with_their_size(module, tmp_path):
    module("installed").main(["--results", str(tmp_path)])
    rows = {row[0]: row[1:] for row in module("report").Result.read(tmp_path / "backends.json").tables["backends"].rows}
    assert set(rows) == {f"`{name}`" for name in registered_backends()}
    (convention, sees, parameters, licence, _), native = rows["`native`"], load_backend("native")
    assert convention == f"`{native.convention}`" and sees == "{1}x{0}".format(*native.processing)
    assert parameters.endswith(" M") and float(parameters.split()[0]) > 1 and licence == "Apache-2.0"
    assert rows["`transformers`"][:3] == ["of the checkpoint"] * 3


def test_defaults_are_varied_one_by_one(module, tmp_path, monkeypatch):
    defaults = module("defaults")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(defaults.patchwrap, "load_backend", lambda name: Blurry())
    monkeypatch.setattr(defaults, "PLANS", ("2x2", "1x2"))
    monkeypatch.setattr(defaults, "SETTINGS", defaults.SETTINGS[-1:])
    before = defaults.alignment.LOG_AGREEMENT
    defaults.main(["--short", "--results", str(tmp_path)])
    rows = {row[0]: row[1:] for row in module("report").Result.read(tmp_path / "defaults.json").tables["defaults"].rows}
    gates = ["gate, log depth 0.3 (default)", *(f"gate, log depth {value}" for value in (0.15, 0.6, 1.2))]
    details = ["detail 0.25 (default)", *(f"detail {value}" for value in (0.0769, 0.143, 0.4, 0.5))]
    assert list(rows) == ["plan 2x2 (default)", "plan 1x2", *gates, *details]
    assert rows["plan 2x2 (default)"] == rows[gates[0]] == rows[details[0]] != rows["plan 1x2"]
    assert len({tuple(rows[title]) for title in gates}) > 1 < len({tuple(rows[title]) for title in details})
    assert before == defaults.alignment.LOG_AGREEMENT


def test_overhead_is_measured_against_the_bare_loop(module, data, tmp_path, monkeypatch):
    overhead = module("overhead")
    peak_of_its_own = overhead._peak

    def peak(role, path, options):
        if role == "bare":
            return peak_of_its_own(role, path, options)
        return overhead.child(argparse.Namespace(**vars(options) | {"child": role, "image": path}))

    monkeypatch.setattr(overhead, "_peak", peak)
    words = ["--repeats", "1", "--plan", "1x2", "--image", str(data / "0.png"), "--results", str(tmp_path)]
    overhead.main(words)
    result = module("report").Result.read(tmp_path / "overhead.json")
    assert result.options["size"] == "320x192" and result.options["repeats"] == 1
    times, peaks = result.data["times"], result.data["peak_mib"]
    wall_time = result.tables["overhead"].rows[0]
    assert wall_time[0] == "wall time, s" and len(times["bare"]) == 1
    assert wall_time[3] == f"{times['patchwrap'][0] / times['bare'][0]:.3f} (aim 1.10)"
    assert set(peaks) == set(overhead.ROLES) and all(50 < peak < 50_000 for peak in peaks.values())
    assert {"start-up", "decode"} < set(result.data["apart"]) and all(result.data["apart"].values())


def test_sizes_are_those_of_one_photo(module, tmp_path, monkeypatch):
    sizes = module("sizes")
    monkeypatch.setattr(sizes.patchwrap, "load_backend", lambda name: Blurry())
    sizes.main(["--short", "--cache", str(tmp_path), "--results", str(tmp_path)])
    result = module("report").Result.read(tmp_path / "sizes.json")
    assert [row[0] for row in result.tables["sizes"].rows] == ["0.02 MP (188x106)", "0.2 MP (594x337)"]
    assert result.options["backend"] == "native" and result.options["plans"] == ["auto"]


def test_disparity_becomes_depth_with_a_median_of_five(module):
    depth = module("stranger").from_disparity(np.array([[1, 2, 4], [8, np.inf, 0]]))
    np.testing.assert_allclose(depth[0] * [1, 2, 4], 15)
    assert depth[1, 0] == 1.875 and np.isnan(depth[1, 1:]).all()


SCRIPTS = (
    "quality", "checkpoints", "defaults", "overhead", "memory", "sizes", "stranger", "photos", "scenes",
    "installed", "transformers_speed", "diffusion", "train_depth_anything", "average_weights", "run_all",
    "render_tables",
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


def test_memory_is_weighed_in_processes_of_their_own(module, tmp_path, monkeypatch):
    memory = module("memory")
    monkeypatch.setattr(memory, "PLANS", ("p16+r9",))
    monkeypatch.setattr(memory, "HEIGHTS", (200,))
    memory.main(["--size", "160x120", "--results", str(tmp_path)])
    result = module("report").Result.read(tmp_path / "memory.json")
    tiles = [(case["plan"], case["tiles"]) for case in result.data["cases"]]
    assert tiles == [("p16+r9", 25), ("slide:512x384", 1)]
    assert all(case["beyond"] > 0 for case in result.data["cases"])
    assert [row[0] for row in result.tables["memory"].rows] == ["160x120", "160x200, mapped"]


def test_a_missing_onnxruntime_is_named(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SystemExit, match="pip install onnxruntime"):
        module("stranger").onnx_network(Path("network.onnx"))


def test_no_benchmark_names_a_folder_of_one_machine():
    for path in FOLDER.rglob("*"):
        if path.suffix in (".py", ".json"):
            assert "/work/" not in path.read_text() and "/home/" not in path.read_text()


def test_baselines_know_nothing_of_depth(module):
    known = module("baselines").baselines()
    assert {name: str(backend.convention) for name, backend in known.items()} == {
        "constant": "depth:scale",
        "vertical ramp": "inverse_depth:affine",
        "image gradient": "inverse_depth:affine",
    }
    images = torch.zeros(1, 3, 9, 40)
    images[..., 20:] = 0.6
    maps = {name: backend.predict(images)[0, 0] for name, backend in known.items()}
    assert (maps["constant"] == 1).all()
    torch.testing.assert_close(maps["vertical ramp"][:, 7], torch.linspace(0, 1, 9))
    # One step of 0.6, seen by windows of 25 columns (fewer at the border) that hold its column 19.
    row = maps["image gradient"][4]
    torch.testing.assert_close(row[[6, 7, 19, 31, 32]], torch.tensor([0.0, 0.6 / 20, 0.6 / 25, 0.6 / 21, 0.0]))


def test_checkpoints_are_held_against_baselines_and_unseen_kinds(module, tmp_path, quick):
    checkpoints = module("checkpoints")
    words = ["--short", "--scenes", "1", "--device", "cpu", "--pictures", "0", "--cache", str(tmp_path / "cache")]
    checkpoints.main([*words, "--backend", "native", "--results", str(tmp_path)])
    result = module("report").Result.read(tmp_path / "checkpoints.json")
    blind = ["constant", "vertical ramp", "image gradient"]
    titles = [*(f"native, {way}" for way in checkpoints.ROWS.values()), *blind]
    assert list(result.tables) == ["checkpoints", "checkpoints_left_out", "checkpoints_loss"]
    assert all([row[0] for row in table.rows] == titles for table in result.tables.values())
    assert {"AbsRel ↓", "δ1 ↑", "RMSE m ↓", "RMSE log ↓", "SILog ↓", "F1 4 px ↑", "SEE m ↓"} <= set(
        result.tables["checkpoints"].columns
    )
    # A ramp is fitted by scale and shift already, so that nothing changes for it.
    alike = {title: lines["abs_rel_alike"] for title, lines in result.data["data"].items()}
    assert alike["vertical ramp"] == pytest.approx(result.data["data"]["vertical ramp"]["abs_rel"]["mean"], rel=1e-4)
    below = {row[0]: row[-1] for row in result.tables["checkpoints"].rows}
    assert below["native, fused"] == f"{1 - alike['native, fused'] / alike['vertical ramp']:.0%}"
    seen, unseen = (result.data[part]["native, fused"]["abs_rel"]["mean"] for part in ("data", "left_out"))
    cell = result.tables["checkpoints_loss"].rows[titles.index("native, fused")][3]
    assert cell.startswith(f"{unseen / seen - 1:+.1%}") and ("yes" in cell) == (unseen <= 1.25 * seen)
    assert "playground" in result.options["left_out"] and "playground" not in result.options["data"]


def test_scenes_are_found_in_a_folder_of_several_layouts(module, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (24, 18)).save(tmp_path / "a" / "image.png")
    np.save(tmp_path / "a" / "gt.npy", np.ones((18, 24), np.float32))
    Image.new("RGB", (24, 18)).save(tmp_path / "b" / "im0.png")
    (tmp_path / "b" / "disp0.pfm").write_bytes(b"Pf\n24 18\n-1\n" + np.full(24 * 18, 2, "<f4").tobytes())
    (tmp_path / "b" / "calib.txt").write_text("cam0=[4 0 12; 0 4 9; 0 0 1]\ndoffs=0\nbaseline=1000\n")
    samples = module("stranger").found(tmp_path)
    assert [one.name for one in samples] == ["a", "b"]
    assert [float(np.median(one.read().truth)) for one in samples] == [5.0, 2.0]


def test_checkpoints_are_measured_on_any_folder_of_pairs(module, data, tmp_path, quick, placed):
    checkpoints = module("checkpoints")
    words = ["--backend", "native", "--data", str(data), "--device", "cpu", "--results", str(tmp_path)]
    checkpoints.main([*words, "--plan", "1x2", "--scenes", "1"])
    result = module("report").Result.read(tmp_path / "checkpoints_data.json")
    assert list(result.tables) == ["checkpoints_data"] and result.options["data"] == "data"
    assert result.machine == {"accelerator": "cpu"}
    ramp = {row[0]: row[-1] for row in result.tables["checkpoints_data"].rows}["vertical ramp"]
    assert ramp == "0%"


def test_a_checkpoint_that_is_not_there_is_named(module, capsys):
    checkpoints = module("checkpoints")
    gone = f"transformers={checkpoints.FOLDER / 'gone'}"
    there, missing = checkpoints.present(["native", gone, "nobody"])
    assert there == ["native"] and "gone (no such folder" in missing[0] and "./backends/nobody" in missing[1]
    with pytest.raises(SystemExit, match="No checkpoint to measure"):
        checkpoints.present([gone])


def test_shipped_checkpoints_know_depth(module, tmp_path):
    checkpoints, blind = module("checkpoints"), module("baselines").baselines()
    there, missing = checkpoints.present(checkpoints.CHECKPOINTS)
    assert len(there) == 3 and not missing
    read = [sample.read() for sample in generated_samples(8, (135, 240), tmp_path, lambda *_: None)]
    scenes = [(sample.photo, sample.truth) for sample in read]

    def error(backend):
        maps = [predict(photo, backend, tiles=False, seed=0) for photo, _ in scenes]
        depths = [align(one.values, truth, None, one.convention) for one, (_, truth) in zip(maps, scenes)]
        return np.mean([depth_metrics(depth, truth)["abs_rel"] for depth, (_, truth) in zip(depths, scenes)])

    least = min(error(backend) for backend in blind.values())
    assert all(error(load_backend(spec)) < 0.9 * least for spec in there)


def test_heads_learn_from_scenes_that_networks_and_measurements_never_saw(module, tmp_path):
    heads = module("heads")
    options = heads._parser().parse_args(["--short", "--scenes-cache", str(tmp_path)])
    heads._shorten(options)
    learned, measured = ({int(one.name.split("_")[0]) for one in samples} for samples in (
        module("train_universal_head").scenes(options), heads._held_out(options),
    ))  # fmt: skip
    weights = FOLDER.parent / "backends" / "native" / "patchwrap_native" / "weights" / "native.json"
    card = json.loads(weights.read_text())
    while card:
        seen = range(card["scenes"]["first_seed"], card["scenes"]["last_seed"] + 1)
        assert not learned.intersection(seen)
        card = card.get("started_from")
    assert max(learned) < 1_000_000 and min(measured) >= 2_000_000


def test_true_tiles_leave_what_the_whole_image_got_wrong_at_large(module):
    rows, columns = np.mgrid[:96, :160]
    behind = 2 + columns / 80 + rows / 96
    truth = np.where((columns + 20) % 40 < 8, 1.2, behind).astype(np.float32)  # posts, as wide as what is averaged
    pixels = np.repeat((255 * np.log(truth / 0.3) / 3).astype(np.uint8)[..., None], 3, 2)
    blurry = Blurry()
    blurry.mirror = True
    backend = module("true_tiles").TrueTiles(blurry, [Sample("0", Photo(pixels, name="0"), truth)])
    fused = predict(pixels, backend, plan="2x2", head="auto")
    maps = (align(one, truth, None, fused.convention) for one in (fused.coarse, fused.values))
    before, after = (depth_metrics(one, truth) for one in maps)
    assert before["abs_rel"] > 0.05 and after["abs_rel"] < 0.5 * before["abs_rel"]


def test_heads_are_trained_once_and_measured(module, tmp_path, monkeypatch, unstamped, placed):
    heads = module("heads")
    monkeypatch.setattr(module("train_universal_head").patchwrap, "load_backend", lambda *_: Blurry())
    monkeypatch.setattr(heads.torch, "set_num_threads", lambda count: None)
    words = ["--short", "--scenes-cache", str(tmp_path / "scenes"), "--results", str(tmp_path)]
    heads.main(words)
    trained = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "heads" / "trained").glob("*.safetensors")}
    assert set(trained) == {"universal_simulated.safetensors", "own_simulated.safetensors"}
    result = module("report").Result.read(tmp_path / "heads_simulated.json")
    assert list(result.data) == ["single", "none", heads.TRUE, heads.UNIVERSAL, heads.OWN]
    aims = module("report").Result.read(tmp_path / "heads.json")
    assert aims.tables["heads_aims"] == heads.aims({"simulated": heads._means(result)})
    assert result.machine == aims.machine == {"accelerator": "cpu"}
    monkeypatch.setattr(heads, "train_head", None)
    heads.main(words)


def test_what_heads_should_gain_is_told_of_every_backbone_that_has_a_result(module):
    heads, read = module("heads"), module("report").Result.read
    there = [name for name in heads.BACKBONES if heads._place(name, FOLDER / "results").exists()]
    means = {name: heads._means(read(heads._place(name, FOLDER / "results"))) for name in there}
    known = read(FOLDER / "results" / "heads.json")
    assert known.options["backbones"] == there and known.tables["heads_aims"] == heads.aims(means)


def test_photos_make_a_sheet(module, data, tmp_path):
    photos = module("photos")
    photos.main([str(data), "--backend", "native", "-o", str(tmp_path / "sheet"), "--width", "80", "--height", "60"])
    with Image.open(tmp_path / "sheet") as sheet:
        assert sheet.format == "JPEG" and sheet.size == (3 * 80 + 2 * photos.GAP, photos.TITLE + 2 * 60 + photos.GAP)
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    # 320x192 in 80x60: six white rows above and below; the maps are coloured, the photo is grey.
    assert (pixels[photos.TITLE + 1 : photos.TITLE + 4] > 240).all()
    assert np.ptp(pixels[60, 100:150], axis=-1).max() > 60 > np.ptp(pixels[60, 10:70], axis=-1).max()


def test_pixels_near_a_depth_step_are_counted(module):
    share = module("scenes").share_near_steps
    depth = np.full((40, 50), 10.0, np.float32)
    assert share(depth * np.linspace(1, 1.04, 50, dtype=np.float32)) == 0
    depth[:, 25:] = 10.4
    assert share(depth) == 0
    # A step between columns 24 and 25 is near columns 20 to 29; sky above row 5 adds rows 0 to 9.
    depth[:, 25:] = 10.6
    assert share(depth) == pytest.approx(10 / 50)
    depth[:5] = np.inf
    assert share(depth) == pytest.approx((10 * 50 + 30 * 10) / (40 * 50))


def test_a_frames_seconds_are_told_apart(module):
    scenes = module("scenes")
    with Renderer() as renderer:
        [row] = scenes.measure(renderer, "table", 1, (45, 80), lambda text: None)
    assert set(row) == {*scenes.STAGES, "share"} and all(value > 0 for value in row.values())
    assert scenes.total(row) == pytest.approx(row["build"] + row["draw"] + row["read back"])
    assert scenes.renderer._read.__name__ == "_read"


def test_scenes_are_timed_alone_and_in_processes_of_their_own(module, tmp_path, monkeypatch):
    scenes = module("scenes")
    monkeypatch.setattr(scenes, "KINDS", ("table",))
    monkeypatch.setattr(scenes, "TRAINING_KINDS", scenes.TRAINING_KINDS[:1])
    monkeypatch.setattr(scenes.os, "cpu_count", lambda: 1)
    monkeypatch.setenv("LP_NUM_THREADS", "3")
    scenes.main(["--short", "--results", str(tmp_path)])
    assert os.environ["LP_NUM_THREADS"] == "3"
    result = module("report").Result.read(tmp_path / "scenes.json")
    assert result.options == {"size": "160x90", "frames": 1, "rate_frames": 2}
    assert 0.01 < result.data["frames_a_second"] < 1000 and len(result.data["kinds"]["table"]) == 1
    assert [row[0] for row in result.tables["scenes"].rows] == ["table", "all"]


def test_a_slow_generator_misses_its_aims(module):
    scenes = module("scenes")
    slow = {"build": 1.0, "draw": 2.5, "read back": 0.5, "share": 0.5}
    options = argparse.Namespace(size="64x48", frames=1, rate_frames=2)
    tables = scenes.summarize(3.0, {"room": [slow], "hall": [dict.fromkeys(slow, 0.0)]}, options).tables
    assert [row[4:] for row in tables["scenes"].rows] == [["4.00", "50.0%"], ["0.00", "0.0%"], ["2.00", "25.0%"]]
    assert [row[1:] for row in tables["scenes_aims"].rows] == [
        ["3.0", "at least 4 (no)"],
        ["2.00", "at most 3 (yes)"],
        ["25.0%", "at least 2% (yes)"],
    ]


@pytest.fixture
def random_marigold(monkeypatch, tmp_path):
    """A diffusers folder of networks that learned nothing."""
    monkeypatch.syspath_prepend(str(FOLDER.parent / "examples"))
    autoencoder, denoiser, pipeline = (
        importlib.import_module(f"marigold.{part}") for part in ("autoencoder", "denoiser", "pipeline")
    )
    torch.manual_seed(0)
    pipeline.save(autoencoder.untrained_autoencoder(), denoiser.untrained_denoiser(), tmp_path / "marigold")
    index = tmp_path / "marigold" / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"default_processing_resolution": 128}))
    return tmp_path / "marigold"


def test_tile_modes_are_compared(module, tmp_path, random_marigold, unstamped, placed):
    diffusion = module("diffusion")
    words = ["--short", "--scenes", "1", "--device", "cpu", "--pictures", "0", "--cache", str(tmp_path / "cache")]
    diffusion.main([*words, "--checkpoint", str(random_marigold), "--results", str(tmp_path)])
    result = module("report").Result.read(tmp_path / "diffusion.json")
    assert result.machine == {"accelerator": "cpu"}
    assert [row[0] for row in result.tables["diffusion"].rows] == [*diffusion.BESIDE.values(), *diffusion.MODES]
    assert [row[0] for row in result.tables["diffusion_pairs"].rows][:2] == [
        "independent minus shared-noise", "independent minus coarse-start"
    ]
    assert {"CE raw tiles relative ↓", "CE relative ↓"} <= set(result.tables["diffusion_pairs"].columns)
    raw = {mode: result.data[mode]["ce_raw_relative"]["mean"] for mode in diffusion.MODES}
    # Random weights leave the noise as it is: from one field of it tiles begin, and stay, more alike.
    assert raw["shared-noise"] < 0.5 * raw["independent"] and raw["joint"] < 0.5 * raw["independent"]


def test_modes_are_told_apart_in_pairs(module):
    diffusion, measure = module("diffusion"), Measure("see", "SEE", form=".1f")
    rows = {name: Row(name, name, name) for name in ("a", "b")}

    def report(offset):
        records = [
            {"image": str(i), "row": name, "own": {"see": i + (offset if name == "b" else 0)}}
            for i in range(8) for name in rows
        ]
        names = [str(i) for i in range(8)]
        return Report("", "", {}, {}, {}, "", names, [measure], list(rows.values()), {}, records, [], {})

    for offset, told in ((2, "-2.0 [-2.0, -2.0]"), (0, "not separable")):
        one = report(offset)
        table = diffusion.pairs({name: (one, row) for name, row in rows.items()}, [measure])
        assert table.rows == [["a minus b", told]]
