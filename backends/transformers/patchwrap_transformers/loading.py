"""Gets a network from a folder or the hub. Downloads nothing the user did not name and runs no code found beside it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForDepthEstimation, PreTrainedModel
from transformers.models.auto.image_processing_auto import get_image_processor_config
from transformers.utils import logging

from patchwrap import CheckpointError
from patchwrap.extension import checkpoint_name, loading
from patchwrap_transformers.families import FAMILIES
from patchwrap_transformers.published import SOURCES

_UNUSED = re.compile(r"fusion_stage\.layers\.0\.residual_layer1\.|mask_token$|num_batches_tracked$")
"""Weights that some published files lack and that no prediction uses."""


def identify(checkpoint: str | Path | PreTrainedModel | None, revision: str | None = None) -> tuple[str, Any]:
    """Return a checkpoint's hub name or folder, and its config: all that is read before the weights.

    Args:
        checkpoint: short name, hub name, folder or a loaded model.
        revision: of the hub's repository.

    Raises:
        CheckpointError: if there is no such checkpoint or it is not a depth model.
    """
    if isinstance(checkpoint, PreTrainedModel):
        name, config = checkpoint.name_or_path or type(checkpoint).__name__, checkpoint.config
    else:
        name = checkpoint_name(checkpoint, "transformers", SOURCES, "config.json and model.safetensors")
        config = _read_config(name, revision)
    if config.model_type not in FAMILIES:
        raise CheckpointError(
            f"{name!r} is a {config.model_type} model, not one of the depth families {', '.join(FAMILIES)}. "
            "A model of your own: patchwrap.wrap_callable."
        )
    return name, config


def _read_config(name: str, revision: str | None) -> Any:
    try:
        with loading(name):
            # By default the library asks on the terminal whether to run the code.
            return AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    except CheckpointError as error:
        if "trust_remote_code" not in str(error.__cause__):
            raise
        raise CheckpointError(
            f"{name!r} is a model whose code lies beside its weights, and such code is never run. Take a model of the "
            "transformers library itself, or load this one yourself and pass it by patchwrap.wrap_callable."
        ) from error


def read_settings(name: str, revision: str | None = None, local_only: bool = False) -> Mapping[str, Any]:
    """Return the contents of the image processor's file beside a checkpoint; empty if there is none.

    Args:
        name: folder or hub name.
        revision: of the hub's repository.
        local_only: look into folders and the cache only.

    Raises:
        CheckpointError: if the file is damaged, or cannot be downloaded.
    """
    try:
        with loading(name), _quiet():
            return get_image_processor_config(name, revision=revision, local_files_only=local_only)
    except CheckpointError:
        if local_only and not Path(name).is_dir():
            return {}
        raise


def read_processor(source: Any) -> Mapping[str, Any]:
    """Return the settings of an image processor that the user named.

    Args:
        source: short name, hub name, folder or image processor.

    Raises:
        CheckpointError: if they are missing or damaged.
    """
    if hasattr(source, "to_dict"):
        return source.to_dict()
    name = checkpoint_name(source, "transformers", SOURCES, "preprocessor_config.json")
    settings = read_settings(name)
    if not settings:
        # The library returns nothing if it neither finds the file nor may download it.
        where = "the folder has none" if Path(name).is_dir() else "there is none, or it is not in the cache"
        raise CheckpointError(
            f"processor {name!r} names no preprocessor_config.json: {where}. Leave it out for the checkpoint's own."
        )
    return settings


def read_network(
    name: str, config: Any, attention: str | None = None, revision: str | None = None, safetensors: bool = True
) -> PreTrainedModel:
    """Return the network, in evaluation mode.

    Args:
        name: hub name or folder.
        config: its config.
        attention: transformers' ``attn_implementation``; None is its own choice (SDPA where there is one).
        revision: of the hub's repository.
        safetensors: refuse pickled weights, which may run code when they are read.

    Raises:
        CheckpointError: if the weights are missing, damaged or incomplete.
    """
    options: dict[str, Any] = {} if attention is None else {"attn_implementation": attention}
    with loading(name), _quiet():
        network, report = AutoModelForDepthEstimation.from_pretrained(
            name,
            config=config,
            revision=revision,
            use_safetensors=True if safetensors else None,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            **options,
        )
    missing = sorted(key for key in report["missing_keys"] if not _UNUSED.search(key))
    if missing:
        raise CheckpointError(
            f"{name!r} lacks {len(missing)} weights of a {config.model_type} model ({missing[0]} …): they would be "
            "random numbers. Take a complete checkpoint, or load the model yourself and pass it."
        )
    return network.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the library's progress bars and reports; missing weights are raised as errors."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
