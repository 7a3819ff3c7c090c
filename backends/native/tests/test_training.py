import json
from dataclasses import replace

import pytest
import torch

from patchwrap_native import checkpoint
from patchwrap_native.backend import load
from patchwrap_native.budget import Budget, learning_rate
from patchwrap_native.checkpoint import Trio
from patchwrap_native.cli import STAGES, main
from patchwrap_native.crops import COARSE
from patchwrap_native.depth_stage import DepthStage
from patchwrap_native.recipe import SHARES, Recipe, train
from patchwrap_native.shards import open_shards
from patchwrap_native.trainer import Pace, Trainer
from patchwrap_native.unet import UNet


@pytest.fixture
def recipe(shards, tmp_path):
    return Recipe(shards, shards, tmp_path / "out", minutes=None, steps=4, batch_size=2, precision="float32")


class Killed(Exception):
    pass


def kill_at(stage, step):
    def report(name, progress, history):
        if name == stage and history.step >= step:
            raise Killed

    return report


def test_all_three_stages_make_a_checkpoint_and_its_card(recipe):
    path = train(recipe)
    card = json.loads(path.with_suffix(".json").read_text())
    assert set(card["stages"]) == {"coarse", "fine", "fusion"}
    assert all(stage["step"] == 4 and stage["held_out"] for stage in card["stages"].values())
    assert card["parameters"]["coarse"] > 1e6 and card["recipe"]["seed"] == 0
    assert all(isinstance(card["stages"][name]["calibration"], float) for name in ("coarse", "fine"))
    assert card["scenes"] == {"count": 12, "first_seed": 0, "last_seed": 15} and card["versions"]["torch"]
    assert all(stage["elapsed"] > 0 and stage["losses"] for stage in card["stages"].values())
    assert str(recipe.out.parent) not in path.with_suffix(".json").read_text()
    assert card["recipe"]["out"] == "out" and card["recipe"]["shards"] == recipe.shards.name
    assert load(path).predict(torch.rand(1, 3, 64, 96)).isfinite().all()


def test_training_goes_on_from_a_checkpoint_and_its_card(recipe, tmp_path):
    first = train(recipe)
    second = train(replace(recipe, out=tmp_path / "again", steps=1, start_from=first))
    start, again, fresh = checkpoint.load(first), checkpoint.load(second), Trio.untrained()
    for name in start.parts:
        weights = [next(trio.parts[name].parameters()) for trio in (start, again, fresh)]
        assert (weights[1] - weights[0]).abs().mean() < 0.1 * (weights[2] - weights[0]).abs().mean()
    earlier = json.loads(second.with_suffix(".json").read_text())["started_from"]
    assert earlier["stages"]["coarse"]["step"] == 4 and earlier["started_from"] is None


@pytest.mark.parametrize(("wild", "begins"), [("coarse", "fine"), ("fine", "coarse")])
def test_a_warm_start_keeps_what_the_fine_network_learned_unless_the_coarse_one_judges_tiles_better(
    recipe, tmp_path, wild, begins
):
    trio = Trio.untrained()
    with torch.no_grad():
        trio.parts[wild].head.weight.mul_(50)
    checkpoint.save(trio, tmp_path / "start.safetensors")
    path = train(replace(recipe, steps=1, start_from=tmp_path / "start.safetensors", stages=("fine",)))
    after = next(checkpoint.load(path).fine.parameters())
    far = {name: (after - next(trio.parts[name].parameters())).abs().max() for name in ("coarse", "fine")}
    assert far[begins] < 0.01 < far[wild]


def test_an_interrupted_training_goes_on_to_the_same_weights(recipe, tmp_path):
    whole = checkpoint.load(train(replace(recipe, out=tmp_path / "whole")))
    pace = Pace(report_steps=1, save_seconds=0.0)
    with pytest.raises(Killed):
        train(recipe, kill_at("fine", 2), pace)
    assert (recipe.out / "coarse.pt").exists() and not (recipe.out / "native.safetensors").exists()
    resumed = checkpoint.load(train(recipe, pace=pace))
    for name, network in whole.parts.items():
        for key, value in network.state_dict().items():
            assert torch.allclose(value, resumed.parts[name].state_dict()[key], atol=1e-3), f"{name}.{key}"


def test_training_lowers_the_loss(shards, tmp_path):
    torch.manual_seed(0)
    scenes = open_shards(shards)
    stage = DepthStage("coarse", UNet(), COARSE, scenes, scenes, batch_size=4)
    pace, cpu = Pace(report_steps=10), torch.device("cpu")
    trainer = Trainer(stage, Budget(None, 40), tmp_path / "coarse.pt", cpu, "float32", pace)
    trainer.run()
    losses = trainer.history.losses
    assert losses[-1]["silog"] < 0.9 * losses[0]["silog"]


def test_only_the_named_stages_are_trained_and_share_the_time(recipe, capsys):
    assert tuple(SHARES) == STAGES
    first = recipe.out.parent / "first.safetensors"
    checkpoint.save(Trio.untrained(), first)
    some = replace(recipe, stages=("coarse", "fusion"), steps=1, start_from=first)
    before, after = checkpoint.load(first), checkpoint.load(train(some))
    same = {
        name: torch.equal(*(next(trio.parts[name].parameters()) for trio in (before, after))) for name in after.parts
    }
    assert same == {"coarse": False, "fine": True, "fusion": False}
    timed = replace(some, minutes=73.0)
    assert [timed.budget(stage).seconds for stage in timed.stages] == pytest.approx([60 * 50, 60 * 23])
    with pytest.raises(SystemExit):
        main(["train", "--shards", "a", "--held-out", "b", "-o", "c", "--stages", "coarse,middle"])
    assert "'coarse,middle' is none or not only of coarse, fine, fusion" in capsys.readouterr().err


def test_a_gentle_training_moves_weights_less(recipe):
    first, moved = recipe.out.parent / "first.safetensors", {}
    checkpoint.save(Trio.untrained(), first)
    for rate in (0.01, 1.0):
        path = train(replace(recipe, rate=rate, out=recipe.out / str(rate), start_from=first))
        before, after = (next(checkpoint.load(trio).coarse.parameters()).detach() for trio in (first, path))
        moved[rate] = float((after - before).abs().mean())
    assert 0 < moved[0.01] < 0.1 * moved[1.0]


def test_the_learning_rate_rises_and_falls():
    rates = [learning_rate(1.0, progress) for progress in (0.0, 0.04, 0.5, 1.0)]
    assert rates[0] < 0.1 and rates[1] == pytest.approx(1.0) and rates[1] > rates[2] > rates[3] > 0


def test_a_budget_ends_at_whichever_limit_comes_first():
    assert Budget(100.0, 10).progress(5, 10.0) == 0.5
    assert Budget(100.0, 10).progress(1, 90.0) == 0.9


def test_no_shards_is_one_clear_line(tmp_path, capsys):
    assert main(["train", "--shards", str(tmp_path), "--held-out", str(tmp_path), "-o", str(tmp_path / "o")]) == 2
    error = capsys.readouterr().err
    assert "patchwrap-native render" in error and error.count("\n") == 1
