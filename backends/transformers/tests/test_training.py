"""Depth Anything, trained for a few steps on fake scenes, is an ordinary checkpoint that goes on where it stopped."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.fft import idct
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation

import patchwrap
from patchwrap.testing import painted_photo
from patchwrap_native import checkpoint
from patchwrap_native.depth_code import encode
from patchwrap_native.shards import SceneViews, write_shard

FOLDER = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """The training, imported as a script does, and forgotten again."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("train_depth_anything")
    for name in ("train_depth_anything", "starting_weights", "muon", "guidance", "styles", "average_weights"):
        sys.modules.pop(name, None)


def scene(seed, size=(64, 96)):
    """A floor that recedes under a sky, with a near box; red falls with distance."""
    draw = np.random.default_rng(seed)
    y, x = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]), indexing="ij")
    depth = draw.uniform(2, 6) / (y + 0.2)
    top, left = draw.uniform(0.2, 0.6, 2)
    depth[(abs(y - top) < 0.15) & (abs(x - left) < 0.2)] = 1.5
    depth[y < 0.1] = np.inf
    image = np.stack([255 / (1 + 0.2 * depth), 60 + 80 * x, 255 * y], -1).astype(np.uint8)
    views = np.stack([image, image[::-1]]), encode(np.stack([depth, depth[::-1]]).astype(np.float32))
    whole = (0.0, 0.0, 1.0, 1.0)
    return SceneViews(*views, focals=[80.0, 80.0], windows=[whole, whole], seed=seed, kind="fake")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    write_shard(root / "shard_00000", [scene(seed) for seed in range(6)])
    return root


@pytest.fixture
def train(script, shards, tmp_path):
    """Trains for some steps into a folder."""

    def run(folder, steps, *words):
        line = ["--shards", str(shards), "--held-out", str(shards), "-o", str(tmp_path / folder)]
        script.main([*line, "--steps", str(steps), "--batch-size", "2", *words])
        return tmp_path / folder

    return run


def test_a_few_steps_make_an_ordinary_checkpoint(script, train, tmp_path):
    folder = train("out", 2)
    network = DepthAnythingForDepthEstimation.from_pretrained(folder)
    assert type(network.config) is DepthAnythingConfig and network.config.depth_estimation_type == "relative"
    backend = patchwrap.load_backend("transformers", folder)
    assert str(backend.convention) == "inverse_depth:affine" and backend.free_aspect
    assert (backend.processing, backend.multiple) == (script.SIZE, script.PATCH)
    depth = patchwrap.predict(painted_photo(200, 300), backend, tiles=False)
    assert np.isfinite(depth.values).all() and depth.values.std() > 0
    card = json.loads((folder / "card.json").read_text())
    assert card["history"]["step"] == 2 and card["history"]["held_out"][-1]["abs_rel"] > 0
    assert card["scenes"] == {"count": 6, "first_seed": 0, "last_seed": 5} and card["parameters"] <= 6_000_000
    assert str(tmp_path) not in (folder / "card.json").read_text()
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    assert (tmp_path / "out.pt").exists()
    assert (folder / "model.safetensors").stat().st_size < 2.2 * card["parameters"]


def test_patches_start_as_a_cosine_transform(script):
    filters = importlib.import_module("starting_weights").cosines(12, 4)
    assert filters.shape == (12, 3, 4, 4)
    flat = filters.flatten(1)
    gram = flat @ flat.T
    torch.testing.assert_close(gram, torch.diag(gram.diag()), atol=1e-6, rtol=0)
    # The first of each colour is a mean over the patch; a row of pixels is what scipy makes of it.
    torch.testing.assert_close(filters[0, 0], filters[0, 0, 0, 0].expand(4, 4))
    step = filters[1, 0].sum(0) if filters[1, 0, 0, 0] != filters[1, 0, 0, 3] else filters[1, 0].sum(1)
    cosine = torch.from_numpy(idct(np.eye(4)[1], norm="ortho")).float()
    torch.testing.assert_close(step / step.norm(), cosine)


def test_attention_starts_as_a_look_at_what_is_alike(script):
    network = script.start(None).network
    attention = network.backbone.encoder.layer[0].attention
    product = attention.o_proj.weight @ attention.v_proj.weight
    assert product.diag().mean().item() == pytest.approx(-0.4, abs=0.02)
    assert abs((product - torch.diag(product.diag())).mean().item()) < 1e-3
    waves = network.backbone.embeddings.position_embeddings.detach()[0, 1:].reshape(16, 16, -1)
    likeness = [float(waves[8, 8] @ waves[8, 8 + off]) for off in (0, 1, 2)]
    assert likeness[0] > likeness[1] > likeness[2]


