"""Training of fusion heads: what is learned, kept, selected, resumed and refused; on small painted photos."""

import copy
import inspect
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import patchwrap
from patchwrap.clock import Clock
from patchwrap.datasets import NyuV2, Pairs, image_set, open_dataset
from patchwrap.datasets.heldout import FIRST_SEED
from patchwrap.datasets.image_set import ImageSet
from patchwrap.engine import Engine
from patchwrap.errors import ConventionError, MissingExtraError, OptionError, OutputError, PatchwrapError, TrainingError
from patchwrap.finetune import Recipe, SimulatedBackend, job, recipe, runner
from patchwrap.finetune.division import apart, divided, scene_of
from patchwrap.finetune.draw import Drawer, assembled
from patchwrap.finetune.job import TrainingJob
from patchwrap.finetune.objective import overlap_gaps
from patchwrap.finetune.preparation import Preparation
from patchwrap.finetune.processes import Processes, extra
from patchwrap.finetune.record import Record
from patchwrap.finetune.runner import finetune
from patchwrap.finetune.selection import score, totals
from patchwrap.finetune.trainee import mean_of_overlapping
from patchwrap.finetune.trainer import share_of_rate
from patchwrap.heads import Head, HeadCard, load_head
from patchwrap.heads.network import WIDTHS
from patchwrap.metrics import align, depth_metrics
from patchwrap.spaces import to_space
from patchwrap.testing import PaintedBackend
from patchwrap.tile_view import TileView
from patchwrap.tiling import TilePlan

TINY = {"widths": (4, 8, 16), "batch_size": 4, "plans": ("2x2",), "device": "cpu"}
SIZE = (96, 160)


def paint_scene(folder, seed, size=SIZE, with_depth=True):
    """A slope with boxes, grey by inverse depth."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / size[1]
    inverse = 0.2 + 0.4 * y + 0.1 * x
    for _ in range(8):
        top, left = draw.integers(0, (size[0] - 22, size[1] - 22))
        inverse[top : top + 20, left : left + 14] = draw.uniform(0.25, 0.9)
    grey = (255 * inverse).astype(np.uint8)
    Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(folder / f"{seed}.png")
    if with_depth:
        np.save(folder / f"{seed}.npy", (255 / grey).astype(np.float32))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Four photos with depth."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(4):
        paint_scene(folder, seed)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Predictions are made once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def train(photos, cache, tmp_path):
    """Train a tiny head: ``train(backend, **options)``."""

    def train(backend=None, data=photos, name="head", **options):
        backend = backend or SimulatedBackend(open_dataset(photos).lazy_samples, processing=(48, 80))
        return finetune(backend, data, tmp_path / f"{name}.safetensors", cache=cache, **(TINY | options))

    return train


def weights(head):
    return torch.cat([value.flatten() for value in head.network.state_dict().values()])


@pytest.fixture(scope="module")
def trained(photos, cache, tmp_path_factory):
    """A head trained for long enough to be good, and its folder."""
    folder = tmp_path_factory.mktemp("trained")
    backend = SimulatedBackend(open_dataset(photos).lazy_samples, processing=(48, 80))
    options = {**TINY, "steps": 50, "batch_size": 8, "widths": (8, 16, 32), "rate": 3e-3, "ema": 0.95}
    return finetune(backend, photos, folder / "head.safetensors", cache=cache, **options), folder, backend


def test_tiles_agree_after_training_and_edges_are_no_worse(trained):
    best = min(trained[0].card.training["history"]["scores"], key=lambda row: row["score"])
    assert best["ce"] < 0.6 * best["plain_ce"] and best["see"] <= best["plain_see"]


def test_predict_with_the_head_is_nearer_to_the_truth(trained, photos):
    head, _, backend = trained
    errors = {"plain": [], "headed": []}
    for sample in open_dataset(photos).lazy_samples:
        photo, truth = (read := sample.read()).photo, read.truth
        for name, chosen in (("plain", None), ("headed", head)):
            depth = patchwrap.predict(photo, backend, plan="2x2", head=chosen)
            errors[name].append(depth_metrics(align(depth.values, truth, None, depth.convention), truth)["abs_rel"])
    assert np.mean(errors["headed"]) < np.mean(errors["plain"])


def test_the_card_tells_how_to_do_it_again(trained):
    card = json.loads((trained[1] / "head.json").read_text())
    assert card["backends"][0]["convention"] == "depth:scale" and card["universal"] is False
    training = card["training"]
    assert Recipe(**{k: tuple(v) if isinstance(v, list) else v for k, v in training["recipe"].items()}).steps == 50
    assert sorted(training["images"] + training["held_out"]) == ["0", "1", "2", "3"]
    assert training["history"]["step"] == 50 and training["versions"]["torch"] and training["skipped"] == []
    assert training["prediction"] == {"device": "cpu", "dtype": "float32", "tile_batch_size": 4, "depth_scale": 0.001}
    assert sorted(training["stamps"]) == sorted(training["images"]) and all(training["stamps"].values())
    ((coarse, fine),) = training["backends"]
    assert coarse == fine and coarse["class"].endswith(".SimulatedBackend") and coarse["processing"] == [48, 80]
    assert coarse["seed"] == 0 and coarse["faults"]["tilt"] == 0.15


def test_every_epoch_leaves_a_sheet_and_curves(trained):
    log = trained[1] / "head.log"
    assert len(list(log.glob("sheet_*.png"))) == 11 and list(log.glob("events.*"))
    with Image.open(log / "sheet_000050.png") as sheet:
        pixels = np.asarray(sheet).astype(int)
    # Photo, coarse, aligned, refined, truth: four maps in colours from far, blue, to near, red.
    for column in range(1, 5):
        warmth = pixels[:-4, 244 * column : 244 * column + 240, 0] - pixels[:-4, 244 * column : 244 * column + 240, 2]
        assert warmth.min() < -50 and warmth.max() > 50
    assert not (trained[1] / "head.training.pt").exists()


def steps_of(log):
    """Steps whose learning rates TensorBoard shows."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return [event.step for event in events.EventAccumulator(str(log)).Reload().Scalars("rate")]


def test_another_training_replaces_curves_and_sheets_of_the_last_and_nothing_else(train, tmp_path):
    log = tmp_path / "head.log"
    train(steps=4, epoch=2)
    for name in ("sheet_of_mine.png", "notes.txt"):
        (log / name).write_bytes(b"")
    # As versions named it that had no ending of their own for it.
    own = next(log.glob("events.*"))
    own.rename(log / "events.out.tfevents.1.mine.2.0")
    train(steps=3, epoch=3)
    assert {path.name for path in log.glob("*.png")} == {"sheet_000000.png", "sheet_000003.png", "sheet_of_mine.png"}
    assert len(list(log.glob("events.*"))) == 2 and (log / "notes.txt").exists()
    assert steps_of(log) == [1, 2, 3]


def test_a_resumed_training_replaces_what_was_logged_after_its_state(train, tmp_path):
    class Stopped(Exception):
        pass

    def stop(trainer):
        if trainer.history.step == 3:
            trainer.save()
            trainer.save = lambda: None
        if trainer.history.step == 7:
            raise Stopped

    options, log = {"steps": 8, "epoch": 2, "patience": 100}, tmp_path / "head.log"
    with pytest.raises(Stopped):
        train(on_step=stop, **options)
    (log / "sheet_000005.png").write_bytes(b"of an evaluation by time")
    time.sleep(1)  # event files are ordered by the second of their names
    train(**options)
    assert len(list(log.glob("events.*"))) == 2 and steps_of(log) == [*range(1, 9)]
    assert sorted(path.name for path in log.glob("sheet_*")) == [f"sheet_{step:06d}.png" for step in range(0, 9, 2)]


