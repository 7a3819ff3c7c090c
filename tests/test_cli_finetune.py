"""``patchwrap finetune``: options in, a head out that ``patchwrap predict`` takes."""

import importlib
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from patchwrap.cli import main
from patchwrap.cli.training_bar import TrainingBar
from patchwrap.engine import Engine

OPTIONS = {"plan": "2x2", "overlap": None, "fuser": "poisson", "detail": None, "head": None, "tile_batch_size": 4}
OPTIONS |= {"seed": 0, "fov": None, "device": "cpu", "dtype": "float32", "tiles": True, "mirror": None}


@pytest.fixture
def photos(tmp_path, ramp):
    """Three photos with the depth that the ramp is wrong about."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        grey = np.random.default_rng(seed).integers(40, 220, (12, 16), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(folder / f"{seed}.png")
        np.save(folder / f"{seed}.npy", (3 + grey / 255 + np.linspace(1, -1, 96)[:, None]).astype(np.float32))
    return folder


@pytest.fixture
def finetune(photos, tmp_path):
    def finetune(*words, data=photos):
        cache = ["--cache", str(tmp_path / "cache")]
        fixed = ["--backend", "ramp", "--device", "cpu", "--steps", "2", "--plans", "2x2", "--batch-size", "4", *cache]
        return main(["finetune", "--data", str(data), "-o", str(tmp_path / "head.safetensors"), *fixed, *words])

    return finetune


def test_a_head_is_trained_and_used(finetune, photos, tmp_path, capsys, caplog):
    assert finetune() == 0
    told = capsys.readouterr().err
    assert "predicts 0" in told and "min left" in told and "held out: ce" in told and "head.json" in told
    card = json.loads((tmp_path / "head.json").read_text())
    assert card["backends"][0]["name"] == "ramp" and card["training"]["recipe"]["plans"] == ["2x2"]
    words = ["predict", str(photos / "0.png"), "--backend", "ramp", "--plan", "2x2", "--format", "npy"]
    assert main([*words, "-o", str(tmp_path / "out"), "--head", str(tmp_path / "head.safetensors")]) == 0
    assert json.loads((tmp_path / "out" / "0_depth.json").read_text())["options"]["head"] == "Head"
    caplog.clear()
    assert main([*words, "--backend", "affine", "-o", str(tmp_path / "b"), "--head", card_of(tmp_path)]) == 0
    warning = "warning: the fusion head was trained for depth:scale, and these maps are inverse_depth:affine"
    assert caplog.messages == [warning]


@pytest.mark.parametrize(
    ("words", "ended"),
    [
        (["--steps", "9", "--patience", "1"], "ended at step 1 of 9: no better evaluation in the last 1 (--patience)"),
        (["--steps", "9", "--minutes", "1e-9"], "ended at step 1 of 9: 1e-09 minutes are over (--minutes)"),
        (["--steps", "1"], "1 of 1: training"),
    ],
)
def test_a_head_that_is_kept_as_it_began_is_told_and_why_the_training_ended(finetune, capsys, caplog, words, ended):
    assert finetune("--rate", "1e-30", "--epoch", "1", *words) == 0
    *_, before, kept, _ = capsys.readouterr().err.splitlines()
    assert before.startswith(ended)
    score, start = re.fullmatch(r"kept: step 0, score (\S+); at the start (\S+); lower is better", kept).groups()
    assert float(score) == float(start) > 0
    assert caplog.messages[-1].startswith("warning: no evaluation was better than the head at the start")


def test_the_first_step_tells_the_score_at_the_start(finetune, capsys):
    assert finetune("--steps", "3", "--epoch", "3") == 0
    lines = capsys.readouterr().err.splitlines()
    first = next(line for line in lines if line.startswith("1 of 3: training"))
    assert f"at the start {first.rpartition('score ')[2]};" in lines[-2]


def interrupted(bar, trainer):
    raise KeyboardInterrupt


def test_an_interrupted_training_tells_that_it_is_kept_and_where_it_goes_on(finetune, tmp_path, capsys, monkeypatch):
    words = ["--steps", "4", "--epoch", "1"]
    report = TrainingBar.report

    def stop(bar, trainer):
        report(bar, trainer)
        if trainer.history.step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(TrainingBar, "report", stop)
    assert finetune(*words) == 130
    told = capsys.readouterr().err
    state = tmp_path / "head.training.pt"
    assert told.splitlines()[-1] == f"interrupted; the same command goes on from {state}" and "goes on at" not in told
    monkeypatch.setattr(TrainingBar, "report", interrupted)  # before the first step of the second run is told
    assert finetune(*words) == 130
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"goes on from {state}")
    monkeypatch.setattr(TrainingBar, "report", report)
    assert finetune(*words) == 0
    assert capsys.readouterr().err.count("goes on at step 3\n3 of 4: training") == 1


def card_of(folder):
    return str(folder / "head.safetensors")


def test_an_existing_head_is_not_replaced_unasked(finetune, tmp_path, capsys):
    (tmp_path / "head.safetensors").write_bytes(b"dear to me")
    assert finetune() == 2
    assert "add --overwrite" in capsys.readouterr().err


def test_a_file_in_the_place_of_its_card_is_not_replaced_unasked(finetune, tmp_path, capsys):
    (tmp_path / "head.json").write_text("dear to me")
    assert finetune() == 2
    assert "head.json' exists; add --overwrite" in capsys.readouterr().err
    assert (tmp_path / "head.json").read_text() == "dear to me"


def test_quiet_says_nothing(finetune, capsys):
    assert finetune("-q", "--no-gt") == 0
    assert capsys.readouterr() == ("", "")


def test_processes_other_than_the_first_say_nothing(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(importlib.import_module("patchwrap.finetune.processes").Processes, "index", 1)
    runner = importlib.import_module("patchwrap.finetune.runner")

    def trained(*names, progress, **options):
        progress(0, 1, "ramp predicts 0")
        return SimpleNamespace(card=SimpleNamespace(training={}))

    monkeypatch.setattr(runner, "finetune", trained)
    words = ["--backend", "ramp", "--data", str(photos), "--device", "cpu"]
    assert main(["finetune", *words, "-o", str(tmp_path / "head.safetensors")]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--plans", "9z9"], "9z9"),
        (["--rate", "0"], "rate 0.0 is not above 0"),
        (["--unfreeze", "decoder"], "no trainable_parameters"),
        (["--count", "1"], "Give more images"),
        (["--fine-option", "a=1"], "a given for --fine, but no --fine"),
        (["--backend", "affine", "--convention", "depth:scale"], "for --backend, of which there are 2"),
        (["--backend-option", "gain=3"], "takes no such option"),
    ],
)
def test_what_cannot_be_is_one_line(finetune, capsys, words, told):
    assert finetune(*words) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and told in error


@pytest.mark.parametrize(
    ("words", "meanings"),
    [
        (["--backend", "tuned", "--convention", "depth:scale", "--backend-option", "gain=3"], ("depth:scale",) * 2),
        (["--coarse", "tuned", "--coarse-convention", "depth:affine"], ("depth:affine",) * 2),
        (["--coarse", "ramp", "--fine", "tuned", "--fine-convention", "depth:metric"], ("depth:scale", "depth:metric")),
    ],
)
def test_options_reach_the_backend_they_are_for(photos, tuned, tmp_path, monkeypatch, words, meanings):
    asked = {}
    # The module by name: patchwrap.finetune is a function, too.
    runner = importlib.import_module("patchwrap.finetune.runner")

    def trained(*names, **options):
        asked.update(options, of=names)
        return SimpleNamespace(card=SimpleNamespace(training={}))

    monkeypatch.setattr(runner, "finetune", trained)
    assert main(["finetune", "-q", "--data", str(photos), "-o", str(tmp_path / "head.safetensors"), *words]) == 0
    engine = Engine.build(asked["of"][0], asked["coarse"], asked["fine"], **OPTIONS)
    assert (str(engine.coarse.convention), str(engine.fine.convention)) == meanings
    assert getattr(engine.fine, "gain", 3) == (3 if "gain=3" in words else 1)


def test_a_coarse_backend_alone_is_enough(photos, tmp_path):
    words = ["--coarse", "ramp", "--fine", "moody", "--device", "cpu", "--steps", "1", "--plans", "2x2", "-q"]
    words += ["--cache", str(tmp_path / "cache"), "--data", str(photos)]
    assert main(["finetune", "-o", str(tmp_path / "head.safetensors"), *words]) == 0
    [card] = json.loads((tmp_path / "head.json").read_text())["backends"]
    assert (card["name"], card["coarse"], card["fine"]) == ("ramp + moody", "Ramp", "Moody")


def test_the_card_tells_options_of_the_backend(photos, tuned, tmp_path):
    words = ["--backend", "tuned", "--backend-option", "gain=3", "--convention", "depth:scale", "--no-gt"]
    words += ["--device", "cpu", "--steps", "1", "--plans", "2x2", "-q", "--cache", str(tmp_path / "cache")]
    assert main(["finetune", "-o", str(tmp_path / "head.safetensors"), "--data", str(photos), *words]) == 0
    [card] = json.loads((tmp_path / "head.json").read_text())["backends"]
    assert card["name"] == "tuned convention=depth:scale gain=3"