def test_it_goes_on_where_it_stopped(train):
    first = DepthAnythingForDepthEstimation.from_pretrained(train("out", 1))
    folder = train("out", 3)
    card = json.loads((folder / "card.json").read_text())
    assert card["history"]["step"] == 3 and [row["step"] for row in card["history"]["held_out"]] == [1, 3]
    third = DepthAnythingForDepthEstimation.from_pretrained(folder)
    assert any((a != b).any() for a, b in zip(first.parameters(), third.parameters()))


@pytest.mark.parametrize("words", [("--seed", "1"), ("--rate", "1e-4"), ("--guide", str(checkpoint.SHIPPED))])
def test_the_state_of_a_training_with_other_options_is_refused(train, words):
    folder = train("out", 1)
    with pytest.raises(patchwrap.OptionError, match="other options or data"):
        train("out", 2, *words)
    assert json.loads((folder / "card.json").read_text())["recipe"]["seed"] == 0


def test_a_training_may_start_from_an_earlier_one(train):
    first = train("first", 1)
    second = train("second", 1, "--start-from", str(first))
    card = json.loads((second / "card.json").read_text())
    assert card["history"]["step"] == 1 and card["started_from"]["history"]["step"] == 1


def test_tokens_learn_to_tell_what_a_guide_sees(script):
    guidance = importlib.import_module("guidance")
    torch.manual_seed(0)
    guide = checkpoint.load(checkpoint.SHIPPED).coarse
    images = torch.rand(2, 3, 64, 96)
    told = guidance.Guidance(guide, (0, 1, 2), width=64)
    assert sum(p.numel() for p in told.parameters()) < 50_000  # the guide itself is no part of it
    wanted = [told.wanted(images)[0].flatten(2).mT] * 3
    states = [torch.cat([torch.zeros(2, 1, 96), maps], dim=1) for maps in wanted]
    # Tokens that are the features, told by the identity, leave no distance; tokens that say nothing leave all of it.
    told.tell = torch.nn.ModuleList([torch.nn.Identity()] * 3)
    told.wanted = lambda _: [maps.mT.unflatten(2, (8, 12)) for maps in wanted]
    assert told(images, states) == 0
    assert told(images, [torch.zeros_like(state) for state in states]) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("method", ["wanted", "depth"])
def test_a_guide_follows_its_pictures_to_another_device(script, method):
    guidance = importlib.import_module("guidance")
    guide = checkpoint.load(checkpoint.SHIPPED).coarse
    told = guidance.Guidance(guide, (0, 1, 2), width=64).to("meta")
    guide.forward = lambda images: (images[:, :1], None)  # its own needs a device with autocast
    getattr(told, method)(torch.zeros(2, 3, 64, 96, device="meta"))
    assert {value.device.type for value in guide.parameters()} == {"meta"}


def test_a_fitted_map_is_the_least_squares_line_through_what_is_known(script):
    draw = torch.Generator().manual_seed(3)
    maps, true = torch.rand(2, 2, 1, 8, 9, generator=draw)
    usable = torch.rand(2, 1, 8, 9, generator=draw) > 0.3
    found = script.fitted(maps, true, usable)
    for mine, fit, wanted, where in zip(maps, found, true, usable):
        line = np.polyfit(mine[where].numpy(), wanted[where].numpy(), 1)
        np.testing.assert_allclose(fit.numpy(), np.polyval(line, mine.numpy()), atol=1e-3)
    # What is already a line's image comes back; a flat map is the mean.
    flat = torch.full_like(maps, 0.3)
    torch.testing.assert_close(script.fitted(flat, true, torch.ones_like(usable))[0], true[0].mean().expand(1, 8, 9))
    torch.testing.assert_close(script.fitted(3 - 2 * true, true, usable), true, atol=2e-3, rtol=0)


@pytest.fixture
def styles(script):
    return importlib.import_module("styles")


@pytest.fixture
def pictures():
    return torch.rand(8, 3, 24, 32, generator=torch.Generator().manual_seed(1))