def test_a_file_in_the_way_of_the_curves_is_told_before_anything_is_predicted(train, tmp_path):
    (tmp_path / "head.log").write_text("")
    told = []
    with pytest.raises(OptionError, match=r"head\.log' is a file"):
        train(progress=lambda *what: told.append(what))
    assert not told


def test_what_the_backend_says_is_asked_once(photos, cache, tmp_path):
    backend, told = PaintedBackend("depth:scale"), []
    given = {"cache": tmp_path / "kept", "steps": 1, "progress": lambda done, total, text: told.append((done, text))}
    for name in ("a", "b"):
        finetune(backend, photos, tmp_path / f"{name}.safetensors", **given, **TINY)
        if name == "a":
            asked = len(backend.calls)
    assert [done for done, _ in told] == [0, 1, 2, 3, 4, 4]
    assert told[0][1].startswith("PaintedBackend predicts") and told[4:] == [(4, ""), (4, "")]
    # The fingerprint alone is asked for again.
    assert len(backend.calls) - asked <= 2 < asked


class Loop(PaintedBackend):
    """Has an option that acts in its loop over the tiles alone."""

    def __init__(self, brighter):
        super().__init__("depth:scale")
        self.brighter = brighter

    def predict_tiles(self, source, tiles, context):
        for tile in tiles:
            yield tile, self.predict(source(tile))[0, 0] * self.brighter


def test_another_loop_over_the_tiles_is_another_backend(photos, tmp_path):
    cache = tmp_path / "kept"
    for name, brighter in (("a", 1.0), ("b", 1.0), ("c", 1.1)):
        finetune(Loop(brighter), photos, tmp_path / f"{name}.safetensors", cache=cache, steps=1, **TINY)
    assert len(list(cache.iterdir())) == 2


def test_a_data_set_is_read_picture_by_picture(photos, tmp_path, caplog):
    """One that is damaged is left out, and one that is not asked for is not even opened."""
    folder = shutil.copytree(photos, tmp_path / "generated_photos")
    (folder / "3.png").write_bytes(b"torn")
    backend, options = PaintedBackend("depth:scale"), {"steps": 1, "cache": tmp_path / "kept", **TINY}
    head = finetune(backend, open_dataset(folder), tmp_path / "a.safetensors", held_out=1, seed=1, **options)
    assert [one["name"] for one in head.card.training["skipped"]] == ["3"]


def test_a_folder_may_be_called_like_scenes(photos, tmp_path, monkeypatch):
    shutil.copytree(photos, tmp_path / "generated_photos")
    monkeypatch.chdir(tmp_path)
    options = {"count": 3, "steps": 1, "cache": tmp_path, **TINY}
    finetune(PaintedBackend("depth:scale"), "generated_photos", "a.safetensors", **options)
    assert (tmp_path / "a.safetensors").exists()


def test_a_record_with_truth_serves_photos_alone_and_what_was_skipped_is_tried_again(photos, tmp_path):
    backend, cache = PaintedBackend("depth:scale"), tmp_path / "kept"
    folder = shutil.copytree(photos, tmp_path / "copy")
    (folder / "2.npy").write_bytes(b"no depth")
    (tmp_path / "judged").mkdir()
    paint_scene(tmp_path / "judged", 9)
    judged = {"held_out_data": open_dataset(tmp_path / "judged").lazy_samples}

    def train(name, **options):
        return finetune(backend, folder, tmp_path / f"{name}.safetensors", cache=cache, steps=1, **TINY, **options)

    assert len(train("a", **judged).card.training["skipped"]) == 1
    kept = len(list(cache.rglob("*.safetensors")))
    shutil.copy(photos / "2.npy", folder / "2.npy")
    assert not train("b", **judged).card.training["skipped"]
    train("c", truth=False)
    assert (kept, len(list(cache.rglob("*.safetensors")))) == (4, 5)


def test_records_without_truth_are_drawn_beside_those_that_have_it(photos, tmp_path):
    backend, cache, options = PaintedBackend("depth:scale"), tmp_path / "kept", {**TINY, "batch_size": 8}
    finetune(backend, photos, tmp_path / "a.safetensors", cache=cache, steps=1, **options)
    next(cache.rglob("*.safetensors")).unlink()
    head = finetune(backend, photos, tmp_path / "b.safetensors", cache=cache, steps=8, truth=False, **options)
    kept = [Record(path).facts.has_truth for path in cache.rglob("*.safetensors")]
    assert sorted(kept) == [False, True, True, True] and head.card.training["history"]["step"] == 8


@pytest.mark.parametrize("convention", ["depth:metric", "inverse_depth:affine", "depth:affine"])
def test_every_convention_learns(train, photos, convention):
    backend = SimulatedBackend(open_dataset(photos).lazy_samples, convention, processing=(48, 80))
    rows = train(backend, steps=2, epoch=1).card.training["history"]["losses"]
    names = {"silog", "gradient"} if convention == "depth:metric" else {"l1", "l2", "gradient"}
    assert names < set(rows[-1]) and all(np.isfinite(rows[-1][name]) for name in names)


@pytest.mark.parametrize(
    ("options", "terms"),
    [
        ({"consistency": "none"}, {"silog", "gradient"}),
        ({"agree_on": "depth"}, {"silog", "gradient", "depth_consistency"}),
        ({"consistency": "pair"}, {"silog", "gradient", "depth_consistency", "feature_consistency"}),
        ({"truth": False}, {"low_frequency", "tile_gradient", "depth_consistency", "feature_consistency"}),
    ],
)
def test_the_terms_are_those_asked_for(train, options, terms):
    rows = train(steps=1, **options).card.training["history"]["losses"]
    assert set(rows[-1]) == {"step", "seconds"} | terms


def test_a_head_begins_as_the_recipe_says(train):
    kept = [train(steps=1, begin=begin).network.residual.bias[1].item() for begin in ("agreed", "aligned")]
    assert kept == pytest.approx([0, 1], abs=0.01)


def test_the_callers_default_device_does_not_apply(train, tmp_path):
    wanted = weights(train(steps=2))
    with torch.device("meta"):
        found = train(steps=2, name="second")
        train(steps=1, name="third", start_from=tmp_path / "head.safetensors")
    assert torch.equal(weights(found), wanted)


def test_the_callers_random_numbers_go_on(train, monkeypatch):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU was seeded"))
    train(steps=1)
    assert torch.equal(torch.rand(3), wanted)


def test_photos_alone_are_enough(tmp_path, photos, cache):
    folder = tmp_path / "bare"
    folder.mkdir()
    for seed in range(4):
        paint_scene(folder, seed, with_depth=False)
    backend = SimulatedBackend(open_dataset(photos).lazy_samples, processing=(48, 80))
    with pytest.raises(OptionError, match="--no-gt"):
        finetune(backend, folder, tmp_path / "head.safetensors", cache=cache, **TINY)
    options = {**TINY, "steps": 40, "batch_size": 8, "widths": (8, 16, 32), "rate": 3e-3, "ema": 0.95, "truth": False}
    head = finetune(backend, folder, tmp_path / "head.safetensors", cache=cache, **options)
    best = min(head.card.training["history"]["scores"], key=lambda row: row["score"])
    assert best["ce"] < 0.8 * best["plain_ce"] and best["error"] != best["error"]


