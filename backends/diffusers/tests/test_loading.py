import json
import logging as python_logging
import shutil
from logging.handlers import BufferingHandler

import pytest
import torch
from diffusers import (
    DiffusionPipeline,
    EulerDiscreteScheduler,
    MarigoldDepthPipeline,
    MarigoldIntrinsicsPipeline,
    MarigoldNormalsPipeline,
)
from diffusers.utils import logging
from safetensors.torch import load_file, save_file

import patchwrap
from patchwrap.cli import main
from patchwrap.errors import CheckpointError, ConventionError
from patchwrap_diffusers import loading
from patchwrap_diffusers.noise import zeros
from patchwrap_diffusers.published import END_TO_END, SOURCES

WEIGHTS = {
    "unet": "unet/diffusion_pytorch_model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
}


def load(checkpoint, **options):
    return patchwrap.load_backend("diffusers", checkpoint, **options)


def refused(checkpoint, *words, **options):
    """Check that loading ends in one line that holds some words."""
    with pytest.raises(CheckpointError) as caught:
        load(checkpoint, **options)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 600
    assert [word for word in words if word not in text] == []


def rename(folder, kind):
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": kind}))


def test_without_a_name_nothing_is_loaded_and_a_short_name_is_told():
    refused(None, "needs a checkpoint", "marigold-v1-1")
    refused("", "needs a checkpoint")


@pytest.mark.parametrize(
    ("name", "words"),
    [("marigold-v12", "Did you mean 'marigold-v1"), ("./nowhere", "neither a folder"), ("/nowhere/at/all", "neither")],
)
def test_what_is_no_checkpoint_is_told(name, words):
    refused(name, words)


@pytest.mark.parametrize("name", ["nobody/nothing", "marigold-lcm"])
def test_a_hub_name_without_a_network_is_one_line(name):
    refused(name, "not in the local cache", "give a folder")


def test_a_short_name_stands_for_its_hub_name_and_nothing_else_is_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(loading.DiffusionPipeline, "load_config", lambda name, **_: asked.append(name) or 1 / 0)
    refused("marigold-lcm", "division")
    assert asked == ["prs-eth/marigold-depth-lcm-v1-0"]


def test_a_file_is_no_folder(copy):
    refused(copy / "model_index.json", "Give the folder")


def test_a_home_relative_folder(copy, monkeypatch):
    monkeypatch.setenv("HOME", str(copy.parent))
    assert load("~/copy").processing == (72, 96)


@pytest.mark.parametrize("kind", ["MarigoldNormalsPipeline", "MarigoldIntrinsicsPipeline", "StableDiffusionPipeline"])
def test_pipelines_of_something_else_are_refused_before_their_weights_are_read(copy, kind):
    rename(copy, kind)
    denoiser = json.loads((copy / "unet/config.json").read_text())
    (copy / "unet/config.json").write_text(json.dumps(denoiser | {"in_channels": 4}))
    for weights in WEIGHTS.values():
        (copy / weights).unlink()
    refused(copy, kind, "cannot run", "MarigoldDepthPipeline")


def test_so_are_loaded_ones(tiny):
    parts = MarigoldDepthPipeline.from_pretrained(tiny()).components
    for kind, meant in ((MarigoldNormalsPipeline, "normals"), (MarigoldIntrinsicsPipeline, "intrinsics")):
        refused(kind(**parts, prediction_type=meant), kind.__name__, "cannot run")


def test_a_part_of_a_pipeline_is_refused_by_its_class(tiny):
    unet = MarigoldDepthPipeline.from_pretrained(tiny()).unet
    with pytest.raises(CheckpointError, match=r"class UNet2DConditionModel; .* or a MarigoldDepthPipeline here"):
        loading.identify(unet)
    with pytest.raises(CheckpointError, match=r"class UNet2DConditionModel; .* or an AutoencoderKL or AutoencoderTiny"):
        loading.read_autoencoder(unet)