def test_another_look_is_the_same_for_the_same_seed_and_leaves_what_was_given(styles, pictures):
    before = pictures.clone()
    first, again, other = styles.restyle(pictures, 5), styles.restyle(pictures, 5), styles.restyle(pictures, 6)
    assert torch.equal(first, again) and not torch.equal(first, other) and torch.equal(pictures, before)
    assert first.shape == pictures.shape and first.min() >= 0 and first.max() <= 1
    kept = sum(torch.equal(*pair) for seed in range(40) for pair in zip(styles.restyle(pictures, seed), pictures))
    assert 0.12 < kept / 320 < 0.28  # .75 * .6 * .65 * .65 of them are left alone by all four.


def test_another_spectrum_keeps_phases(styles, pictures):
    random = torch.Generator().manual_seed(2)
    before, after = (torch.fft.rfft2(p) for p in (pictures, styles._spectra(pictures, pictures.flip(0), random)))
    turned = (after * before.conj()).angle()[..., 1:-1, 1:-1]  # the border's are real and may turn
    assert turned.abs().max() < 1e-2 and not torch.allclose(before.abs(), after.abs())


def test_other_textures_keep_each_colours_mean_and_spread(styles, pictures):
    changed = styles._textures(pictures, pictures, torch.Generator().manual_seed(2))
    assert (changed - pictures).abs().mean() > 0.02
    torch.testing.assert_close(changed.mean((2, 3)), pictures.mean((2, 3)), atol=1e-4, rtol=0)
    torch.testing.assert_close(changed.std((2, 3)), pictures.std((2, 3)), atol=1e-2, rtol=0)


def test_other_tones_and_light_keep_the_order_of_pixels_side_by_side(styles, pictures):
    toned = styles._tones(pictures, pictures, torch.Generator().manual_seed(2))
    flat = [picture[0].flatten().argsort() for picture in (pictures[0], toned[0])]
    assert torch.equal(*flat) and not torch.allclose(toned, pictures)
    white = torch.ones(4, 3, 24, 32)
    lit = styles._lights(white, white, torch.Generator().manual_seed(2))
    assert torch.equal(lit[:, 0], lit[:, 1]) and lit.min() > 0 and lit.std() > 0.01


def test_a_guide_is_shown_pictures_in_their_own_look(script, shards, monkeypatch):
    monkeypatch.setattr(script, "SCALES", {0.0: 1.0})
    network = script.start(None, checkpoint.SHIPPED)
    opened = script.open_shards(shards)
    stage = script.RelativeStage(network, opened, opened, batch_size=4)
    batch = stage.batch(3, 0.0)
    seen = []
    monkeypatch.setattr(network.guidance, "forward", lambda images, states: seen.append(images) or torch.zeros(()))
    stage.losses(batch)
    assert torch.equal(seen[0], batch.plain) and not torch.equal(batch.plain, batch.images)


def test_a_guide_changes_what_is_learned(train, script):
    plain, guided = train("plain", 2), train("guided", 2, "--guide", str(checkpoint.SHIPPED))
    card = json.loads((guided / "card.json").read_text())
    assert card["history"]["losses"][-1]["guidance"] > 0 and card["guide"]
    first, second = (DepthAnythingForDepthEstimation.from_pretrained(folder) for folder in (plain, guided))
    assert first.state_dict().keys() == second.state_dict().keys()
    assert any((a != b).any() for a, b in zip(first.parameters(), second.parameters()))


def test_a_guides_own_depth_is_canonical_at_the_pictures_size(script):
    guidance = importlib.import_module("guidance")
    guide = checkpoint.load(checkpoint.SHIPPED).coarse
    told = guidance.Guidance(guide, (0, 1, 2), width=64)
    patches = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(4))
    images = torch.nn.functional.interpolate(patches, (64, 96), mode="bilinear")
    twice = images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    wanted = guide(twice)[0].unflatten(2, (64, 2)).unflatten(4, (96, 2)).mean((3, 5)) + np.log(2)
    # A smooth picture is nearly the same enlarged either way.
    assert (told.depth(images) - wanted).abs().mean() < 0.05  # without the factor of two it is 0.67
    assert told.depth(images).shape == (2, 1, 64, 96) and told.depth(images).max() <= np.log(2000) + 1e-5