class Guided(PaintedBackend):
    def predict_with_features(self, images):
        return self.predict(images), images[:, :2, ::2, ::2]


def test_features_guide_a_head_where_a_backend_has_them(train):
    head = train(Guided("depth:scale", 0.1), steps=1, guidance=True)
    assert head.network.guides == (2, 2) and head.wants_features
    with pytest.raises(OptionError, match="no decoder features"):
        train(PaintedBackend("depth:scale"), steps=1, guidance=True)


class Dim(torch.nn.Module):
    """Reads painted depth with a decoder that is a little off and can be trained."""

    processing = (48, 80)

    def __init__(self, convention="depth:scale"):
        super().__init__()
        self.convention = patchwrap.DepthConvention.parse(convention)
        self.encoder = torch.nn.Conv2d(3, 4, 1)
        self.decoder = torch.nn.Conv2d(4, 1, 3, padding=1)
        torch.nn.init.constant_(self.encoder.weight, 0.25)
        torch.nn.init.constant_(self.decoder.weight, 0.02)

    def predict(self, images):
        return 0.3 / (0.1 + self.decoder(self.encoder(images)).abs())

    def trainable_parameters(self):
        return self.decoder.parameters()


def test_a_decoder_is_trained_with_the_head_and_its_encoder_is_not(train, photos):
    torch.manual_seed(0)
    backend = Dim()
    before = [value.clone() for value in backend.parameters()]
    head = train(backend, steps=10, unfreeze="decoder", consistency="pair", patience=100)
    assert all(torch.equal(a, b) for a, b in zip(before, backend.parameters()))
    changed = head.adapted(backend)
    assert torch.equal(changed.encoder.weight, backend.encoder.weight)
    assert not torch.equal(changed.decoder.weight, backend.decoder.weight)
    depth = patchwrap.predict(photos / "0.png", backend, head=head, plan="2x2")
    assert np.isfinite(depth.values).all()


def views_of(engine, sample):
    """The pipeline's views of a photo's tiles."""
    photo = sample.read().photo
    whole = engine.coarse_pass(photo)
    with engine.second_pass(photo, TilePlan.parse("2x2"), whole, Clock()) as second:
        return {tile: view for tile, _, view in second.views()}


@pytest.mark.parametrize("convention", ["depth:scale", "depth:affine"])
def test_a_trained_decoder_is_selected_by_what_predict_computes(photos, cache, tmp_path, convention):
    torch.manual_seed(0)
    backend, found = Dim(convention), []
    samples = open_dataset(photos).lazy_samples

    def compare(trainer):
        if trainer.history.step < 20:
            return
        averaged = trainer.averaged
        assert not torch.allclose(averaged.decoder[0], backend.decoder.weight, rtol=0.05)
        head = Head(averaged.network, decoder=[value.detach() for value in averaged.decoder])
        engine = Engine.build(backend, None, None, head=head, plan="2x2", device="cpu")
        with torch.no_grad():
            views = {sample.name: views_of(engine, sample) for sample in samples}
        trainer.held_out = [
            group
            for group in trainer.held_out
            if all(group.record.tiles[n] in views[group.record.facts.image] for n in group.tiles)
        ]
        assert trainer.held_out

        def refined(batch, group=None):
            shown = views[group.record.facts.image]
            return head.refine(TileView.batch([shown[group.record.tiles[n]] for n in group.tiles]))

        sums = torch.zeros(2, 2, 3, dtype=torch.float64)
        with torch.no_grad():
            for group in trainer.held_out:
                sums += totals([group], partial(refined, group=group), torch.device("cpu"), True)
        known, trained = score(sums, True), trainer.measure(averaged)
        found.append([abs(getattr(trained, name) / getattr(known, name) - 1) for name in ("ce", "see", "error")])

    options = {**TINY, "steps": 20, "epoch": 20, "rate": 1e-2, "unfreeze": "decoder"}
    finetune(backend, samples, tmp_path / "head.safetensors", cache=cache, on_step=compare, **options)
    assert np.max(found) < 1e-4


@pytest.mark.parametrize("convention", ["depth:scale", "depth:affine"])
def test_a_trained_decoder_learns_on_nearly_the_tiles_of_the_pipeline(photos, cache, tmp_path, convention):
    torch.manual_seed(0)
    backend, found = Dim(convention), []

    def compare(trainer):
        trainee, views = trainer.trainee, trainer.views
        with torch.no_grad():
            trainee.backend.decoder.weight.mul_(1.3)
            views.begin()
            group = trainer.held_out[0]
            batch = assembled([group])
            given, wanted = trainee._renewed(batch, trainee.backend), views.view(group, trainee.backend)
            images = torch.nn.functional.interpolate(batch.view.images, (48, 80), mode="bilinear")
            values = to_space(trainee.backend.predict(images), backend.convention, batch.space)
            only_moved = torch.stack([one.apply(tile[0]) for one, tile in zip(batch.corrections, values)])[:, None]
            found.extend(float((one - wanted.aligned).abs().mean()) for one in (given.aligned, only_moved))
            found.extend(
                float(overlap_gaps(batch, one).mean()) for one in (given.aligned - given.disagreement, given.aligned)
            )

    options = {**TINY, "steps": 1, "unfreeze": "decoder"}
    finetune(backend, photos, tmp_path / "head.safetensors", cache=cache, on_step=compare, **options)
    assert found[0] < 0.5 * found[1] and found[2] < 0.05 * found[3], found


class Skied(Dim):
    """Predicts zero, which is no depth, where it sees the sky."""

    def predict(self, images):
        return super().predict(images) * (images[:, 2:] < 0.5)


def test_a_trained_decoder_does_not_learn_on_what_is_no_depth(photos, cache, tmp_path):
    backend, found = Skied(), []

    def compare(trainer):
        batch = assembled([trainer.held_out[0]])
        given = trainer.trainee._renewed(batch, backend).aligned
        gradients = torch.autograd.grad(given.sum(), list(backend.decoder.parameters()))
        assert all(gradient.isfinite().all() for gradient in gradients)
        found.append(float((given.detach() - batch.view.aligned).abs().max() / batch.view.spread[0]))

    options = {**TINY, "steps": 1, "unfreeze": "decoder"}
    finetune(backend, photos, tmp_path / "head.safetensors", cache=cache, on_step=compare, **options)
    assert found[0] < 0.1


def test_a_tile_that_the_alignment_rejects_is_replaced_by_the_coarse_map(photos, cache, tmp_path, monkeypatch):
    backend = Dim()
    monkeypatch.setattr(Preparation, "views", lambda self, sample, plan, fine: {})

    def compare(trainer):
        view = trainer.views.view(trainer.held_out[0], backend)
        assert torch.equal(view.aligned, view.coarse) and not view.confidence.any() and not view.disagreement.any()

    options = {**TINY, "steps": 1, "unfreeze": "decoder"}
    finetune(backend, photos, tmp_path / "head.safetensors", cache=cache, on_step=compare, **options)


