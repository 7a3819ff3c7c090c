import json
import math
from dataclasses import replace

import pytest
import torch

from patchwrap.errors import CheckpointError, OptionError, TrainingError
from patchwrap_native import checkpoint
from patchwrap_native.backend import load
from patchwrap_native.batch import Batch
from patchwrap_native.budget import Budget, learning_rate
from patchwrap_native.checkpoint import Trio
from patchwrap_native.cli import STAGES, main
from patchwrap_native.crops import COARSE
from patchwrap_native.depth_stage import DepthStage
from patchwrap_native.precision import has_bfloat16
from patchwrap_native.recipe import SHARES, Recipe, train
from patchwrap_native.shards import open_shards
from patchwrap_native.trainer import HOPELESS, Pace, Trainer
from patchwrap_native.unet import UNet


@pytest.fixture
def recipe(shards, held_out, tmp_path):
    return Recipe(shards, held_out, tmp_path / "out", minutes=None, steps=4, batch_size=2, precision="float32")


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


@pytest.fixture
def finished(recipe):
    """A training that is over: its recipe and the weights it made."""
    return recipe, checkpoint.load(train(recipe)).coarse.state_dict()


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"rate": 0.5}, {"batch_size": 4}, {"precision": "auto"}, {"encoder": "timm:test_resnet"}],
)
def test_the_state_of_a_training_with_other_options_is_refused(finished, change):
    recipe, _ = finished
    with pytest.raises(OptionError, match=r"coarse\.pt.*other options or data.*delete.*another -o") as caught:
        train(replace(recipe, **change))
    assert "\n" not in str(caught.value) and "with more steps or minutes" in str(caught.value)
    assert json.loads((recipe.out / "native.json").read_text())["recipe"]["seed"] == 0


def test_the_state_of_a_training_on_other_scenes_or_from_other_weights_is_refused(finished, tmp_path):
    recipe, _ = finished
    changes = []
    for name in ("shards", "held_out"):
        changes.append({name: tmp_path / name})
        (tmp_path / name).mkdir()
        (tmp_path / name / "shard_00000").symlink_to(getattr(recipe, name) / "shard_00000")
    start = tmp_path / "start.safetensors"
    checkpoint.save(Trio.untrained(), start)
    for change in (*changes, {"start_from": start}):
        with pytest.raises(OptionError, match="other options or data"):
            train(replace(recipe, **change))


def test_the_state_of_a_training_after_other_stages_is_refused(recipe, tmp_path):
    start = tmp_path / "start.safetensors"
    checkpoint.save(Trio.untrained(), start)
    alone = replace(recipe, steps=1, start_from=start, stages=("fine",))
    train(alone)
    with pytest.raises(OptionError, match=r"fine\.pt.*other options or data"):
        train(replace(alone, stages=("coarse", "fine")))


def test_a_state_without_an_identity_is_refused(finished):
    recipe, _ = finished
    state = torch.load(recipe.out / "coarse.pt", weights_only=True)
    del state["identity"]
    torch.save(state, recipe.out / "coarse.pt")
    with pytest.raises(OptionError, match="other options or data"):
        train(recipe)


def test_a_finished_training_goes_on_for_longer_and_wherever_its_scenes_lie(finished, shards, tmp_path):
    recipe, before = finished
    (tmp_path / "moved").symlink_to(shards)
    again = checkpoint.load(train(replace(recipe, shards=tmp_path / "moved"))).coarse.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in before.items())
    card = json.loads((recipe.out / "native.json").read_text())
    # Coarse and fine network are measured once before and once after calibration.
    assert {name: len(stage["held_out"]) for name, stage in card["stages"].items()} == {
        "coarse": 2, "fine": 2, "fusion": 1
    }  # fmt: skip
    card = json.loads(train(replace(recipe, steps=6, minutes=60.0)).with_suffix(".json").read_text())
    assert {stage["step"] for stage in card["stages"].values()} == {6} and card["recipe"]["steps"] == 6


