"""Gets a pipeline from a folder or the hub.

Downloads nothing the user did not name, reads no pickled weights and runs no code found beside them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    DiffusionPipeline,
    LCMScheduler,
    MarigoldDepthPipeline,
    UNet2DConditionModel,
)
from diffusers.utils import logging
from transformers import CLIPTextModel
from transformers.utils import logging as transformers_logging

from patchwrap import CheckpointError
from patchwrap.extension import checkpoint_name, loading
from patchwrap_diffusers.published import AUTOENCODERS, CONVENTIONS, SOURCES

_AUTOENCODERS = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}


def identify(checkpoint: Any, revision: str | None = None) -> tuple[str, Mapping[str, Any]]:
    """Return a checkpoint's hub name or folder, and its config: all that is read before the weights.

    Args:
        checkpoint: short name, hub name, folder or a loaded pipeline.
        revision: of the hub's repository.

    Raises:
        CheckpointError: if there is no such checkpoint or it does not predict depth.
    """
    kind: str | None
    if isinstance(checkpoint, DiffusionPipeline):
        kind, config = type(checkpoint).__name__, checkpoint.config
        name = str(config.get("_name_or_path") or kind)
    else:
        name = checkpoint_name(checkpoint, "diffusers", SOURCES, "model_index.json", "a MarigoldDepthPipeline")
        with loading(name):
            config = DiffusionPipeline.load_config(name, revision=revision)
        kind = config.get("_class_name") if isinstance(config, Mapping) else type(config).__name__
    if not _predicts_depth(kind, name):
        raise CheckpointError(
            f"{name!r} is a {kind}, which this backend cannot run. Take the checkpoint of a "
            "MarigoldDepthPipeline, such as 'marigold-v1-1'."
        )
    return name, config


def _predicts_depth(kind: str | None, name: str) -> bool:
    """Whether a pipeline is Marigold's for depth, by whatever class it was saved as."""
    # Marigold's own code saved its depth pipelines under the shorter name, and those fine-tuned end to end are saved
    # as the pipeline they began as; only the denoiser's picture channels tell them from that.
    if kind != "StableDiffusionPipeline":
        return kind in ("MarigoldDepthPipeline", "MarigoldPipeline")
    if name in CONVENTIONS:
        return True
    with loading(name):
        return Path(name).is_dir() and UNet2DConditionModel.load_config(name, subfolder="unet").get("in_channels") == 8


def read_pipeline(
    name: str, config: Mapping[str, Any], revision: str | None = None, variant: str | None = None
) -> MarigoldDepthPipeline:
    """Return the pipeline with all its networks, float32.

    Args:
        name: hub name or folder.
        config: its model_index.json.
        revision: of the hub's repository.
        variant: of the weights' files, such as ``fp16``.

    Raises:
        CheckpointError: if something is missing, damaged or incomplete.
    """
    _check_libraries(name, config)
    kinds = {"unet": UNet2DConditionModel, "vae": _AUTOENCODERS[_part(config, "vae")], "text_encoder": CLIPTextModel}
    where = {"revision": revision, "variant": variant}
    parts = {part: _read(kind, name, part, **where) for part, kind in kinds.items()}
    with loading(name), _quiet():
        return MarigoldDepthPipeline.from_pretrained(
            name, **parts, use_safetensors=True, trust_remote_code=False, **where
        )


def read_autoencoder(checkpoint: Any) -> Any:
    """Return another autoencoder of the same latent space.

    Args:
        checkpoint: ``taesd``, hub name, folder or a loaded autoencoder.

    Raises:
        CheckpointError: if there is no such autoencoder.
    """
    if isinstance(checkpoint, tuple(_AUTOENCODERS.values())):
        return checkpoint
    loaded = f"an {' or '.join(_AUTOENCODERS)}"
    name = checkpoint_name(checkpoint, "diffusers", AUTOENCODERS, "an autoencoder's config.json", loaded)
    with loading(name):
        config = AutoencoderTiny.load_config(name)
    kind = config.get("_class_name") if isinstance(config, Mapping) else None
    if kind not in _AUTOENCODERS:
        raise CheckpointError(f"{name!r} is a {kind}, not one of the autoencoders {', '.join(_AUTOENCODERS)}.")
    return _read(_AUTOENCODERS[kind], name, None)