def test_overlapping_changes_are_averaged():
    maps = torch.tensor([1.0, 5.0])[:, None, None, None].expand(2, 1, 2, 3)
    mean = mean_of_overlapping(maps, [(0, 1, (1, 2))])
    assert mean[0, 0].tolist() == [[1, 1, 1], [1, 1, 3]] and mean[1, 0].tolist() == [[3, 5, 5], [5, 5, 5]]


def test_a_trained_decoder_is_trained_further_or_the_head_is_refused(train, tmp_path):
    torch.manual_seed(0)
    backend = Dim()
    first = train(backend, steps=10, unfreeze="decoder", rate=1e-2, patience=100)
    options = {"steps": 1, "rate": 1e-9, "start_from": tmp_path / "head.safetensors"}
    second = train(backend, name="second", unfreeze="decoder", **options)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(first.decoder, second.decoder))
    assert not torch.allclose(second.decoder[0], backend.decoder.weight, atol=1e-3)
    with pytest.raises(OptionError, match=r"contains a trained decoder.*--unfreeze decoder"):
        train(backend, name="third", **options)


def test_a_backend_without_a_decoder_to_train_is_refused(train):
    with pytest.raises(OptionError, match="no trainable_parameters"):
        train(PaintedBackend("depth:scale"), steps=1, unfreeze="decoder")


def test_what_cannot_be_is_told_before_anything_is_predicted(train, photos, tmp_path, monkeypatch):
    told = []
    several = [PaintedBackend("depth:scale"), PaintedBackend("depth:affine")]
    guided = [Guided("depth:scale", 0.1), Guided("depth:scale", 0.2)]
    (tmp_path / "torn.training.pt").write_bytes(b"torn")
    for backend, words, options in (
        (several[0], "No fusion head at", {"start_from": tmp_path / "none.safetensors"}),
        (guided[0], "guided by other features", {"start_from": "universal", "guidance": True, "widths": WIDTHS}),
        (guided, "guided by the features of one", {"guidance": True}),
        (several[0], "no trainable_parameters", {"unfreeze": "decoder"}),
        (several, "several backends cannot", {"unfreeze": "decoder"}),
        (several[0], "torn.training.pt'.* cannot be read", {"name": "torn"}),
    ):
        with pytest.raises(PatchwrapError, match=words):
            train(backend, progress=lambda *what: told.append(what), **options)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError, match="tensorboard"):
        train(several[0], progress=lambda *what: told.append(what))
    assert not told


def test_a_decoder_is_trained_in_full_precision_whatever_the_backends(train):
    class Moved(Dim):
        def to(self, device, dtype):
            return super().to(device, dtype)

        def predict(self, images):
            return super().predict(images.to(self.encoder.weight.dtype)).float()

    dtypes = set()
    train(Moved(), steps=1, unfreeze="decoder", consistency="pair", dtype="bfloat16",
          on_step=lambda now: dtypes.update(value.dtype for value in now.trainee.decoder))  # fmt: skip
    assert dtypes == {torch.float32}


def test_a_decoder_is_trained_without_autocast_as_it_predicts(train):
    class Watched(Dim):
        def predict(self, images):
            rounded.add(torch.is_autocast_enabled(images.device.type))
            return super().predict(images)

    rounded = set()
    train(Watched(), steps=1, unfreeze="decoder", consistency="pair", precision="bfloat16")
    assert rounded == {False}


def test_a_full_disk_is_not_a_bad_sample(train, monkeypatch):
    def full(*_):
        raise OutputError("no space left")

    monkeypatch.setattr("patchwrap.finetune.preparation.write_record", full)
    with pytest.raises(OutputError, match="no space left"):
        train(PaintedBackend("depth:metric"))


def test_several_backends_make_one_universal_head(train, photos):
    samples = open_dataset(photos).lazy_samples
    conventions = ("depth:scale", "inverse_depth:affine")
    backends = [SimulatedBackend(samples, one, (48, 80), seed) for seed, one in enumerate(conventions)]
    card = train(backends, steps=4).card
    assert card.universal and [one.convention for one in card.backends] == list(conventions)
    assert card.mismatch(PaintedBackend("depth:scale"), PaintedBackend("depth:scale")) is None


def test_a_heads_card_tells_wrapped_functions_apart_by_their_names(train):
    def nearness(images):
        return images.mean(1)

    def brightness(images):
        return images.mean(1)

    backends = [patchwrap.wrap_callable(one, "inverse_depth:scale", (48, 80)) for one in (nearness, brightness)]
    first, second = backends
    card = train(first, steps=1).card
    assert [one.name for one in card.backends] == ["nearness"] and card.mismatch(first, first) is None
    assert card.mismatch(second, second) == "was trained for nearness, and not for brightness"
    tiles = PaintedBackend("depth:scale")
    assert card.mismatch(second, tiles) == "was trained for nearness, and not for brightness + PaintedBackend"


def test_one_of_several_backends_at_a_time_is_on_the_device(photos, tmp_path):
    placed, most = {}, []

    class Placed(PaintedBackend):
        def to(self, device, dtype):
            placed[id(self)] = dtype == torch.bfloat16  # a number type stands for the device

        def predict(self, images):
            assert placed[id(self)]
            most.append(sum(placed.values()))
            return super().predict(images)

    options = TINY | {"dtype": "bfloat16", "steps": 1, "on_step": lambda now: most.append(sum(placed.values()) + 1)}
    backends = [Placed(convention) for convention in ("depth:scale", "depth:metric")]
    finetune(backends, photos, tmp_path / "head.safetensors", cache=tmp_path, **options)
    assert len(placed) == 2 and set(most) == {1}


def test_a_training_goes_on_from_a_head(train, tmp_path):
    first = train(steps=20, rate=3e-3)
    second = train(name="second", steps=1, rate=1e-9, start_from=tmp_path / "head.safetensors")
    assert torch.allclose(weights(first), weights(second), atol=1e-3)
    assert HeadCard.from_dict(second.card.training["started_from"]) == first.card
    third = train(name="third", steps=1, rate=1e-9, start_from="universal", widths=WIDTHS)
    assert torch.allclose(weights(load_head("universal")), weights(third), atol=1e-3)


def test_a_training_keeps_begin_and_widths_of_the_head_that_it_starts_from(train, tmp_path):
    started = {"steps": 1, "start_from": tmp_path / "head.safetensors"}
    train(steps=1, begin="aligned")
    for name, options in (("same", {"begin": "aligned"}), ("unnamed", {"widths": WIDTHS})):
        recipe = train(name=name, **started, **options).card.training["recipe"]
        assert (recipe["begin"], tuple(recipe["widths"])) == ("aligned", TINY["widths"])
    with pytest.raises(OptionError, match=r"widths \(4, 8\) is given, but .* has \(4, 8, 16\).*Leave widths out"):
        train(name="other", **started, widths=(4, 8))
    train(steps=1)
    with pytest.raises(OptionError, match=r"begin 'aligned' is given, but .* has 'agreed'.*Leave begin out"):
        train(name="other", **started, begin="aligned")


