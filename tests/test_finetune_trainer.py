"""The steps of a training: gradients, moving average, rates and what is evaluated; on tiles of a plane."""

import copy
from contextlib import nullcontext
from dataclasses import astuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from patchwrap.ambient_modes import ordinary_modes
from patchwrap.finetune import trainer as module
from patchwrap.finetune.draw import Drawer
from patchwrap.finetune.objective import terms
from patchwrap.finetune.processes import Processes
from patchwrap.finetune.recipe import Recipe
from patchwrap.finetune.record import Facts, Record, write_record
from patchwrap.finetune.selection import chosen_groups
from patchwrap.finetune.trainee import Trainee
from patchwrap.finetune.trainer import Trainer, share_of_rate
from patchwrap.heads import HeadNetwork
from patchwrap.observation import Correction
from patchwrap.surroundings import Surroundings
from patchwrap.testing import bare_view
from patchwrap.tiling import TilePlan

CANVAS = (32, 48)


@pytest.fixture
def record(tmp_path):
    """Nine tiles of a slope, each off by a tenth of its number."""
    tiles = TilePlan.parse("2x2").tiles(CANVAS)
    whole = torch.linspace(1, 3, CANVAS[1]).expand(CANVAS).contiguous()
    coarse = torch.linspace(1, 3, 24).expand(16, 24).contiguous()
    facts = Facts("slope", "log_depth", False, CANVAS, tiles[0].size, True, 2.0, 0.5)
    around = Surroundings.of(coarse, CANVAS, [])
    image = (torch.rand(*CANVAS, 3, generator=torch.Generator().manual_seed(0)) * 255).byte()
    views = {}
    for number, tile in enumerate(tiles):
        part = whole[tile.slices][None, None]
        known = {"context": around.context(tile), "centre": torch.tensor([2.0]), "spread": torch.tensor([0.5])}
        known["disagreement"] = torch.full_like(part, 0.1 * number)
        images = image[tile.slices].permute(2, 0, 1)[None] / 255
        views[tile] = (bare_view(images, part, part + 0.1 * number, **known), Correction())
    edges = torch.zeros(CANVAS, dtype=torch.bool)
    edges[10, :] = True
    write_record(tmp_path / "slope.safetensors", facts, image.numpy(), coarse, views, whole, edges)
    return Record(tmp_path / "slope.safetensors")


@pytest.fixture
def make(record, tmp_path):
    """A trainer of a tiny head: ``make(**options of the recipe)``."""

    def make(save_seconds=60.0, **options) -> Trainer:
        recipe = Recipe(**({"widths": (4, 8, 16), "batch_size": 4, "steps": 10} | options))
        torch.manual_seed(0)
        trainee = Trainee(HeadNetwork(recipe.widths, begin=recipe.begin))
        torch.nn.init.normal_(trainee.network.residual.weight, std=0.1)
        drawer = Drawer([record], recipe.consistency, recipe.batch_size)
        state: Path = tmp_path / "state.pt"
        return Trainer(trainee, recipe, drawer, chosen_groups([record]), Processes("cpu"), state, "one", save_seconds)

    return make


def flat(values):
    return torch.cat([value.detach().flatten() for value in values])


def gradient(trainee, batch, recipe):
    trainee = copy.deepcopy(trainee)
    sum(terms(batch, *trainee(batch), recipe).values()).backward()
    return flat([value.grad for value in trainee.parameters()])


