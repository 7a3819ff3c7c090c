"""Training of fusion heads: what is learned, kept, selected, resumed and refused; on small painted photos."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import patchwrap
from patchwrap.datasets import open_dataset
from patchwrap.errors import MissingExtraError, OptionError, OutputError, PatchwrapError, TrainingError
from patchwrap.finetune import Recipe, SimulatedBackend
from patchwrap.finetune.processes import extra
from patchwrap.finetune.record import Record
from patchwrap.finetune.runner import finetune
from patchwrap.finetune.trainer import share_of_rate
from patchwrap.heads import HeadCard, load_head
from patchwrap.metrics import align, depth_metrics
from patchwrap.testing import PaintedBackend

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


def test_a_file_in_the_way_of_the_curves_is_told_before_anything_is_predicted(train, tmp_path):
    (tmp_path / "head.log").write_text("")
    told = []
    with pytest.raises(OptionError, match=r"head\.log' is a file"):
        train(progress=lambda *what: told.append(what))
    assert not told


def test_what_the_backend_says_is_asked_once(photos, cache, tmp_path):
    backend = PaintedBackend("depth:scale")
    for name in ("a", "b"):
        finetune(backend, photos, tmp_path / f"{name}.safetensors", cache=tmp_path / "kept", steps=1, **TINY)
        if name == "a":
            asked = len(backend.calls)
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

    def train(name, **options):
        return finetune(backend, folder, tmp_path / f"{name}.safetensors", cache=cache, steps=1, **TINY, **options)

    assert len(train("a", held_out_data=open_dataset(folder).lazy_samples[:1]).card.training["skipped"]) == 1
    kept = len(list(cache.rglob("*.safetensors")))
    shutil.copy(photos / "2.npy", folder / "2.npy")
    assert not train("b", held_out_data=open_dataset(folder).lazy_samples[:1]).card.training["skipped"]
    train("c", truth=False)
    assert (kept, len(list(cache.rglob("*.safetensors")))) == (3, 4)


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

    convention = patchwrap.DepthConvention("depth", "scale")
    processing = (48, 80)

    def __init__(self):
        super().__init__()
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
        (guided[0], "guided by other features", {"start_from": "universal", "guidance": True}),
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


def test_a_training_goes_on_from_a_head(train, tmp_path):
    first = train(steps=20, rate=3e-3)
    second = train(name="second", steps=1, rate=1e-9, start_from=tmp_path / "head.safetensors")
    assert torch.allclose(weights(first), weights(second), atol=1e-3)
    assert HeadCard.from_dict(second.card.training["started_from"]) == first.card
    third = train(name="third", steps=1, rate=1e-9, start_from="universal")
    assert torch.allclose(weights(load_head("universal")), weights(third), atol=1e-3)


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


def test_samples_that_cannot_be_used_are_skipped_and_counted(tmp_path, caplog):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for seed in range(4):
        paint_scene(folder, seed)
    np.save(folder / "1.npy", np.full(SIZE, np.nan, np.float32))
    (folder / "2.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING, "patchwrap"):
        head = finetune(
            PaintedBackend("depth:scale"), folder, tmp_path / "head.safetensors", cache=tmp_path / "kept",
            held_out_data=open_dataset(folder).lazy_samples[3:], steps=1, **TINY,
        )  # fmt: skip
    assert [one["name"] for one in head.card.training["skipped"]] == ["1", "2"]
    assert "2 of 5 samples are skipped; 1: " in caplog.messages[0] and "no pixel that counts" in caplog.messages[0]


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
        ({"rate": -1.0}, "rate -1.0 is not above 0"),
        ({"consistency": "some"}, "is not one of group, pair, none"),
        ({"begin": "some"}, "is not one of agreed, aligned"),
        ({"plans": ()}, "plans is empty"),
        ({"truth": False, "consistency": "none"}, "nothing to learn from"),
        ({"momentum": 1}, "has no such option"),
        ({"unfreeze": "decoder", "guidance": True}, "is not possible"),
        ({"device": "quantum"}, "cannot be used here"),
    ],
)
def test_impossible_options_are_refused(train, options, words):
    with pytest.raises(OptionError, match=words):
        train(**options)


def test_without_the_extra_its_name_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtraError, match=r"needs accelerate.*patchwrap\[finetune\]"):
        extra("accelerate")


SCRIPT = """
import os, signal, sys
from pathlib import Path
import torch
from patchwrap.datasets import open_dataset
from patchwrap.finetune import SimulatedBackend
from patchwrap.finetune.record import Record
from patchwrap.finetune.runner import finetune

torch.set_num_threads(1)
photos, out, cache, steps, fatal = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:])

def report(trainer):
    if trainer.history.step == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

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
    with pytest.raises(OptionError, match="a training with other options or data"):
        train(steps=4)


def test_two_processes_train_one_head(photos, cache, tmp_path):
    out = tmp_path / "head.safetensors"
    status, told = run(photos, cache, out, 4, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    assert status == 0, told
    head = load_head(out)
    assert head.card.training["processes"] == 2 and head.card.training["history"]["step"] == 4
    assert weights(head).isfinite().all()