def test_images_that_a_head_was_trained_on_are_told_where_they_select(train, photos, tmp_path, caplog):
    folder = shutil.copytree(photos, tmp_path / "photos")

    def go_on(name, learned, judged, **options):
        samples = open_dataset(folder).lazy_samples
        data, held_out = ([samples[n] for n in numbers] for numbers in (learned, judged))
        train(data=data, name=name, held_out_data=held_out, steps=1, **options)

    go_on("first", [0, 1], [2])
    go_on("second", [3], [2], start_from=tmp_path / "first.safetensors")
    assert not caplog.messages
    for path in folder.iterdir():
        os.utime(path)
    go_on("third", [2], [0, 1, 3], start_from=tmp_path / "second.safetensors")
    assert len(caplog.messages) == 1 and "3 of 3 images for selection, such as '0', are" in caplog.messages[0]


def test_a_state_begun_from_another_head_is_not_gone_on_with(train, tmp_path):
    """Heads of one shape have files of one size."""

    def stop(trainer):
        trainer.save()
        raise KeyboardInterrupt

    train(steps=1)
    train(name="other", steps=1, seed=1)
    with pytest.raises(KeyboardInterrupt):
        train(name="third", steps=3, start_from=tmp_path / "head.safetensors", on_step=stop)
    with pytest.raises(OptionError, match="other options or data"):
        train(name="third", steps=3, start_from=tmp_path / "other.safetensors")


def test_training_ends_early_when_nothing_becomes_better(train):
    head = train(steps=50, epoch=1, patience=2, rate=1e-12)
    assert head.card.training["history"]["step"] <= 4


def test_training_ends_at_the_evaluation_at_which_patience_runs_out(train):
    assert train(steps=20, epoch=3, patience=1, rate=1e-12).card.training["history"]["step"] == 3


def test_a_training_by_time_is_evaluated_by_time(train):
    class Clock:
        """Every reading is a quarter of a second later."""

        now = 0.0

        def perf_counter(self):
            self.now += 0.25
            return self.now

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("patchwrap.finetune.trainer.time", Clock())
        head = train(steps=100_000, minutes=5 / 60, patience=100)
    assert [row["step"] for row in head.card.training["history"]["scores"]] == list(range(0, 21, 2))


def test_the_rate_rises_and_falls():
    assert [share_of_rate(progress, 0.1) for progress in (0.0, 0.05, 0.1, 0.55, 1.0)] == pytest.approx(
        [0.05, 0.525, 1, 0.505, 0.01]
    )


def test_accumulated_batches_make_one_step(train):
    assert train(steps=2, accumulate=3).card.training["history"]["step"] == 2


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_shorter_numbers_train_too(train, precision):
    losses = train(steps=2, epoch=1, precision=precision).card.training["history"]["losses"]
    assert all(np.isfinite(row["silog"]) for row in losses[1:])


def test_a_loss_that_is_never_finite_ends_with_one_clear_line(train, monkeypatch):
    from patchwrap.finetune import trainer

    def spoilt(batch, refined, features, recipe):
        return {"silog": refined.sum() * torch.nan}

    monkeypatch.setattr(trainer, "terms", spoilt)
    with pytest.raises(TrainingError, match="not finite 20 steps in a row"):
        train(steps=100)


def test_a_single_loss_that_is_not_finite_is_left_out_and_counted(train, monkeypatch):
    from patchwrap.finetune import trainer

    whole, calls = trainer.terms, []

    def spoilt(batch, refined, features, recipe):
        calls.append(1)
        found = whole(batch, refined, features, recipe)
        return {name: value * (torch.nan if len(calls) == 2 else 1) for name, value in found.items()}

    monkeypatch.setattr(trainer, "terms", spoilt)
    head = train(steps=4)
    assert head.card.training["history"]["not_finite"] == 1 and weights(head).isfinite().all()


