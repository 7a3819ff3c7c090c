import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from diffusers import MarigoldDepthPipeline
from PIL import Image

import patchwrap
from patchwrap.cli import main
from patchwrap.heads import Head
from patchwrap.testing import check_backend, painted_photo

CPU = torch.device("cpu")


def picture(height, width):
    return torch.from_numpy(painted_photo(height, width)).permute(2, 0, 1)[None]


def pictures(height, width):
    """Two different ones."""
    return torch.cat([picture(height, width), picture(height, width).flip(3)])


def librarys_own(folder, backend, images, **options):
    """What diffusers' own pipeline makes of pictures from the same noise, at the same size."""
    pipe = MarigoldDepthPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    members = options.get("ensemble_size", 1)
    cells = -(-images.shape[2] // 8), -(-images.shape[3] // 8)
    latents = torch.cat([backend.start(cells, member) for member in range(members)]).repeat(len(images), 1, 1, 1)
    return pipe(images, processing_resolution=0, latents=latents, batch_size=4, output_type="pt", **options)


# The members are aligned in the same slow way whatever the scheduler.
@pytest.mark.parametrize(("scheduler", "ensemble"), [("ddim", 1), ("trailing", 1), ("lcm", 1), ("lcm", 3)])
def test_it_keeps_the_contract(load_tiny, scheduler, ensemble):
    check_backend(load_tiny(scheduler, steps=2, ensemble=ensemble), sizes=((1080, 1920),))


@pytest.mark.parametrize(
    ("scheduler", "steps"), [("ddim", 4), ("ddim", 10), ("trailing", 1), ("trailing", 4), ("lcm", 1)]
)
@pytest.mark.parametrize("size", [(64, 96), (61, 93)])
def test_maps_equal_the_librarys_own(load_tiny, tiny, scheduler, steps, size):
    backend, images = load_tiny(scheduler, steps=steps), pictures(*size)
    theirs = librarys_own(tiny(scheduler), backend, images, num_inference_steps=steps).prediction
    with torch.no_grad():
        ours = backend.predict(images)
    assert theirs.std() > 0.01 and (theirs[0] - theirs[1]).abs().mean() > 0.001, "the test sees nothing"
    assert (ours - theirs).abs().max() < 1e-3


def test_so_does_one_pass_of_the_pipeline(load_tiny, tiny):
    backend, photo = load_tiny(), painted_photo(72, 96)
    ours = patchwrap.predict(photo, backend, tiles=False, seed=5).values
    with torch.random.fork_rng():
        torch.manual_seed(5)
        theirs = librarys_own(tiny(), backend, picture(72, 96), num_inference_steps=4).prediction
    assert np.abs(ours - theirs[0, 0].numpy()).max() < 1e-3


def test_the_seed_decides_and_nothing_else_does(load_tiny):
    backend, photo = load_tiny(steps=2), painted_photo(72, 96)
    torch.rand(3)
    one, again, other = (patchwrap.predict(photo, backend, tiles=False, seed=seed).values for seed in (1, 1, 2))
    assert np.array_equal(one, again) and np.abs(one - other).mean() > 1e-3


def test_predicting_leaves_torchs_own_random_numbers_alone(load_tiny):
    # A consistency model's scheduler would draw from them at each step.
    backend, before = load_tiny("lcm", steps=3), torch.get_rng_state()
    with torch.no_grad():
        backend.predict(picture(64, 96))
    assert torch.equal(torch.get_rng_state(), before)


def test_maps_are_not_stretched_to_a_range_of_their_own(load_tiny):
    backend = load_tiny(steps=2)
    with torch.no_grad():
        before = backend.predict(picture(64, 96))
        backend.network.autoencoder.decoder.conv_out.bias += 0.05
        after = backend.predict(picture(64, 96))
    inner = (before > 0.05) & (before < 0.9)
    assert inner.float().mean() > 0.5
    assert torch.allclose(after[inner], before[inner] + 0.025, atol=1e-4)


def test_an_ensembles_median_is_the_librarys_on_its_members_own_scale(load_tiny, tiny):
    backend, images = load_tiny(ensemble=3), pictures(64, 96)
    theirs = librarys_own(tiny(), backend, images, num_inference_steps=4, ensemble_size=3, output_uncertainty=True)
    with torch.no_grad():
        ours, confidence = backend.predict_with_confidence(images)
        members = backend._members(images)
    for our, their, member in zip(ours, theirs.prediction, members.unbind(1)):
        assert torch.corrcoef(torch.stack([our.flatten(), their.flatten()]))[0, 1] > 0.9999
        assert our.mean() == pytest.approx(member.mean().item(), abs=1e-4)
        # Aligned as the library aligns them, members have a range other than [0, 1] here.
        assert (our.max() - our.min()) < 0.9 * (their.max() - their.min())
    # The library's search for the alignment ends a little elsewhere with another number of threads.
    assert (confidence - 1 / (1 + (theirs.uncertainty / 0.05) ** 2)).abs().mean() < 0.02
    assert 0 < confidence.min() < confidence.max() <= 1


def test_tiles_of_an_ensemble_come_with_confidence(load_tiny):
    backend = load_tiny(steps=2, ensemble=3)
    tile = patchwrap.Tile(0, 0, 64, 96)
    context = patchwrap.TileContext(0, torch.rand(8, 8), backend.convention, (64, 96), 4)
    with torch.no_grad():
        (_, values, confidence), = backend.predict_tiles_with_confidence(lambda _: picture(64, 96), [tile], context)
        (_, same), = backend.predict_tiles(lambda _: picture(64, 96), [tile], context)
    assert torch.equal(values, same) and confidence.shape == values.shape
    assert 0 < confidence.min() < confidence.max() <= 1


def test_the_gradient_of_an_ensemble_is_that_of_its_members_mean(load_tiny):
    backend, images, asked = load_tiny(steps=2, ensemble=3), picture(64, 96), torch.rand(1, 1, 64, 96)
    grads = []
    for predicted in (backend.predict(images), backend._members(images).mean(0)):
        backend.network.denoiser.zero_grad()
        predicted.backward(asked)
        grads.append(torch.cat([p.grad.flatten() for p in backend.trainable_parameters() if p.grad is not None]))
    assert grads[0].abs().sum() > 0
    torch.testing.assert_close(*grads)


def test_gradients_of_one_step_from_zero_reach_picture_and_denoiser(tiny):
    backend = patchwrap.load_backend("diffusers", tiny("trailing", default_denoising_steps=1))
    images = picture(64, 96).requires_grad_()
    backend.predict(images).mean().backward()
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in backend.network.autoencoder.parameters())
    grads = [parameter.grad for parameter in backend.trainable_parameters()]
    assert sum(grad is not None and bool(grad.abs().sum() > 0) for grad in grads) > 0.8 * len(grads)


