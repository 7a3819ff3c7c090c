"""Tiny seeded Marigold pipelines, saved as published ones are and loaded by path."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    LCMScheduler,
    MarigoldDepthPipeline,
    UNet2DConditionModel,
)
from diffusers.utils import logging
from huggingface_hub import constants
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

import patchwrap

SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "v_prediction"}
SCHEDULERS = {
    "ddim": lambda: DDIMScheduler(**SD, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    "trailing": lambda: DDIMScheduler(
        **SD, clip_sample=False, set_alpha_to_one=False, steps_offset=1, timestep_spacing="trailing"
    ),
    "lcm": lambda: LCMScheduler(**SD, clip_sample=False),
}


@pytest.fixture(scope="session", autouse=True)
def offline():
    """No test may reach the network, and the libraries' bars stay out of its output."""
    patch = pytest.MonkeyPatch()
    patch.setattr(constants, "HF_HUB_OFFLINE", True)
    logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    yield
    patch.undo()


def tokenizer(folder: Path, words: tuple[str, ...] = ()) -> CLIPTokenizer:
    """Begin and end, all that the empty prompt needs, and further words."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: number for number, word in enumerate(("<|startoftext|>", "<|endoftext|>", *words))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=8)


def text_encoder(words: int = 2) -> CLIPTextModel:
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return CLIPTextModel(
        CLIPTextConfig(vocab_size=words, max_position_embeddings=8, bos_token_id=0, eos_token_id=1, **sizes)
    )


def unet(channels: int = 8) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=12,
        in_channels=channels,
        out_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
    )


def autoencoder() -> AutoencoderKL:
    network = AutoencoderKL(
        block_out_channels=(32,) * 4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=1,
    )
    with torch.no_grad():  # so that pictures differ among latents, and maps are neither flat nor clipped
        network.quant_conv.weight *= 5
        network.decoder.conv_out.weight *= 2
    return network


def pipeline(
    folder: Path, scheduler: str = "ddim", *, words: tuple[str, ...] = (), **config: Any
) -> MarigoldDepthPipeline:
    torch.manual_seed(0)
    config = {"prediction_type": "depth", "default_denoising_steps": 4, "default_processing_resolution": 96} | config
    language = tokenizer(folder / "words", words)
    parts = unet(), autoencoder(), SCHEDULERS[scheduler](), text_encoder(len(language)), language
    return MarigoldDepthPipeline(*parts, **config)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folder of a tiny pipeline, by scheduler."""
    root, made = tmp_path_factory.mktemp("pipelines"), {}

    def tiny(scheduler: str = "ddim", **config: Any) -> Path:
        key = (scheduler, *sorted(config.items()))
        if key not in made:
            made[key] = root / str(len(made))
            pipeline(made[key], scheduler, **config).save_pretrained(made[key] / "pipeline")
        return made[key] / "pipeline"

    return tiny


@pytest.fixture
def copy(tiny, tmp_path) -> Path:
    """A tiny pipeline's folder that may be damaged."""
    return shutil.copytree(tiny(), tmp_path / "copy")


@pytest.fixture(scope="session")
def taesd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny autoencoder of TAESD's architecture."""
    torch.manual_seed(1)
    blocks = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    folder = tmp_path_factory.mktemp("taesd")
    counts = {"num_encoder_blocks": (1, 1, 1, 1), "num_decoder_blocks": (1, 1, 1, 1)}
    AutoencoderTiny(**blocks, **counts).save_pretrained(folder)
    return folder


@pytest.fixture
def load_tiny(tiny) -> Callable[..., Any]:
    """Load a tiny pipeline by scheduler, with options."""
    return lambda scheduler="ddim", **options: patchwrap.load_backend("diffusers", tiny(scheduler), **options)