def test_accumulated_batches_give_the_mean_of_their_gradients(make, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_GRADIENT", 1e9)
    trainer = make(accumulate=2)
    batches = [trainer.drawer.draw(0, part, 0) for part in range(2)]
    one, other = (gradient(trainer.trainee, batch, trainer.recipe) for batch in batches)
    trainer._step(batches)
    found = flat([value.grad for value in trainer.parameters])
    assert not torch.allclose(one, other, rtol=1e-2)
    torch.testing.assert_close(found, (one + other) / 2, rtol=1e-3, atol=1e-5 * float(one.abs().max()))


def test_steps_inside_a_callers_autocast_are_those_without_it(make):
    losses = []
    for ambient in (nullcontext(), torch.autocast("cpu", torch.bfloat16)):
        trainer = make(precision="bfloat16", rate=0.01, warm_up=0.0)
        batch = trainer.drawer.draw(0, 0, 0)
        with ambient, ordinary_modes(torch.device("cpu")):
            for _ in range(3):
                trainer._step([batch])
        losses.append(trainer._sums)
    assert losses[0] == losses[1]


def test_the_moving_average_of_three_steps(make):
    trainer, weights = make(ema=0.998), []
    for step in range(3):
        trainer._step([trainer.drawer.draw(step, 0, 0)])
        weights.append(flat(trainer.trainee.parameters()))
    second = weights[0] * 2 / 11 + weights[1] * 9 / 11
    wanted = second * 3 / 12 + weights[2] * 9 / 12
    assert not torch.allclose(wanted, weights[2], rtol=1e-4)
    torch.testing.assert_close(flat(trainer.averaged.parameters()), wanted)


class CountReads(TorchDispatchMode):
    """Counts how often a tensor's number is read, for which a GPU is waited for."""

    reads = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.reads += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_the_moving_average_reads_no_number_for_every_weight(make):
    trainer = make()
    trainer.ema.update_parameters(trainer.trainee)
    with CountReads() as counted:
        trainer.ema.update_parameters(trainer.trainee)
    assert counted.reads <= 4 < len(trainer.parameters)


def test_the_average_is_evaluated_and_returned(make):
    trainer = make(steps=4, epoch=4, rate=1e-2)
    trainer._evaluate(None)
    trainer.history.best = 1e9
    best = trainer.run()
    last = trainer.history.scores[-1]
    assert last["step"] == 4 and last["score"] == trainer.measure(trainer.averaged).value
    assert last["score"] != pytest.approx(trainer.measure(trainer.trainee).value, rel=1e-4)
    assert trainer.history.best_step == 4
    for name, value in trainer.averaged.state_dict().items():
        assert torch.equal(best[name], value)


class Stopped(Exception):
    """Ends a training from outside."""


class Clock:
    """Stands still unless an evaluation takes its time."""

    def __init__(self, trainer, seconds):
        self.now, self.measure, self.seconds = 0.0, trainer.measure, seconds

    def perf_counter(self):
        return self.now

    def evaluate(self, trainee):
        self.now += self.seconds
        return self.measure(trainee)


def test_processes_measure_neighbouring_groups_and_together_all(make, monkeypatch):
    trainer, seen, parts = make(), [], []
    whole, groups = trainer.measure(trainer.averaged), trainer.held_out
    totals = module.totals

    def keep(mine, *given):
        seen.append(list(mine))
        parts.append(totals(mine, *given))
        return parts[-1]

    monkeypatch.setattr(module, "totals", keep)
    for index in range(2):
        trainer.processes = SimpleNamespace(index=index, count=2, device=torch.device("cpu"), sum=lambda sums: sums)
        trainer.measure(trainer.averaged)
    assert len(groups) == 3 and seen == [groups[:1], groups[1:]]
    assert astuple(module.score(sum(parts), True)) == pytest.approx(astuple(whole), rel=1e-9)


@pytest.mark.parametrize(("seconds", "wanted"), [(100, [0, 2, 4]), (30, [2, 4]), (1, [2, 4])])
def test_every_evaluation_of_trained_weights_leaves_a_state_and_a_slow_one_before(make, monkeypatch, seconds, wanted):
    trainer, saved = make(steps=4, epoch=2, patience=100), []
    clock = Clock(trainer, seconds)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(trainer, "measure", clock.evaluate)
    monkeypatch.setattr(trainer, "save", lambda: saved.append(trainer.history.step))
    trainer.run()
    assert saved == wanted


@pytest.mark.parametrize("last", [1, 2, 3, 4])
def test_a_training_goes_on_exactly_from_a_state_after_an_evaluation(make, monkeypatch, last):
    """The state is that after the last evaluation before the training ended."""
    options = {"steps": 6, "epoch": 2, "patience": 100, "rate": 1e-2}
    whole = make(**options).run()
    make(**options).state.unlink()

    def stop(trainer):
        if trainer.history.step == last:
            raise Stopped

    trainer = make(**options)
    clock = Clock(trainer, 100)
    monkeypatch.setattr(trainer, "measure", clock.evaluate)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(module, "time", clock)
        trainer.run(stop)
    resumed = make(**options)
    assert resumed.history.step == (last - 1) // 2 * 2
    best = resumed.run()
    assert all(torch.equal(value, best[name]) for name, value in whole.items())
    assert [row["step"] for row in resumed.history.scores] == [0, 2, 4, 6]


def test_a_resumed_training_counts_its_steps_on_the_cpu(make):
    trainer = make()
    trainer._step([trainer.drawer.draw(0, 0, 0)])
    trainer.save()
    trainer.processes = SimpleNamespace(device=torch.device("meta"))  # stands for a GPU
    trainer._resume()
    assert {state["step"].device.type for state in trainer.optimiser.state.values()} == {"cpu"}


def test_the_rates_of_a_run_follow_the_schedule(make):
    rates = []
    make(rate=1e-3, warm_up=0.2).run(lambda now: rates.append(now.optimiser.param_groups[0]["lr"]))
    assert rates == pytest.approx([1e-3 * share_of_rate(step / 10, 0.2) for step in range(1, 11)])
    assert np.argmax(rates) == 1