def test_what_is_taught_is_the_guides_layout(script, shards, monkeypatch):
    monkeypatch.setattr(script, "SCALES", {0.0: 1.0})
    network = script.start(None, checkpoint.SHIPPED)
    opened = script.open_shards(shards)
    stages = [script.RelativeStage(network, opened, opened, batch_size=4, taught=share) for share in (0, 0.5, 1)]
    batch = stages[0].batch(3, 0.0)
    plain, half, all_of_it = (stage.losses(batch) for stage in stages)
    assert "taught" not in plain and "silog" not in all_of_it
    assert half["silog"].item() == pytest.approx(plain["silog"].item() / 2)
    assert half["taught"].item() == pytest.approx(all_of_it["taught"].item() / 2)
    # A guide that sees the truth teaches what the truth does.
    monkeypatch.setattr(network.guidance, "depth", lambda images: batch.target)
    assert stages[2].losses(batch)["taught"].item() == pytest.approx(plain["silog"].item())


def test_teaching_needs_a_guide(script, shards, tmp_path):
    line = ["--shards", str(shards), "--held-out", str(shards), "-o", str(tmp_path / "out"), "--taught", "0.5"]
    with pytest.raises(patchwrap.PatchwrapError, match=r"needs a --guide; given: 0\.5"):
        script.main(line)
    with pytest.raises(patchwrap.PatchwrapError, match=r"from 0 to 1 .* given: -0\.5"):
        script.main([*line, "--taught", "-0.5", "--guide", str(checkpoint.SHIPPED)])
    assert not (tmp_path / "out").exists()


def test_no_shards_is_one_clear_line(script, tmp_path):
    with pytest.raises(patchwrap.PatchwrapError, match="patchwrap-native render"):
        script.main(["--shards", str(tmp_path), "--held-out", str(tmp_path), "-o", str(tmp_path / "out")])


def test_an_average_is_the_sum_of_shares_in_an_ordinary_checkpoint(train, script, tmp_path):
    average = importlib.import_module("average_weights")
    folders = [train("first", 1), train("second", 1, "--seed", "1")]
    average.main([*map(str, folders), "--shares", "0.25", "0.75", "-o", str(tmp_path / "average")])
    parts = [DepthAnythingForDepthEstimation.from_pretrained(folder).state_dict() for folder in folders]
    for name, mean in DepthAnythingForDepthEstimation.from_pretrained(tmp_path / "average").state_dict().items():
        torch.testing.assert_close(mean, 0.25 * parts[0][name] + 0.75 * parts[1][name], atol=1e-3, rtol=1e-3)
    card = json.loads((tmp_path / "average" / "card.json").read_text())
    assert [part["share"] for part in card["averaged"]] == [0.25, 0.75]
    assert card["averaged"][1]["card"]["recipe"]["seed"] == 1 and card["parameters"] <= 6_000_000
    with pytest.raises(patchwrap.PatchwrapError, match="2 folders need as many shares"):
        average.main([*map(str, folders), "--shares", "0.5", "0.4", "-o", str(tmp_path / "other")])
    assert not (tmp_path / "other").exists()


def test_only_one_architecture_has_an_average(script, tmp_path):
    average = importlib.import_module("average_weights")
    for name, width in (("one", 2), ("other", 3)):
        (tmp_path / name).mkdir()
        save_file({"weight": torch.ones(width)}, tmp_path / name / average.WEIGHTS)
    with pytest.raises(patchwrap.PatchwrapError, match="other is of another architecture"):
        average.main([str(tmp_path / "one"), str(tmp_path / "other"), "-o", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
    before = (tmp_path / "one" / average.WEIGHTS).read_bytes()
    with pytest.raises(patchwrap.PatchwrapError, match="is one of the folders to average"):
        average.main([str(tmp_path / "one"), "-o", str(tmp_path / "out" / ".." / "one")])
    assert (tmp_path / "one" / average.WEIGHTS).read_bytes() == before and len(list(tmp_path.iterdir())) == 2
    twice = average.average([(tmp_path / "one", 0.25), (tmp_path / "one", 0.75)])
    assert torch.equal(twice["weight"], torch.ones(2, dtype=torch.float16))


def test_a_card_of_cards_tells_each_once(script):
    told = importlib.import_module("average_weights")._without_repeats
    first, second = {"made": "1", "seconds": 5}, {"made": "2", "seconds": 6}
    cards = [{"share": 0.5, "card": first}, {"share": 0.5, "card": second | {"started_from": first}}]
    assert told(cards, []) == [cards[0], {"share": 0.5, "card": second | {"started_from": {"made": "1"}}}]
    assert told([first, first | {"seconds": 7}], []) == [first, first | {"seconds": 7}]  # both within a second
