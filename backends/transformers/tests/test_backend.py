import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image

import patchwrap
from patchwrap.cli import main
from patchwrap.errors import OptionError
from patchwrap.testing import check_backend, painted_photo
from patchwrap_transformers.backend import TransformersBackend
from patchwrap_transformers.families import FAMILIES
from patchwrap_transformers.geometry import Geometry
from patchwrap_transformers.preprocessing import Preprocessing

MEANINGS = {
    "depth_anything": "inverse_depth:affine",
    "depth_anything_metric": "depth:metric",
    "prompt_depth_anything": "depth:affine",
    "dpt": "inverse_depth:affine",
    "dpt_hybrid": "inverse_depth:affine",
    "dpt_dinov2": "depth:metric",
    "dpt_beit": "inverse_depth:affine",
    "dpt_swinv2": "inverse_depth:affine",
    "glpn": "depth:metric",
    "zoedepth": "depth:metric",
    "zoedepth_two_heads": "depth:metric",
    "depth_pro": "depth:metric",
    "depth_pro_without_fov": "depth:scale",
    "chmv2": "height:metric",
    "tipsv2_dpt": "depth:metric",
}


def picture(height, width):
    """Eight-bit RGB, as from a file."""
    return (255 * painted_photo(height, width)).round().astype(np.uint8)


def as_images(pixels):
    return torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255


def test_every_family_keeps_the_contract(backend):
    check_backend(backend)


def test_the_numbers_mean_what_the_family_says(backend, name):
    assert str(backend.convention) == MEANINGS[name]


def test_no_test_runs_on_a_flat_map(backend):
    pixels = picture(*backend.processing)
    with torch.no_grad():
        maps = backend.predict(torch.cat([as_images(pixels), as_images(pixels[:, ::-1].copy())]))
    assert maps.isfinite().all() and (maps.std() > 0.05 * maps.mean()).all()
    assert (maps[0] - maps[1]).abs().mean() > 0.02 * maps.mean(), "the map ignores the picture"


def test_one_pass_equals_the_librarys_own_post_processed_output(backend, name, tiny):
    pixels = picture(*backend.processing)
    theirs = librarys_own(tiny(name), pixels)
    ours = patchwrap.predict(pixels, backend, tiles=False)
    assert np.abs(ours.values - theirs).max() <= 1e-3 * np.abs(theirs).mean()


def test_a_processor_that_adds_no_margin_is_followed(tiny, tmp_path):
    folder = shutil.copytree(tiny("zoedepth"), tmp_path / "zoedepth")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(settings | {"do_pad": False}))
    backend = patchwrap.load_backend("transformers", folder)
    pixels = picture(*backend.processing)
    theirs = librarys_own(folder, pixels)
    ours = patchwrap.predict(pixels, backend, tiles=False)
    assert np.abs(ours.values - theirs).max() <= 1e-3 * np.abs(theirs).mean()


@pytest.mark.parametrize(
    ("name", "size"), [("chmv2", (80, 96)), ("tipsv2_dpt", (70, 98)), ("dpt_dinov2", (70, 84)), ("dpt_beit", (96, 160))]
)
def test_it_does_where_the_networks_map_has_another_size(name, size, load_tiny, tiny):
    pixels = picture(*size)
    theirs = librarys_own(tiny(name), pixels, do_resize=False)
    ours = patchwrap.predict(pixels, load_tiny(name, processing=size), tiles=False)
    assert np.abs(ours.values - theirs).max() <= 1e-3 * np.abs(theirs).mean()


def librarys_own(folder, pixels, **options):
    """What the library makes of a picture with its own image processor before and after the network."""
    processor = hf.AutoImageProcessor.from_pretrained(folder)
    network = hf.AutoModelForDepthEstimation.from_pretrained(folder).eval()
    with torch.no_grad():
        output = network(**processor(Image.fromarray(pixels), return_tensors="pt", **options))
    return processor.post_process_depth_estimation(output, [pixels.shape[:2]])[0]["predicted_depth"].numpy()