def check_parts(pipeline: MarigoldDepthPipeline, autoencoder: Any, name: str) -> None:
    """Check that this backend supports the parts of a pipeline, and that they fit together.

    Args:
        pipeline: whose scheduler and denoiser are used.
        autoencoder: its own or another.
        name: of the pipeline, for errors.

    Raises:
        CheckpointError: naming the unsuitable part.
    """
    if not isinstance(pipeline.scheduler, (DDIMScheduler, LCMScheduler)):
        raise CheckpointError(
            f"{name!r} has a {type(pipeline.scheduler).__name__}; Marigold is denoised by a DDIMScheduler or an "
            "LCMScheduler. Save the pipeline with one of these."
        )
    _check_tokenizer(pipeline, name)
    channels, images = pipeline.unet.config.in_channels, autoencoder.config.latent_channels
    if channels != 2 * images:
        raise CheckpointError(
            f"{name!r} has a denoiser of {channels} input channels and an autoencoder of {images} latent channels; the "
            "denoiser takes picture and depth, twice as many as the autoencoder gives. Take an autoencoder that fits."
        )


def _check_tokenizer(pipeline: MarigoldDepthPipeline, name: str) -> None:
    """Refuse the tokenizer that the library makes up if its files are missing: its few words have other numbers."""
    words, needed = len(pipeline.tokenizer), pipeline.text_encoder.config.vocab_size
    if words < needed:
        raise CheckpointError(
            f"{name!r} has a tokenizer of {words} words for a text encoder of {needed}: the tokenizer's files are "
            "missing or belong to another pipeline. Take a complete checkpoint, with its tokenizer folder."
        )


def _check_libraries(name: str, config: Mapping[str, Any]) -> None:
    """Refuse a pipeline with a part whose class is code in the checkpoint itself."""
    for part, kind in config.items():
        library = kind[0] if isinstance(kind, list | tuple) and len(kind) == 2 else None
        if library not in (None, "diffusers", "transformers"):
            raise CheckpointError(
                f"{name!r} has a {part} of {library!r}: code beside its weights, which is never run. Take a pipeline "
                "of the library's own parts, or load this one yourself and pass it."
            )


def _part(config: Mapping[str, Any], part: str) -> str:
    kind = (config.get(part) or [None, None])[1]
    if kind not in _AUTOENCODERS:
        raise CheckpointError(f"Its {part} is a {kind}, not one of {', '.join(_AUTOENCODERS)}.")
    return kind


def _read(kind: Any, name: str, part: str | None, **where: Any) -> Any:
    """Read one network; refuse a file that lacks weights, which would be random."""
    folder = {} if part is None else {"subfolder": part}
    types = {"dtype" if kind is CLIPTextModel else "torch_dtype": torch.float32}
    with loading(name), _quiet():
        network, report = kind.from_pretrained(
            name, **folder, use_safetensors=True, output_loading_info=True, **types, **where
        )
    missing = sorted(report["missing_keys"])
    if missing:
        raise CheckpointError(
            f"{name!r} lacks {len(missing)} weights of its {part or 'autoencoder'} ({missing[0]} …): they would be "
            "random numbers. Take a complete checkpoint, or load the pipeline yourself and pass it."
        )
    return network.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the libraries' progress bars and reports, errors too: these are raised as well."""
    talkers = (logging, transformers_logging)
    before = [(talker, talker.get_verbosity(), talker.is_progress_bar_enabled()) for talker in talkers]
    for talker in talkers:
        talker.set_verbosity(talker.CRITICAL)
        talker.disable_progress_bar()
    try:
        yield
    finally:
        for talker, level, bars in before:
            talker.set_verbosity(level)
            if bars:
                talker.enable_progress_bar()