def test_samples_that_cannot_be_used_are_skipped_and_counted(photos, tmp_path, caplog):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for seed in range(4, 8):
        paint_scene(folder, seed)
    np.save(folder / "5.npy", np.full(SIZE, np.nan, np.float32))
    (folder / "6.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING, "patchwrap"):
        head = finetune(
            PaintedBackend("depth:scale"), folder, tmp_path / "head.safetensors", cache=tmp_path / "kept",
            held_out_data=open_dataset(photos).lazy_samples[:1], steps=1, **TINY,
        )  # fmt: skip
    assert [one["name"] for one in head.card.training["skipped"]] == ["5", "6"]
    assert "2 of 5 samples are skipped; 5: " in caplog.messages[0] and "no pixel that counts" in caplog.messages[0]


class Blank(PaintedBackend):
    """Predicts a constant for bright photos, as a network may for a wall."""

    def predict(self, images):
        maps = super().predict(images)
        bright = images.mean((1, 2, 3)) > 0.9
        return torch.where(bright[:, None, None, None], torch.ones_like(maps), maps)


def test_a_photo_whose_coarse_map_is_constant_is_skipped(photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "walls")
    wall = np.full(SIZE, 255, np.uint8)
    wall[20:40, 20:40] = 225
    Image.fromarray(np.repeat(wall[..., None], 3, 2)).save(folder / "9.png")
    np.save(folder / "9.npy", (255 / wall).astype(np.float32))
    head = finetune(
        None, folder, tmp_path / "head.safetensors", coarse=Blank("depth:scale"), cache=tmp_path / "kept", steps=1,
        fine=PaintedBackend("depth:scale", 0.2), **TINY,
    )  # fmt: skip
    (skipped,) = head.card.training["skipped"]
    assert skipped["name"] == "9" and "coarse map is constant" in skipped["why"]
    assert np.isfinite(head.card.training["history"]["best"])


def test_a_first_score_that_is_not_finite_ends_the_training(train, monkeypatch):
    from patchwrap.finetune import trainer

    monkeypatch.setattr(trainer, "totals", lambda *given: torch.full((2, 2, 3), torch.nan, dtype=torch.float64))
    with pytest.raises(TrainingError, match=r"held-out images cannot be scored.*consistency nan"):
        train(steps=2)


def test_a_later_score_that_is_not_finite_is_worse_than_any(train, monkeypatch):
    from patchwrap.finetune import trainer

    whole, calls = trainer.totals, []

    def spoilt(*given):
        calls.append(1)
        return whole(*given) * (torch.nan if len(calls) == 2 else 1)

    monkeypatch.setattr(trainer, "totals", spoilt)
    history = train(steps=3, epoch=1, rate=1e-3).card.training["history"]
    assert history["best_step"] != 1 and np.isfinite(history["best"]) and len(history["scores"]) == 4


def test_height_has_no_truth(photos, tmp_path):
    backend = patchwrap.wrap_callable(lambda images: images.mean(1) * 10, "height:metric", (48, 80))
    with pytest.raises(ConventionError, match=r"predicts height.*--no-gt"):
        finetune(backend, photos, tmp_path / "h.safetensors", cache=tmp_path / "kept", steps=1, **TINY)


def test_tiles_that_are_too_small_for_a_head_are_one_clear_line(photos, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    for seed in range(2):
        paint_scene(folder, seed, (24, 160))
    backend = PaintedBackend("depth:scale")
    backend.processing = (12, 80)
    with pytest.raises(OptionError, match=r"tiles of plan 2x2 are \d+x\d+ pixels; training needs 16 a side"):
        finetune(backend, folder, tmp_path / "h.safetensors", cache=tmp_path / "kept", steps=1, **TINY)


def test_images_to_train_on_are_refused_for_selection(photos, tmp_path):
    samples = open_dataset(photos).lazy_samples
    with pytest.raises(OptionError, match="held_out_data contains 1 of the images to train on, such as '3'"):
        finetune(PaintedBackend(), samples, tmp_path / "h.safetensors", held_out_data=samples[3:], **TINY)


@pytest.fixture
def copies(photos, tmp_path):
    """The first photo four times: copied, described, with packed depth, and read with another scale."""
    for folder in ("same", "described", "packed"):
        (tmp_path / folder).mkdir()
        shutil.copyfile(photos / "0.png", tmp_path / folder / "0.png")
    for folder in ("same", "described"):
        shutil.copyfile(photos / "0.npy", tmp_path / folder / "0.npy")
    (tmp_path / "described" / "0.json").write_text("{}")
    np.savez_compressed(tmp_path / "packed" / "0.npz", np.load(photos / "0.npy"))
    samples = [Pairs(tmp_path / folder).lazy_samples[0] for folder in ("same", "described", "packed")]
    return [*samples, Pairs(photos, depth_scale=0.01).lazy_samples[0]]


def test_copies_of_images_to_train_on_are_refused_for_selection_however_they_are_read(photos, copies):
    for copied in copies:
        with pytest.raises(OptionError, match="held_out_data contains 1 of the images to train on, such as '0'"):
            apart(Pairs(photos).lazy_samples, [copied])


def test_copies_of_images_that_a_head_was_trained_on_are_told_however_they_are_read(photos, copies):
    first, second = Pairs(photos).lazy_samples[:2]
    assert all(runner._learned({"images": ["0"], "stamps": {"0": first.stamp}}, copied) for copied in copies)
    assert not any(runner._learned({"images": ["0"], "stamps": {"0": second.stamp}}, copied) for copied in copies)


def test_an_image_to_train_on_is_refused_for_selection_though_another_scene_has_its_name(tmp_path, write):
    for scene, grey in (("den", 60), ("hall", 200)):
        write(tmp_path / scene / "depth_1.png", np.full((48, 64), 2000))
        Image.new("RGB", (64, 48), (grey, grey, grey)).save(tmp_path / scene / "rgb_1.png")
    samples = NyuV2(tmp_path).lazy_samples
    with pytest.raises(OptionError, match="contains 1 of the images to train on, such as 'den/rgb_1'"):
        apart(samples, samples[:1])


def test_uncompressed_pictures_of_one_name_and_size_are_no_copies(tmp_path):
    for folder, grey in (("train", 60), ("judged", 200)):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (64, 48), (grey, grey, grey)).save(tmp_path / folder / "0001.tif")
        np.save(tmp_path / folder / "0001.npy", np.ones((48, 64), np.float32))
    train, judged = (Pairs(tmp_path / folder).lazy_samples for folder in ("train", "judged"))
    assert apart(train, judged) == (train, judged)


def test_a_picture_in_memory_is_a_copy_with_other_depth_and_of_a_file(photos, copies):
    other = Pairs(photos)[1]
    learned = Pairs(photos)[0]
    for judged in (replace(learned, depth=2 * learned.depth), *copies):
        with pytest.raises(OptionError, match="contains 1 of the images to train on, such as '0'"):
            apart([learned], [judged])
    assert apart([learned], [replace(other, name="0")])
    copies[0].entry.image.unlink()
    assert apart([learned], copies[:1])


def test_a_picture_that_is_gone_since_it_was_listed_is_no_copy(photos, copies):
    train = Pairs(photos).lazy_samples
    copies[0].entry.image.unlink()
    assert apart(train, copies[:1]) == (train, copies[:1])


@pytest.mark.parametrize("size", ["1920x1080", "3840x2160"])
def test_generated_images_for_selection_are_other_scenes_than_those_to_train_on(tmp_path, monkeypatch, size):
    def drawn(count, size, cache, progress, first, kinds):
        return [Named(str(FIRST_SEED + first + n), stamp=str(size)) for n in range(count)]

    monkeypatch.setattr(image_set, "generated_samples", drawn)
    jobs = []
    monkeypatch.setattr(runner, "_trained", lambda job, *given: jobs.append(job) or Head())
    options = {"held_out_data": f"generated:8@{size}", "cache": tmp_path, **TINY}
    finetune(PaintedBackend("depth:scale"), "generated:48@1920x1080", tmp_path / "h.safetensors", **options)
    learned, judged = ({int(sample.name) for sample in part} for part in (jobs[0].train, jobs[0].held_out))
    assert len(learned) == 48 and len(judged) == 8 and not learned & judged
    assert min(learned | judged) >= 500_000 and max(learned | judged) < 700_000


def test_folders_may_be_given_as_text(photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "others")
    for seed in range(4):
        paint_scene(folder, seed + 10)
        for ending in ("png", "npy"):
            (folder / f"{seed}.{ending}").unlink()
    given = {"held_out_data": str(folder), "cache": str(tmp_path / "kept"), "steps": 1, **TINY}
    card = finetune(PaintedBackend("depth:scale"), str(photos), str(tmp_path / "h.safetensors"), **given).card
    assert card.training["images"] == ["0", "1", "2", "3"]
    assert card.training["held_out"] == ["10", "11", "12", "13"] and (tmp_path / "kept").is_dir()


@pytest.mark.parametrize("truth", [True, False])
@pytest.mark.parametrize(
    ("data", "held_out", "told"), [([0], [], "held_out_data is empty"), ([], [0], "^data is empty")]
)
def test_an_empty_list_is_told_before_anything_is_predicted(photos, tmp_path, data, held_out, told, truth):
    samples, backend = open_dataset(photos).lazy_samples, PaintedBackend()
    options = {**TINY, "truth": truth, "held_out_data": [samples[n] for n in held_out]}
    with pytest.raises(OptionError, match=told):
        finetune(backend, [samples[n] for n in data], tmp_path / "h.safetensors", **options)
    assert not backend.calls


def test_photos_without_anything_near_are_skipped_with_the_limit(photos, tmp_path):
    folder = shutil.copytree(photos, tmp_path / "aerial")
    for seed in (1, 2):
        np.save(folder / f"{seed}.npy", 100 * seed * np.load(folder / f"{seed}.npy"))
    judged = {"held_out_data": [open_dataset(photos).lazy_samples[3]], "cache": tmp_path / "kept", "steps": 1}
    (folder / "3.png").unlink()
    head = finetune(PaintedBackend("depth:scale"), folder, tmp_path / "head.safetensors", **TINY, **judged)
    skipped = head.card.training["skipped"]
    assert [one["name"] for one in skipped] == ["1", "2"]
    assert all("depth begins at " in one["why"] and "from 80 m on is not trained on" in one["why"] for one in skipped)


@dataclass
class Named:
    """A sample that is never read."""

    name: str
    stamp: str = ""
    has_depth: bool = True
    max_depth: float = np.inf

    def read(self):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("names", "scenes"),
    [
        ([f"{scene}-{kind}" for scene in ("Adirondack", "Piano", "Jadeplant") for kind in ("perfect", "imperfect")], 3),
        ([f"{scene}/im{n}" for scene in ("Bathroom", "Bottle") for n in range(4)], 2),
        ([f"drive_{n}/image_0{side}/data/{k}" for n in range(3) for side in (2, 3) for k in range(4)], 3),
        ([f"image/2011_09_26_drive_000{n}_sync_image_{k:010d}_image_02" for n in range(3) for k in range(4)], 3),
        ([f"basement_000{n}{part}/rgb_{k:05d}" for n in range(3) for part in "abc" for k in range(4)], 3),
        ([f"indoors/scene_0001{n}/scan_0018{k}/{n}_{k}_indoors" for n in range(3) for k in range(4)], 3),
    ],
)
def test_no_scene_is_both_trained_on_and_selected_by(names, scenes):
    for seed in range(4):
        train, held_out = divided([Named(name) for name in names], Recipe(seed=seed))
        apart = [{scene_of(sample.name) for sample in part} for part in (train, held_out)]
        assert not apart[0] & apart[1] and len(apart[0] | apart[1]) == scenes
        assert len(train) + len(held_out) == len(names)