def test_gradients_reach_the_picture(backend):
    images = as_images(picture(*backend.processing)).requires_grad_()
    backend.predict(images).mean().backward()
    assert images.grad.abs().sum() > 0


def test_maps_are_not_stretched_to_a_range_of_their_own(load_tiny):
    backend = load_tiny("depth_anything")
    images = as_images(picture(56, 84))
    with torch.no_grad():
        before = backend.predict(images)
        backend.network.head.conv3.bias += 1
        after = backend.predict(images)
    # A map stretched from its minimum to its maximum would not notice.
    lit = before > 0
    assert torch.allclose(after[lit], before[lit] + 1, atol=1e-5)


def test_the_network_sees_exactly_what_the_pipeline_chose(load_tiny):
    backend = load_tiny("depth_anything", processing="112x84")
    seen = []
    backend.network.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape)))
    fused = patchwrap.predict(picture(300, 400), backend, plan="2x2", tile_batch_size=3)
    assert {shape[1:] for shape in seen} == {(3, 84, 112)}
    assert sum(batch for batch, *_ in seen) == 1 + fused.options["tile_count"]


def test_the_whole_command_line_runs(name, tiny, tmp_path, capsys):
    Image.fromarray(picture(120, 180)).save(tmp_path / "photo.png")
    options = {"dpt_dinov2": ["--convention", "depth:metric"], "glpn": ["--backend-option", "processing=96x64"]}
    stated = ["--convention", "inverse_depth:affine"] if name.startswith("dpt") else []
    command = ["predict", str(tmp_path / "photo.png"), "-o", str(tmp_path), "--plan", "2x2", "--save-coarse"]

    code = main([*command, "--backend", f"transformers={tiny(name)}", *options.get(name, stated)])

    assert code == 0, capsys.readouterr().err
    sidecar = json.loads((tmp_path / "photo_depth.json").read_text())
    assert sidecar["convention"] == MEANINGS[name] and sidecar["options"]["tile_count"] > 1
    values = np.load(tmp_path / "photo_depth.npy")
    assert values.shape == (120, 180) and np.isfinite(values).all() and values.std() > 0


class Drifting(torch.nn.Module):
    """Reads metres that were painted into a picture; every tile comes at a scale of its own, as crops do."""

    def __init__(self, factors):
        super().__init__()
        self.factors = iter(factors)
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, pixels):
        factor = torch.tensor([next(self.factors) for _ in pixels])
        return SimpleNamespace(predicted_depth=factor[:, None, None] / pixels.mean(1))


def test_tiles_of_a_metric_model_are_aligned_and_the_result_stays_metric():
    drift = [1.0, *np.random.default_rng(0).uniform(0.5, 2, 200)]
    unchanged = Preprocessing((1.0,) * 3, (0.0,) * 3)
    meaning = patchwrap.DepthConvention("depth", "metric")
    family = FAMILIES["depth_anything"]
    backend = TransformersBackend(Drifting(drift), family, meaning, Geometry((42, 70), 14), unchanged)
    waves = 0.1 * np.sin(np.arange(400) / 2)[None, :, None] * np.sin(np.arange(240) / 2)[:, None, None]
    photo = np.clip(0.7 * painted_photo(240, 400) + 0.1 + waves, 0, 1).astype(np.float32)

    fused = patchwrap.predict(photo, backend, plan="p16")

    truth = 1 / photo[..., 0]
    assert fused.convention == meaning
    assert np.median(fused.values / truth) == pytest.approx(1, abs=0.01)
    assert np.abs(fused.values / truth - 1).mean() < 0.5 * np.abs(fused.coarse / truth - 1).mean()


def test_a_loaded_model_is_taken_as_it_is(tiny):
    network = hf.AutoModelForDepthEstimation.from_pretrained(tiny("depth_anything")).train()
    backend = patchwrap.load_backend("transformers", network)
    assert backend.network is network and not network.training
    assert backend.processing == (56, 84), "the settings beside the model's own folder count"
    named = patchwrap.load_backend("transformers", tiny("depth_anything"))
    images = as_images(picture(56, 84))
    with torch.no_grad():
        assert torch.equal(backend.predict(images), named.predict(images))