def test_a_damaged_state_is_told_with_what_to_do(finished):
    recipe, _ = finished
    for content in (b"torn", (recipe.out / "fine.pt").read_bytes()[:1000]):
        (recipe.out / "coarse.pt").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"coarse\.pt'.* cannot be read.*delete the folder's \.pt files"):
            train(recipe)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--seed", "-1"], "seed -1 is negative"),
        (["--minutes", "0"], "minutes 0.0 is not a number above 0"),
        (["--minutes", "nan"], "minutes nan"),
        (["--steps", "0"], "steps 0 is less than 1"),
        (["--batch-size", "1"], "batch_size 1 is less than 2"),
        (["--rate", "-1"], "rate -1.0 is not a number above 0"),
        (["--device", "quantum"], "device 'quantum' is not known"),
        (["-o", "file/out"], "cannot write to 'file/out'"),
    ],
)
def test_what_cannot_be_trained_is_one_line(recipe, tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    command = ["train", "--shards", str(recipe.shards), "--held-out", str(recipe.held_out), "-o", str(recipe.out)]
    assert main([*command, *words]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_scenes_that_are_trained_on_are_not_measured_on(recipe):
    with pytest.raises(OptionError, match=r"12 scenes of .* are also in .* seed 0 \(fake\).*--first-seed 1000000"):
        train(replace(recipe, held_out=recipe.shards))
    assert not list(recipe.out.iterdir())


def test_a_later_stage_needs_the_earlier_ones(recipe):
    for stages in (("fine",), ("fusion",), ("coarse", "fusion"), ("fine", "fusion")):
        with pytest.raises(OptionError, match="Give a checkpoint to start from"):
            train(replace(recipe, stages=stages))


def test_the_automatic_device_is_one_that_is_there(recipe):
    card = json.loads(train(replace(recipe, steps=1, device="auto")).with_suffix(".json").read_text())
    assert card["recipe"]["device"] == ("cuda" if torch.cuda.is_available() else "cpu")


def test_stages_may_come_one_after_another(recipe):
    first = checkpoint.load(train(replace(recipe, stages=("coarse",))))
    assert all(map(torch.equal, first.fine.state_dict().values(), first.coarse.state_dict().values()))
    card = json.loads(train(recipe).with_suffix(".json").read_text())
    assert {stage["step"] for stage in card["stages"].values()} == {4}


def test_a_stage_that_is_trained_is_not_left_out(finished):
    recipe, _ = finished
    path = recipe.out / "native.safetensors"
    before = path.read_bytes()
    for stages, missing in ((("coarse",), "fine"), (("coarse", "fine"), "fusion")):
        with pytest.raises(OptionError, match=f"holds the training of the {missing} network.*Train all of"):
            train(replace(recipe, stages=stages))
    (recipe.out / "coarse.pt").unlink()
    start = recipe.out / "start.safetensors"
    checkpoint.save(Trio.untrained(), start)
    with pytest.raises(OptionError, match=r"holds the training of the fine network.*Train all of"):
        train(replace(recipe, stages=("coarse",), start_from=start))
    assert path.read_bytes() == before


def test_the_encoder_is_that_of_the_checkpoint_unless_told_otherwise(recipe, tmp_path):
    start = tmp_path / "start.safetensors"
    checkpoint.save(Trio.untrained("timm:test_resnet"), start)
    warm = replace(recipe, steps=1, stages=("fine",), start_from=start)
    card = json.loads(train(warm).with_suffix(".json").read_text())
    assert card["recipe"]["encoder"] == "timm:test_resnet"
    train(replace(warm, encoder="timm:test_resnet", steps=2))
    for encoder in ("plain", "timm:test_vit"):
        with pytest.raises(OptionError, match=f"has the encoder 'timm:test_resnet', not '{encoder}'"):
            train(replace(warm, encoder=encoder, out=tmp_path / "other"))


def test_the_command_line_takes_the_checkpoints_encoder(recipe, tmp_path, capsys):
    start = tmp_path / "start.safetensors"
    checkpoint.save(Trio.untrained(), start)
    words = ["train", "--shards", str(recipe.shards), "--held-out", str(recipe.held_out), "-o", str(recipe.out)]
    words += ["--steps", "1", "--batch-size", "2", "--stages", "fine", "--start-from", str(start)]
    assert main([*words, "--encoder", "timm:test_resnet"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(words) == 0
    assert json.loads((recipe.out / "native.json").read_text())["recipe"]["encoder"] == "plain"


def test_training_lowers_the_loss(shards, tmp_path):
    torch.manual_seed(0)
    scenes = open_shards(shards)
    stage = DepthStage("coarse", UNet(), COARSE, scenes, scenes, batch_size=4)
    pace, cpu = Pace(report_steps=10), torch.device("cpu")
    trainer = Trainer(stage, Budget(None, 40), tmp_path / "coarse.pt", cpu, "float32", pace)
    trainer.run()
    losses = trainer.history.losses
    assert losses[-1]["silog"] < 0.9 * losses[0]["silog"]


class Spoilt:
    """A stage whose batches of some steps hold an infinite pixel."""

    name, rate = "spoilt", 1e-3

    def __init__(self, steps):
        self.steps = steps
        self.network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))

    def batch(self, step, progress):
        images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        images[0, 0, 4, 4] = math.inf if step in self.steps else 0.0
        return images

    def losses(self, batch):
        return {"size": self.network(batch).square().mean()}

    def evaluate(self, network):
        return {}


def test_a_spoilt_batch_leaves_no_trace(tmp_path):
    trainer = Trainer(Spoilt({2}), Budget(None, 2), tmp_path / "state.pt", torch.device("cpu"), "float32")
    trainer.run()
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    trainer.budget = Budget(None, 3)
    trainer.run()
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.state_dict().items())
    trainer.budget = Budget(None, 50)
    average = trainer.run()
    assert all(value.isfinite().all() for value in average.state_dict().values())
    assert math.isfinite(trainer.history.losses[-1]["size"])


class Late:
    """A stage with a second term from four fifths of its training on; it is killed when it is measured."""

    name, rate = "late", 1e-3

    def __init__(self):
        self.network = torch.nn.Linear(1, 1)

    def batch(self, step, progress):
        return progress

    def losses(self, progress):
        size = self.network(torch.ones(1, 1)).square().mean()
        return {"size": size} | ({"edges": 0 * size + 3} if progress >= 0.8 else {})

    def evaluate(self, network):
        raise Killed


def test_a_term_may_come_late_and_go_when_the_training_is_prolonged(tmp_path):
    def trainer(steps):
        budget, pace = Budget(None, steps), Pace(report_steps=5, save_seconds=0.0)
        return Trainer(Late(), budget, tmp_path / "state.pt", torch.device("cpu"), "float32", pace)

    for steps in (6, 12):  # the sixth step of six has the term, and neither that of twelve nor the next four
        with pytest.raises(Killed):
            (last := trainer(steps)).run()
    assert ["edges" in row for row in last.history.losses] == [False, True]
    assert last.history.losses[1]["edges"] == 3


def test_a_resumed_training_counts_its_steps_on_the_cpu(tmp_path):
    trainer = Trainer(Spoilt(()), Budget(None, 1), tmp_path / "state.pt", torch.device("cpu"), "float32")
    trainer.run()
    trainer.device = torch.device("meta")  # stands for a GPU
    trainer._resume()
    assert {state["step"].device.type for state in trainer.optimiser.state.values()} == {"cpu"}


def test_a_training_without_finite_losses_fails(tmp_path):
    trainer = Trainer(Spoilt(range(1000)), Budget(None, 1000), tmp_path / "state.pt", torch.device("cpu"), "float32")
    with pytest.raises(TrainingError, match=f"'spoilt' was not finite {HOPELESS} steps in a row"):
        trainer.run()
    assert not trainer.checkpoint.exists()


def test_views_without_valid_pixels_count_for_nothing(shards):
    scenes = open_shards(shards)
    stage = DepthStage("coarse", UNet().eval(), COARSE, scenes, scenes)
    first, second = stage.training_views()
    nowhere = replace(second, valid=second.valid & False)
    one = stage.measured(stage.network, [first])
    measured = stage.measured(stage.network, [nowhere, first])
    assert {name: measured[name] for name in one if name != "sky_found"} == {
        name: value for name, value in one.items() if name != "sky_found"
    }
    assert set(stage.measured(stage.network, [nowhere])) == {"sky_found"}
    # Every image counts alike, however many share its batch.
    fewer = Batch(*(value[:2] for value in vars(second).values()))
    few = stage.measured(stage.network, [fewer])
    both = stage.measured(stage.network, [first, fewer])
    assert both["abs_rel"] == pytest.approx((6 * one["abs_rel"] + 2 * few["abs_rel"]) / 8, abs=2e-5)


def test_views_without_sky_count_for_nothing_in_how_much_of_it_is_found():
    class Upper(UNet):
        """Takes the upper four rows for sky: half of it, in one image of three."""

        def forward(self, images):
            log_depth = torch.zeros_like(images[:, :1])
            log_depth[:, :, :4] = 8.0
            return log_depth, images

    logs = torch.zeros(3, 1, 32, 32)
    logs[1, :, :8] = torch.inf
    batches = [Batch.of(torch.zeros(1, 3, 32, 32), log[None], torch.ones(1)) for log in logs]
    together = Batch.of(torch.zeros(3, 3, 32, 32), logs, torch.ones(3))
    stage = DepthStage("coarse", Upper(), COARSE, [], [])
    assert [stage.measured(stage.network, views)["sky_found"] for views in (batches, [together])] == [0.5, 0.5]
    assert "sky_found" not in stage.measured(stage.network, batches[:1])


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
    assert "'coarse,middle' is not made of the stages coarse, fine, fusion only" in capsys.readouterr().err


def test_a_gentle_training_moves_weights_less(recipe):
    first, moved = recipe.out.parent / "first.safetensors", {}
    checkpoint.save(Trio.untrained(), first)
    for rate in (0.01, 1.0):
        path = train(replace(recipe, rate=rate, out=recipe.out / str(rate), start_from=first))
        before, after = (next(checkpoint.load(trio).coarse.parameters()).detach() for trio in (first, path))
        moved[rate] = float((after - before).abs().mean())
    assert 0 < moved[0.01] < 0.1 * moved[1.0]


def test_bfloat16_is_taken_only_on_a_gpu_that_does_not_emulate_it(monkeypatch):
    gpus = [(9, 0), (7, 5)]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: gpus[device.index])
    assert [has_bfloat16(torch.device("cuda", index)) for index in range(2)] == [True, False]


def test_the_learning_rate_rises_and_falls():
    rates = [learning_rate(1.0, progress) for progress in (0.0, 0.04, 0.5, 1.0)]
    assert rates[0] < 0.1 and rates[1] == pytest.approx(1.0) and rates[1] > rates[2] > rates[3] > 0


def test_a_budget_ends_at_whichever_limit_comes_first():
    assert Budget(100.0, 10).progress(5, 10.0) == 0.5
    assert Budget(100.0, 10).progress(1, 90.0) == 0.9


def test_no_shards_is_one_clear_line(tmp_path, capsys):
    assert main(["train", "--shards", str(tmp_path), "--held-out", str(tmp_path), "-o", str(tmp_path / "o")]) == 2
    error = capsys.readouterr().err
    assert "patchwrap-native render" in error and "--first-seed 1000000 if" in error and error.count("\n") == 1