def test_a_step_along_the_gradient_lowers_a_loss(tiny):
    backend = patchwrap.load_backend("diffusers", tiny("trailing", default_denoising_steps=1))
    images, wanted = picture(64, 96), torch.linspace(0.2, 0.6, 96).expand(1, 1, 64, 96)
    optimizer = torch.optim.Adam(backend.trainable_parameters(), 1e-4)
    losses = []
    for _ in range(3):
        losses.append(loss := (backend.predict(images) - wanted).square().mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[2] < losses[1] < losses[0]


def test_one_step_from_zero_needs_no_seed(tiny):
    backend = patchwrap.load_backend("diffusers", tiny("trailing", default_denoising_steps=1))
    one, two = (patchwrap.predict(painted_photo(72, 96), backend, tiles=False, seed=seed).values for seed in (1, 2))
    assert np.array_equal(one, two) and one.std() > 0


def test_half_precision_has_no_steps_and_float32_comes_back_as_it_was(load_tiny):
    backend, images = load_tiny(steps=2), picture(64, 96)
    with torch.no_grad():
        full = backend.predict(images)
        half = backend.to(CPU, torch.bfloat16).predict(images)
        assert backend.network.denoiser.dtype == torch.bfloat16
        backend.to(CPU, torch.float16).to(CPU, torch.float32)
        again = backend.predict(images)
    assert 0 < (half - full).abs().mean() < 0.02
    assert len(half.unique()) > 0.6 * len(full.unique()), "rounded to 8 bits a map would have 256 values"
    assert torch.equal(full, again)


def test_a_trained_denoiser_is_not_lost_on_a_backend_in_half_precision(load_tiny):
    backend = load_tiny(steps=2).to(CPU, torch.bfloat16)
    trained = [torch.rand(value.shape) for value in backend.trainable_parameters()]
    changed = Head(decoder=trained).adapted(backend).to(CPU, torch.bfloat16).to(CPU, torch.float32)
    assert all(torch.equal(value, new) for value, new in zip(changed.trainable_parameters(), trained))


def test_another_autoencoder(load_tiny, taesd, tiny):
    backend, images = load_tiny(steps=2, vae=taesd), pictures(64, 96)
    check_backend(backend, sizes=((640, 480),))
    pipe = MarigoldDepthPipeline.from_pretrained(tiny())
    pipe.vae = backend.network.autoencoder
    pipe.set_progress_bar_config(disable=True)
    latents = backend.start((8, 12)).repeat(2, 1, 1, 1)
    options = {"processing_resolution": 0, "latents": latents, "num_inference_steps": 2, "output_type": "pt"}
    with torch.no_grad():
        assert (backend.predict(images) - pipe(images, **options).prediction).abs().max() < 1e-3


@pytest.mark.parametrize("mode", ["independent", "shared-noise", "coarse-start", "joint"])
def test_the_whole_command_line_runs(mode, tiny, tmp_path, capsys):
    Image.fromarray((255 * painted_photo(120, 180)).astype(np.uint8)).save(tmp_path / "photo.png")
    command = ["predict", str(tmp_path / "photo.png"), "-o", str(tmp_path), "--plan", "2x2", "--save-coarse"]
    options = ["--tile-mode", mode, "--backend-option", "steps=2", "--backend-option", "processing=96x64"]
    code = main([*command, "--backend", f"diffusers={tiny()}", *options])
    assert code == 0, capsys.readouterr().err
    sidecar = json.loads((tmp_path / "photo_depth.json").read_text())
    assert sidecar["convention"] == "depth:affine" and sidecar["options"]["tile_count"] > 1
    values = np.load(tmp_path / "photo_depth.npy")
    assert values.shape == (120, 180) and np.isfinite(values).all() and values.std() > 0
    # diffusers' own export of 16-bit pictures fails with Pillow 13.
    with Image.open(tmp_path / "photo_depth.png") as codes:
        assert codes.mode.startswith("I;16") and codes.size == (180, 120)


def test_the_tile_mode_goes_to_whoever_predicts_the_tiles(tiny, tmp_path, capsys):
    Image.fromarray((255 * painted_photo(64, 96)).astype(np.uint8)).save(tmp_path / "photo.png")
    command = ["predict", str(tmp_path / "photo.png"), "-o", str(tmp_path), "--tile-mode", "nonsense", "--overwrite"]
    for backends in (["--backend", "{}"], ["--coarse", "{}"], ["--backend", "native", "--fine", "{}"]):
        assert main([*command, *(text.format(f"diffusers={tiny()}") for text in backends)]) == 2
        assert "independent, shared-noise, coarse-start, joint" in capsys.readouterr().err


def test_the_plugin_loads_neither_torch_nor_diffusers():
    code = "import patchwrap_diffusers.plugin, sys; print({'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
