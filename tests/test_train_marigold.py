"""The recipe of the small Marigold trains, goes on, and what it writes is diffusers' own."""

import importlib
import json
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import MarigoldDepthPipeline

from patchwrap.errors import OptionError
from patchwrap_native.depth_code import encode
from patchwrap_native.shards import SceneViews, open_shards, write_shard

FOLDER = Path(__file__).parents[1] / "examples"


@pytest.fixture
def module(monkeypatch):
    """Imports a part of the example as a script does, and forgets it again."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name == "train_marigold" or name.split(".")[0] == "marigold":
            del sys.modules[name]


@pytest.fixture
def shards(tmp_path):
    """Two scenes: a floor under the sky, nearer the lower, with a box that stands on it."""
    depth = np.full((3, 64, 96), np.inf, np.float32)
    depth[:, 24:] = np.geomspace(50, 2, 40, dtype=np.float32)[None, :, None]
    depth[:, 30:50, 20:40] = 4.0
    images = np.repeat((255 / (1 + np.where(np.isinf(depth), 100, depth)))[..., None], 3, -1).astype(np.uint8)
    windows = [(0.0, 0.0, 1.0, 1.0)] * 3
    scene = SceneViews(images, encode(depth), [80.0] * 3, windows, [(0, 2)], 7, "street")
    write_shard(tmp_path / "shards" / "shard_00000", [scene, scene])
    return tmp_path / "shards"


def test_two_steps_make_a_pipeline(module, shards, tmp_path):
    out = tmp_path / "marigold"
    words = ["--shards", str(shards), "--held-out", str(shards), "-o", str(out), "--batch-size", "4"]
    module("train_marigold").main([*words, "--steps", "2"])
    card = json.loads((out / "card.json").read_text())
    assert card["parameters"]["unet"] < 5_000_000 and card["parameters"]["vae"] < 3_000_000
    assert (out / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size < 10_000_000
    assert {name: rows["step"] for name, rows in card["history"].items()} == dict.fromkeys(card["history"], 2)
    assert set(card["guesses"]) == {"constant", "ramp", "blurred_gradient"}
    pipeline = MarigoldDepthPipeline.from_pretrained(out)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.config.prediction_type == "disparity"
    assert pipeline.scheduler.config.timestep_spacing == "trailing"
    # What diffusers reads must be scaled as training scaled it, not as Stable Diffusion's autoencoder.
    assert pipeline.vae.config.scaling_factor not in (1.0, 0.18215)
    photo = torch.rand(1, 3, 61, 93, generator=torch.Generator().manual_seed(0))
    for steps in (1, 4):
        generator = torch.Generator().manual_seed(1)
        made = pipeline(photo, num_inference_steps=steps, generator=generator, output_type="pt").prediction
        assert made.shape == (1, 1, 61, 93) and made.isfinite().all() and made.std() > 1e-3
    assert not pipeline.empty_text_embedding.any()
    for change in (["--seed", "1"], ["--rate", "1e-4"], ["--start-from", str(out)]):
        with pytest.raises(OptionError, match="other options or data"):
            module("train_marigold").main([*words, "--steps", "3", *change])


def test_another_training_goes_on_from_the_first(module, shards, tmp_path):
    words = ["--shards", str(shards), "--held-out", str(shards), "--batch-size", "4", "--steps", "1"]
    module("train_marigold").main([*words, "-o", str(tmp_path / "first")])
    module("train_marigold").main(
        [*words, "-o", str(tmp_path / "next"), "--start-from", str(tmp_path / "first"), "--rate", "1e-9"]
    )
    first, then = (MarigoldDepthPipeline.from_pretrained(tmp_path / name) for name in ("first", "next"))
    assert then.vae.config.scaling_factor == first.vae.config.scaling_factor
    for part in ("vae", "unet"):
        before, after = getattr(first, part).state_dict(), getattr(then, part).state_dict()
        assert all(torch.allclose(before[name], after[name], atol=1e-4) for name in before)
    card = json.loads((tmp_path / "next" / "card.json").read_text())
    assert card["started_from"]["history"]["finish"]["step"] == 1 and set(card["history"]) == {"denoiser", "finish"}


def test_a_part_that_is_given_more_steps_takes_the_later_ones_along(module, tmp_path):
    """The denoiser climbs towards a hundred; the finish, whose rate is 0, keeps what it begins with."""
    script = module("train_marigold")

    @dataclass
    class Climb:
        name: str
        network: torch.nn.Module
        rate: float
        shards = held_out = ()

        def batch(self, step, progress):
            return None

        def losses(self, batch):
            return {"error": (self.network.weight - 100).square().mean()}

        def evaluate(self, network):
            return {}

    def train(denoiser_steps, finish_steps):
        options = Namespace(start_from=None, batch_size=2, rate=1.0, seed=0, device="cpu", out=tmp_path)
        session, network = script.Session(options, Namespace(report=None)), torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(network.weight)
        options.steps = denoiser_steps
        session._train(Climb("denoiser", network, 0.01), 0)
        reached, options.steps = network.weight.item(), finish_steps
        session._train(Climb("finish", network, 0.0), 0)
        assert network.weight.item() == reached
        return reached, [row["step"] for row in session.histories["finish"].losses]

    (first, begun), (longer, anew) = train(5, 2), train(20, 2)
    assert longer > first and begun == anew == [2]
    assert train(20, 4) == (longer, [2, 4])  # the finish alone goes on


def test_the_networks_are_given_pictures_on_their_device(module, shards, tmp_path):
    autoencoder, denoiser, script = map(module, ("marigold.autoencoder", "marigold.denoiser", "train_marigold"))
    autoencoder.untrained_autoencoder().save_pretrained(tmp_path / "earlier" / "vae")
    options = Namespace(start_from=tmp_path / "earlier", device="meta")
    vae = script.Session(options, None).autoencoder([], [])
    assert vae.device.type == "meta"
    scenes = open_shards(shards)
    stage = denoiser.DenoiserStage("denoiser", denoiser.untrained_denoiser().to("meta"), vae, scenes, scenes)

    class Seen(Exception):
        pass

    def encode_and_stop(pictures, **_):
        raise Seen(pictures.device.type)

    vae.encode = encode_and_stop
    with pytest.raises(Seen, match="meta"):
        stage.evaluate(stage.network)


def test_the_step_alone_decides_the_noise_and_the_seed_the_first_weights(module, shards):
    autoencoder, script = module("marigold.autoencoder"), module("train_marigold")
    scenes = open_shards(shards)
    vae = autoencoder.untrained_autoencoder()
    stage = autoencoder.AutoencoderStage(autoencoder.Reconstruction(vae).train(), scenes, scenes, batch_size=1)
    options = Namespace(start_from=None, batch_size=2, seed=0, minutes=1.0, rate=1e-3)
    session = script.Session(options, None)
    session._train = lambda *_: None
    losses, weights = [], []
    for seed in (1, 2):
        torch.manual_seed(seed)
        losses.append(stage.losses(stage.batch(3, 0.5))["photo"])
        weights.append(session.denoiser(vae, scenes, scenes).network.conv_in.weight)
    assert torch.equal(*losses) and torch.equal(*weights)
    (drawn, noise), (_, other) = stage.batch(3, 0.5), stage.batch(4, 0.5)
    assert noise.shape == vae.encode(drawn).latent_dist.mean.shape and not torch.equal(noise, other)


def test_disparity_is_one_near_and_least_in_the_sky(module):
    disparity = module("marigold.disparity").disparity
    log_depth = torch.linspace(0, 3, 400).reshape(1, 1, 20, 20).clone()
    log_depth[..., :2, :] = torch.inf
    made = disparity(log_depth)
    assert (made[..., :2, :] == -1).all()
    assert made.max() == 1 and made[0, 0, 2, 0] == 1
    # Affine to inverse depth wherever it is not cut off.
    inside = (made > -1) & (made < 1)
    line = np.polyfit(torch.exp(-log_depth)[inside].numpy(), made[inside].numpy(), 1)
    np.testing.assert_allclose(np.polyval(line, torch.exp(-log_depth)[inside].numpy()), made[inside].numpy(), atol=1e-5)


def test_an_estimate_undoes_the_noise(module):
    denoiser = module("marigold.denoiser")
    schedule = denoiser.noise_schedule()
    clean, noise = torch.randn(2, 3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    timesteps = torch.tensor([0, 500, 999])
    noisy = schedule.add_noise(clean, noise, timesteps)
    torch.testing.assert_close(noisy[2], noise[2])
    v = schedule.get_velocity(clean, noise, timesteps)
    torch.testing.assert_close(denoiser.estimate(schedule, noisy, v, timesteps), clean, atol=1e-4, rtol=1e-4)


def test_only_little_noise_meets_squeezed_ranges(module):
    denoiser = module("marigold.denoiser")
    maps = torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4).repeat(200, 1, 1, 1)
    timesteps = torch.arange(200) * 5
    made = denoiser.squeeze(maps, timesteps, torch.Generator().manual_seed(0))
    same = (made == maps).flatten(1).all(1)
    assert same[timesteps >= 700].all() and not same[timesteps < 700].all()
    assert made.abs().max() <= 1