def test_photos_of_one_folder_are_divided_one_by_one():
    for folder in ("", "one/"):
        train, held_out = divided([Named(f"{folder}{n}") for n in range(16)], Recipe(seed=3))
        chosen = sorted(np.random.default_rng(3).permutation(16)[:2].tolist())
        assert [sample.name for sample in held_out] == [f"{folder}{n}" for n in chosen] and len(train) == 14


@pytest.mark.parametrize("name", ["scan_00183/a", "walls/scan_00183/a", "2011_09_26_drive_0002/image_02/data/5"])
def test_folders_that_only_resemble_views_of_a_scene_are_scenes(name):
    assert scene_of(name) == name.removesuffix("/image_02/data/5").removesuffix("/a")


def fingerprint(backend, tmp_path, **options):
    kept = {"device": "cpu", "dtype": "float32", "tile_batch_size": 4, "seed": 0}
    return Preparation.of(backend, None, None, ["2x2"], tmp_path, **kept, **options).fingerprint


def test_other_weights_and_other_features_are_another_backend(tmp_path):
    torch.manual_seed(0)
    backend, other = Dim(), Dim()
    with torch.no_grad():
        other.decoder.weight.copy_(backend.decoder.weight * (1 + 1e-6))
        other.decoder.bias.copy_(backend.decoder.bias)
    assert fingerprint(backend, tmp_path) != fingerprint(other, tmp_path)
    assert fingerprint(backend, tmp_path) == fingerprint(copy.deepcopy(backend), tmp_path)

    class Stronger(Guided):
        def predict_with_features(self, images):
            return self.predict(images), 5 * images[:, :2, ::2, ::2]

    Stronger.__name__ = "Guided"
    pair = Guided("depth:scale", 0.1), Stronger("depth:scale", 0.1)
    assert len({fingerprint(one, tmp_path, guided=True) for one in pair}) == 2
    assert len({fingerprint(one, tmp_path) for one in pair}) == 1


def test_other_inputs_and_a_slight_blur_are_another_backend(tmp_path):
    def bright(images):
        return 1 + images.mean(1)

    def blurred(images):
        return torch.nn.functional.avg_pool2d(bright(images), 3, 1, 1, count_include_pad=False)

    def wrapped(function, **options):
        return patchwrap.wrap_callable(function, "depth:scale", (384, 512), **options)

    plain, again = wrapped(bright), wrapped(bright)
    others = wrapped(bright, free_aspect=False), wrapped(bright, multiple=16), wrapped(blurred)
    assert fingerprint(plain, tmp_path) == fingerprint(again, tmp_path)
    assert len({fingerprint(one, tmp_path) for one in (plain, *others)}) == 4


def test_nothing_to_learn_from_is_one_clear_line(tmp_path):
    with pytest.raises(OptionError, match="is not a folder"):
        finetune(PaintedBackend(), tmp_path / "none", tmp_path / "h.safetensors", **TINY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="looked for photos"):
        finetune(PaintedBackend(), tmp_path / "empty", tmp_path / "h.safetensors", **TINY)
    for seed in range(2):
        paint_scene(tmp_path / "empty", seed)
        np.save(tmp_path / "empty" / f"{seed}.npy", np.full(SIZE, np.inf, np.float32))
    with pytest.raises(OptionError, match="no sample is left to learn from"):
        finetune(PaintedBackend(), tmp_path / "empty", tmp_path / "h.safetensors", cache=tmp_path / "kept", **TINY)


def test_a_card_names_the_device_that_was_trained_on(monkeypatch):
    monkeypatch.setattr(job, "machine", lambda device="auto": {"accelerator": device})
    a, b = Named("a"), Named("b")
    made = TrainingJob(Recipe(), Processes("cpu"), [], [a], [b], Path("x.safetensors"), None, None, "ab", {}, False)
    assert made.card({}, 0, []).training["machine"] == {"accelerator": "cpu"}


def test_another_division_of_the_same_images_is_another_training():
    a, b, c = (Named(name) for name in "abc")
    jobs = [
        TrainingJob(Recipe(), Processes("cpu"), [], *parts, Path("x.safetensors"), None, None, "abc", {}, False)
        for parts in (([a, b], [c]), ([a], [b, c]), ([a, b], [c]))
    ]
    assert jobs[0].identity == jobs[2].identity != jobs[1].identity


def test_a_head_that_is_missing_is_told_before_scenes_are_rendered(train, monkeypatch):
    monkeypatch.setattr(runner, "_divided", lambda *_: pytest.fail("data is opened first"))
    with pytest.raises(PatchwrapError, match=r"none\.safetensors"):
        train(start_from="none.safetensors")


def test_one_image_cannot_be_divided(tmp_path, photos):
    with pytest.raises(OptionError, match="Give more images"):
        finetune(PaintedBackend(), photos, tmp_path / "h.safetensors", count=1, **TINY)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"consistency_weight": float("nan")}, "consistency_weight nan"),
        ({"seed": -1}, "seed -1 is negative"),
        ({"seed": 2**63}, "seed 9223372036854775808 is too large"),
        ({"steps": 0}, "steps 0 is less than 1"),
        ({"epoch": -1}, "epoch -1 is less than 1"),
        ({"epoch": 0}, "epoch 0 is less than 1"),
        ({"held_out": 0}, "held_out 0 is less than 1"),
        ({"ema": -1.0}, "ema -1.0 is not a number from 0"),
        ({"ema": 3.0}, "ema 3.0 is not a number from 0"),
        ({"warm_up": 2.0}, "warm_up 2.0 is not a number from 0"),
        ({"widths": ()}, r"widths \(\) are not two or more"),
        ({"rate": -1.0}, "rate -1.0 is not above 0"),
        ({"consistency": "some"}, "is not one of group, pair, none"),
        ({"begin": "some"}, "is not one of agreed, aligned"),
        ({"plans": ()}, "plans is empty"),
        ({"plans": ("2x2", "p49+r8")}, r"'p49\+r8' has random tiles.*without \+rN"),
        ({"plans": ("2x2+3x3",)}, r"'2x2\+3x3' has tiles of several sizes"),
        ({"truth": False, "consistency": "none"}, "nothing to learn from"),
        ({"truth": False, "plans": ("p16", "1x1")}, r"do not overlap \(p16, 1x1\)"),
        ({"momentum": 1}, "finetune has no option 'momentum'. Those of a recipe are: steps, minutes, batch_size,"),
        ({"step": 3}, "finetune has no option 'step'. Did you mean 'steps'?"),
        ({"start_form": "universal"}, "Did you mean 'start_from'?"),
        ({"unfreeze": "decoder", "guidance": True}, "is not possible"),
        ({"device": "quantum"}, "device 'quantum' is not known"),
    ],
)
def test_impossible_options_are_refused(train, options, words):
    with pytest.raises(OptionError, match=words):
        train(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": "3"}, "steps '3' is of type str; give a whole number."),
        ({"steps": 2.5}, "steps 2.5 is of type float; give a whole number."),
        ({"rate": "1e-3"}, "rate '1e-3' is of type str; give a number."),
        ({"rate": None}, "rate None is of type NoneType; give a number."),
        ({"minutes": "5"}, "minutes '5' is of type str; give a number or None."),
        ({"held_out": "2"}, "held_out '2' is of type str; give a whole number or None."),
        ({"truth": "no"}, "truth 'no' is of type str; give True or False."),
        ({"plans": 3}, "plans 3 is of type int; give a tuple of text such as"),
        ({"plans": [2, 3]}, "plans 2 is of type int; give text such as '2x2'."),
        ({"widths": 5}, "widths 5 is of type int; give a tuple of whole numbers."),
        ({"widths": (8, 1.5)}, "widths 1.5 is of type float; give a whole number."),
    ],
)
def test_options_of_impossible_types_are_refused(train, monkeypatch, options, words):
    monkeypatch.setattr(Recipe, "__init__", inspect.unwrap(Recipe.__init__))  # without the tests' own check of types
    with pytest.raises(OptionError, match=words):
        train(**options)