def test_marigolds_own_name_for_its_depth_pipeline_is_known(copy):
    rename(copy, "MarigoldPipeline")
    assert str(load(copy).convention) == "depth:affine"


STABLE_DIFFUSION = {
    "_class_name": "StableDiffusionPipeline",
    "requires_safety_checker": True,
    **{part: [None, None] for part in ("feature_extractor", "image_encoder", "safety_checker")},
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
"""The index that marigold-e2e-ft was published with."""


@pytest.mark.parametrize("given", ["marigold-e2e-ft", *END_TO_END])
def test_a_checkpoint_fine_tuned_end_to_end_is_known_by_its_names(copy, tmp_path, monkeypatch, given):
    (copy / "model_index.json").write_text(json.dumps(STABLE_DIFFUSION))
    hub = tmp_path / "hub" / SOURCES.get(given, given)
    hub.parent.mkdir(parents=True)
    copy.rename(hub)
    monkeypatch.chdir(tmp_path / "hub")
    backend = load(given)
    schedule = backend.sampler.schedule
    assert str(backend.convention) == "depth:affine" and backend.sampler.noise is zeros
    assert len(schedule) == 1 and int(schedule.time(0)) == 999


def test_in_a_folder_it_is_known_by_its_picture_channels_and_states_nothing_else(copy, tiny):
    (copy / "model_index.json").write_text(json.dumps(STABLE_DIFFUSION))
    with pytest.raises(ConventionError, match="convention="):
        load(copy)
    options = {"steps": 1, "noise": "zeros", "spacing": "trailing"}
    backend, marigold = load(copy, convention="depth:affine", **options), load(tiny(), **options)
    images = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(backend.predict(images), marigold.predict(images))


def test_the_command_line_refuses_in_one_line(copy, tmp_path, capsys):
    rename(copy, "MarigoldNormalsPipeline")
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"")
    assert main(["predict", str(photo), "-o", str(tmp_path), "--backend", f"diffusers={copy}"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("part", list(WEIGHTS))
@pytest.mark.parametrize("content", [None, b"", b"no safetensors at all"])
def test_missing_and_damaged_weights_are_one_line(copy, part, content):
    weights = copy / WEIGHTS[part]
    weights.unlink() if content is None else weights.write_bytes(content)
    refused(copy, str(copy))


@pytest.mark.parametrize("part", list(WEIGHTS))
def test_missing_weights_do_not_become_random_ones(copy, part):
    # diffusers and transformers make them up, and say so in their logs.
    tensors = load_file(copy / WEIGHTS[part])
    lost = sorted(tensors)[5]
    del tensors[lost]
    save_file(tensors, copy / WEIGHTS[part], {"format": "pt"})
    refused(copy, f"lacks 1 weights of its {part}", lost.split(".")[-1])


def test_weights_of_another_shape_are_refused(copy):
    tensors = load_file(copy / WEIGHTS["unet"])
    tensors["conv_out.weight"] = torch.zeros(4, 9, 3, 3)
    save_file(tensors, copy / WEIGHTS["unet"], {"format": "pt"})
    refused(copy, str(copy))


def test_pickled_weights_are_never_read(copy):
    for part, kind in (("unet", "diffusion_pytorch_model.bin"), ("text_encoder", "pytorch_model.bin")):
        torch.save(load_file(copy / WEIGHTS[part]), copy / part / kind)
        (copy / WEIGHTS[part]).unlink()
    refused(copy, str(copy))


def test_a_missing_tokenizer_does_not_become_an_empty_one(tiny, tmp_path):
    folder = shutil.copytree(tiny(words=tuple("abcdefgh")), tmp_path / "copy")
    assert load(folder).processing == (72, 96)
    shutil.rmtree(folder / "tokenizer")
    refused(folder, "a tokenizer of", "a text encoder of 10", "tokenizer folder")


@pytest.mark.parametrize("part", ["scheduler", "tokenizer", "unet"])
def test_code_beside_a_checkpoint_is_never_run(copy, part):
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps(index | {part: ["code", "Other"]}))
    for folder in (copy, copy / part):
        (folder / "code.py").write_text(f"from pathlib import Path\nPath({str(copy / 'ran')!r}).touch()\n")
    refused(copy, str(copy), f"a {part} of 'code'", "never run")
    assert not (copy / "ran").exists()


def test_code_named_by_a_parts_own_file_is_never_run(copy, monkeypatch):
    asked = []
    monkeypatch.setattr("builtins.input", lambda *question: asked.append(question) or "y")
    for part, file, kind in (
        ("text_encoder", "config.json", "AutoModel"), ("tokenizer", "tokenizer_config.json", "AutoTokenizer"),
    ):  # fmt: skip
        facts = json.loads((copy / part / file).read_text()) | {"auto_map": {kind: "code.Other"}}
        (copy / part / file).write_text(json.dumps(facts))
        (copy / part / "code.py").write_text(f"from pathlib import Path\nPath({str(copy / 'ran')!r}).touch()\n")
    assert load(copy).processing == (72, 96)
    assert asked == [] and not (copy / "ran").exists()


HALF = '{"_class_name": "MarigoldDepthPipeline", "prediction_type": "depth"}'


@pytest.mark.parametrize("index", ["", "{", "[]", "{}", HALF])
def test_a_broken_index_is_one_line(copy, index):
    (copy / "model_index.json").write_text(index)
    refused(copy)


def test_a_scheduler_that_remembers_its_steps_is_refused(tiny):
    pipe = MarigoldDepthPipeline.from_pretrained(tiny())
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    refused(pipe, "EulerDiscreteScheduler", "DDIMScheduler")


def test_an_autoencoder_of_another_latent_space_is_refused(tiny, tmp_path):
    from diffusers import AutoencoderTiny

    blocks = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    AutoencoderTiny(**blocks, latent_channels=16).save_pretrained(tmp_path / "sixteen")
    refused(tiny(), "16 latent channels", "8 input channels", vae=tmp_path / "sixteen")
    refused(tiny(), "UNet2DConditionModel", "AutoencoderTiny", vae=tiny() / "unet")
    refused(tiny(), "Did you mean 'taesd'", vae="taesdd")


def test_a_loaded_pipeline_is_taken_as_it_is(tiny):
    pipe = MarigoldDepthPipeline.from_pretrained(tiny())
    pipe.unet.train()
    backend = load(pipe)
    assert backend.network.denoiser is pipe.unet and not pipe.unet.training
    images = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(backend.predict(images), load(tiny()).predict(images))


def test_half_precision_files_are_read_as_float32(copy):
    pipe = MarigoldDepthPipeline.from_pretrained(copy).to(dtype=torch.float16)
    pipe.save_pretrained(copy, variant="fp16")
    for weights in WEIGHTS.values():
        (copy / weights).unlink()
    network = load(copy, variant="fp16").network
    assert {p.dtype for p in network.denoiser.parameters()} == {torch.float32}
    assert {p.dtype for p in network.autoencoder.parameters()} == {torch.float32}


def test_loading_is_silent_and_leaves_the_librarys_own_talk_as_it_was(tiny, capfd, caplog):
    logging.enable_progress_bar()
    level = logging.get_verbosity()
    with caplog.at_level(python_logging.WARNING):
        load(tiny())
    assert capfd.readouterr() == ("", "") and caplog.records == []
    assert logging.get_verbosity() == level and logging.is_progress_bar_enabled()
    logging.disable_progress_bar()


@pytest.mark.parametrize("part", list(WEIGHTS))
def test_a_failure_is_not_logged_beside_its_error(copy, part):
    handler = BufferingHandler(100)
    (copy / WEIGHTS[part]).unlink()
    logging.add_handler(handler)
    try:
        refused(copy, str(copy))
    finally:
        logging.remove_handler(handler)
    assert [record.getMessage() for record in handler.buffer] == []


def test_a_saved_backends_pipeline_is_an_ordinary_one(tiny):
    assert type(DiffusionPipeline.from_pretrained(tiny())) is MarigoldDepthPipeline
