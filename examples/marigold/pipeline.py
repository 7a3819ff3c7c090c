"""The trained parts as an ordinary Marigold folder, in half precision. Trains nothing."""

import json
import tempfile
from pathlib import Path
from typing import TypeVar

from diffusers import AutoencoderKL, MarigoldDepthPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from marigold.denoiser import TEXT_LENGTH, TEXT_WIDTH, noise_schedule

Network = TypeVar("Network", AutoencoderKL, UNet2DConditionModel)

BEGIN, END = "<|startoftext|>", "<|endoftext|>"


def assemble(vae: AutoencoderKL, unet: UNet2DConditionModel) -> MarigoldDepthPipeline:
    """Put the trained networks beside a text encoder that says nothing."""
    return MarigoldDepthPipeline(
        unet=unet,
        vae=vae,
        scheduler=noise_schedule(),
        text_encoder=silent_text_encoder(),
        tokenizer=empty_tokenizer(),
        prediction_type="disparity",
        scale_invariant=True,
        shift_invariant=True,
        default_denoising_steps=1,
        default_processing_resolution=256,
    )


def silent_text_encoder() -> CLIPTextModel:
    """The smallest CLIP text encoder; its last normalisation is zero, and so is every embedding."""
    config = CLIPTextConfig(
        vocab_size=2,
        hidden_size=TEXT_WIDTH,
        intermediate_size=TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=TEXT_LENGTH,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    encoder = CLIPTextModel(config).eval()
    for name, values in encoder.named_parameters():
        if "final_layer_norm" in name:
            nn.init.zeros_(values)
    return encoder


def empty_tokenizer() -> CLIPTokenizer:
    """A tokenizer that knows where a prompt begins and ends, which is all that no words need."""
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = Path(folder) / "vocab.json", Path(folder) / "merges.txt"
        vocabulary.write_text(json.dumps({BEGIN: 0, END: 1}))
        merges.write_text("#version: 0.2\n")
        CLIPTokenizer(str(vocabulary), str(merges)).save_pretrained(folder)
        return CLIPTokenizer.from_pretrained(folder, model_max_length=TEXT_LENGTH)


def save(vae: AutoencoderKL, unet: UNet2DConditionModel, folder: Path) -> None:
    """Write the folder that ``MarigoldDepthPipeline.from_pretrained`` reads; the networks stay as they are.

    The text encoder stays in single precision: transformers reads it in the type it was written in,
    diffusers the networks in single precision, and a pipeline of two types fails.
    """
    assemble(half(vae), half(unet)).save_pretrained(folder)


def half(network: Network) -> Network:
    """A copy in half precision."""
    copy = type(network).from_config(network.config)
    copy.load_state_dict(network.state_dict())
    return copy.half()