def test_a_dictionary_is_no_recipe():
    with pytest.raises(OptionError, match="recipe is of type dict; give a Recipe, or its options by name"):
        inspect.unwrap(runner._with)({"steps": 3}, {})


def test_numpys_numbers_become_pythons_in_a_recipe():
    made = runner._with(Recipe(), {"steps": np.int64(3), "truth": np.bool_(True), "rate": np.float64(1e-3)})
    assert json.dumps([made.steps, made.truth, made.rate]) == "[3, true, 0.001]"


def test_plans_of_equal_tiles_and_of_tiles_without_neighbours_are_trained_on():
    for options in ({"plans": ("p16+p49", "slide:64x48")}, {"plans": ("p16", "1x1")}):
        assert Recipe(**options).plans == options["plans"]
    assert not Recipe(plans=("p16", "p49"), truth=False).truth


def test_every_option_of_a_recipe_has_a_type_or_words():
    assert {one.name for one in fields(Recipe)} == recipe.WORDS.keys() | recipe._TYPES.keys()


def test_one_plan_may_be_given_as_text(train):
    assert train(plans="2x2", steps=1).card.training["recipe"]["plans"] == ["2x2"]


def test_processes_wait_for_each_other_for_days(monkeypatch):
    given, stub = {}, ModuleType("accelerate")
    stub.PartialState = lambda **options: given.update(options) or SimpleNamespace(num_processes=1)
    monkeypatch.setitem(sys.modules, "accelerate", stub)
    Processes("cpu")
    assert given["cpu"] and given["timeout"] > timedelta(days=2)


def test_the_first_process_renders_missing_scenes_before_the_others(train, monkeypatch):
    told = []

    @contextmanager
    def ahead(self):
        told.append("first")
        yield
        told.append("others")

    monkeypatch.setattr(Processes, "first_ahead", ahead)
    whole = ImageSet.open.__func__
    monkeypatch.setattr(ImageSet, "open", classmethod(lambda *given: told.append("rendered") or whole(*given)))
    train(steps=1)
    assert told == ["first", "rendered", "others"]


def test_without_the_extra_its_name_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtraError, match=r"needs accelerate.*patchwrap\[finetune\]"):
        extra("accelerate")


SCRIPT = """
import os, signal, sys
from pathlib import Path
import torch
from patchwrap.clock import Clock
from patchwrap.datasets import open_dataset
from patchwrap.engine import Engine
from patchwrap.finetune import SimulatedBackend
from patchwrap.finetune import runner
from patchwrap.finetune.record import Record
from patchwrap.finetune.runner import finetune
from patchwrap.finetune.trainer import Trainer

torch.set_num_threads(1)
photos, out, cache, steps, fatal = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:])

def report(trainer):
    if trainer.history.step == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

class Kept(Trainer):
    def run(self, *given):
        best = super().run(*given)
        torch.save(self.trainee.state_dict(), f"{out}.{self.processes.index}.pt")
        return best

runner.Trainer = Kept
backend = SimulatedBackend(open_dataset(photos).lazy_samples, processing=(48, 80))
finetune(
    backend, photos, out, cache=cache, steps=steps, epoch=4, widths=(4, 8, 16), batch_size=4, plans=("2x2",),
    device="cpu", save_seconds=0.0, patience=100, on_step=report,
)
"""


def run(photos, cache, out, steps, *before, fatal=0):
    """Train in another process, which kills itself at a step; its exit status and what it said."""
    script = out.with_suffix(".py")
    script.write_text(SCRIPT)
    words = [sys.executable, *before, str(script), str(photos), str(out), str(cache), str(steps), str(fatal)]
    root = str(Path(patchwrap.__file__).parents[1])
    known = {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, env=os.environ | known, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_killed_training_goes_on_to_the_same_weights(photos, cache, tmp_path):
    whole, killed = tmp_path / "whole.safetensors", tmp_path / "killed.safetensors"
    assert run(photos, cache, whole, 8) == (0, "")
    # Between two evaluations, so that what was summed and drawn ahead matters, too.
    assert run(photos, cache, killed, 8, fatal=6)[0] == -signal.SIGKILL
    assert killed.with_suffix(".training.pt").exists() and not killed.exists()
    assert run(photos, cache, killed, 8) == (0, "")
    first, second = load_head(whole), load_head(killed)
    assert torch.equal(weights(first), weights(second))
    histories = [head.card.training["history"] for head in (first, second)]
    for kind in ("scores", "losses"):
        rows = [[row | {"seconds": 0, "error": 0} for row in history[kind]] for history in histories]
        assert rows[0] == rows[1]


def test_a_state_of_another_training_is_not_gone_on_with(train, tmp_path):
    def stop(trainer):
        trainer.save()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(steps=3, on_step=stop)
    with pytest.raises(OptionError, match="a training with other options or data") as caught:
        train(steps=4)
    assert "more steps" not in str(caught.value) and "longer" not in str(caught.value)


def test_two_processes_train_one_head_on_the_mean_of_their_gradients(train, photos, cache, tmp_path, monkeypatch):
    out = tmp_path / "head.safetensors"
    status, told = run(photos, cache, out, 4, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    assert status == 0, told
    head = load_head(out)
    assert head.card.training["processes"] == 2 and head.card.training["history"]["step"] == 4
    first, second = (torch.load(f"{out}.{index}.pt", weights_only=True) for index in range(2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    draw, last = Drawer.draw, {}
    # One process that sees the batches of both.
    monkeypatch.setattr(Drawer, "draw", lambda self, step, part, index: draw(self, step, 0, part))

    def keep(trainer):
        last.update({name: value.clone() for name, value in trainer.trainee.state_dict().items()})

    train(name="alone", steps=4, epoch=4, patience=100, accumulate=2, on_step=keep)
    for name, value in first.items():
        torch.testing.assert_close(last[name], value, rtol=1e-3, atol=2e-5)