@pytest.mark.parametrize("estimates", [True, False])
def test_a_loaded_depth_pro_may_differ_from_its_config(tiny, estimates):
    config = hf.AutoConfig.from_pretrained(tiny("depth_pro_without_fov" if estimates else "depth_pro"))
    network = hf.DepthProForDepthEstimation(config, use_fov_model=estimates)
    backend = patchwrap.load_backend("transformers", network)
    assert str(backend.convention) == ("depth:metric" if estimates else "depth:scale")
    assert hasattr(backend, "predict_with_fov") == estimates
    assert patchwrap.predict(picture(128, 128), backend, tiles=False).valid.all()


def test_a_model_that_lies_nowhere_gets_what_is_published_for_its_family(tiny):
    config = hf.AutoConfig.from_pretrained(tiny("depth_anything"))
    backend = patchwrap.load_backend("transformers", hf.AutoModelForDepthEstimation.from_config(config))
    assert backend.preprocessing.scale == pytest.approx([1 / 0.229, 1 / 0.224, 1 / 0.225])


def test_attention_is_fused_where_the_family_has_it(load_tiny):
    assert load_tiny("depth_anything").network.backbone.config._attn_implementation == "sdpa"
    assert load_tiny("depth_anything", attention="eager").network.backbone.config._attn_implementation == "eager"


@pytest.mark.parametrize("name", ["depth_anything", "dpt_swinv2", "glpn", "tipsv2_dpt"])
def test_sdpa_means_where_it_is_possible(load_tiny, shared, name):
    found, usual = (backend.network for backend in (load_tiny(name, attention="sdpa"), shared(name)))
    for one, other in zip(found.modules(), usual.modules(), strict=True):
        kinds = [getattr(getattr(part, "config", None), "_attn_implementation", None) for part in (one, other)]
        assert kinds[0] == kinds[1]


@pytest.mark.parametrize("attention", ["foo", "flash_attention_2", "", "true"])
def test_an_impossible_attention_is_an_option_not_a_checkpoint(load_tiny, attention):
    words = f"attention '{attention}' is not possible here.*Take sdpa or eager"
    with pytest.raises(OptionError, match=words) as raised:
        load_tiny("depth_anything", attention=attention)
    assert "\n" not in str(raised.value)


def test_a_compiled_network_predicts_the_same(load_tiny):
    images = as_images(picture(56, 84))
    with torch.no_grad():
        compiled = load_tiny("depth_anything", compile="eager").predict(images)
        assert torch.allclose(compiled, load_tiny("depth_anything").predict(images), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"colour": "red"}, "colour"),
        ({"safetensors": "no"}, "safetensors 'no' is neither true nor false"),
        ({"safetensors": 0}, "safetensors 0 is neither"),
        ({"compile": 1}, "compile 1 is neither true nor false nor the name"),
        ({"compile": "yes"}, "compile 'yes' fails: .* one of .*inductor"),
    ],
)
def test_impossible_options_are_refused(tiny, options, words):
    with pytest.raises(OptionError, match=words) as caught:
        patchwrap.load_backend("transformers", tiny("depth_anything"), **options)
    assert "\n" not in str(caught.value)


def test_words_of_python_on_the_command_line_are_no_text(tiny, tmp_path, capsys):
    command = ["predict", str(tmp_path / "photo.png"), "-o", str(tmp_path), "--no-tiles", "--overwrite"]
    command += ["--backend", f"transformers={tiny('depth_anything')}", "--backend-option"]
    Image.fromarray(picture(56, 84)).save(tmp_path / "photo.png")
    assert main([*command, "safetensors=True"]) == 0
    assert main([*command, "safetensors=yes"]) == 2
    assert "error: safetensors 'yes' is neither true nor false" in capsys.readouterr().err


def test_the_plugin_loads_neither_torch_nor_transformers():
    code = "import patchwrap_transformers.plugin, sys; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
