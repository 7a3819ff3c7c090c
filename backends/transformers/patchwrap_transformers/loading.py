"""Gets a network from a folder or the hub. Downloads nothing the user did not name and runs no code found beside it."""

import difflib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForDepthEstimation, PreTrainedModel
from transformers.models.auto.image_processing_auto import get_image_processor_config
from transformers.utils import logging

from patchwrap.errors import CheckpointError
from patchwrap_transformers.families import FAMILIES
from patchwrap_transformers.published import SOURCES

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_UNUSED = re.compile(r"fusion_stage\.layers\.0\.residual_layer1\.|mask_token$|num_batches_tracked$")
"""Weights that some published files lack and that no prediction uses."""


def identify(checkpoint: str | Path | PreTrainedModel | None, revision: str | None = None) -> tuple[str, Any]:
    """Return a checkpoint's hub name or folder, and its config: all that is read before the weights.

    Args:
        checkpoint: short name, hub name, folder or a loaded model.
        revision: of the hub's repository.

    Raises:
        CheckpointError: if there is no such checkpoint or it is no depth model.
    """
    if isinstance(checkpoint, PreTrainedModel):
        name, config = checkpoint.name_or_path or type(checkpoint).__name__, checkpoint.config
    else:
        name = _resolved(checkpoint)
        with _errors_of(name):
            config = AutoConfig.from_pretrained(name, revision=revision)
    if config.model_type not in FAMILIES:
        raise CheckpointError(
            f"{name!r} is a {config.model_type} model, not one of the depth families {', '.join(FAMILIES)}. "
            "A model of your own: patchwrap.wrap_callable."
        )
    return name, config


def read_settings(source: Any, revision: str | None = None, local_only: bool = False) -> Mapping[str, Any]:
    """Return the contents of an image processor's file; empty if there is none.

    Args:
        source: folder, hub name or image processor.
        revision: of the hub's repository.
        local_only: look into folders and the cache, and no further.

    Raises:
        CheckpointError: if the file is damaged or, where the hub may be asked, cannot be fetched.
    """
    if hasattr(source, "to_dict"):
        return source.to_dict()
    try:
        with _errors_of(str(source)), _quiet():
            return get_image_processor_config(str(source), revision=revision, local_files_only=local_only)
    except CheckpointError:
        if local_only and not Path(source).is_dir():
            return {}
        raise


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
    with _errors_of(name), _quiet():
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


def _resolved(checkpoint: Any) -> str:
    """Return the hub name or existing folder that is meant."""
    if checkpoint is None or not str(checkpoint):
        raise CheckpointError(
            f"The transformers backend needs a checkpoint: a folder, a hub name, or a short name such as "
            f"{next(iter(SOURCES))!r} (`patchwrap backends` lists them). Write transformers=CHECKPOINT."
        )
    name = str(checkpoint)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return str(folder)
    if name in SOURCES:
        return SOURCES[name]
    if folder.is_file():
        raise CheckpointError(f"{name!r} is a file. Give the folder that holds config.json and model.safetensors.")
    if not _HUB_NAME.fullmatch(name) or name.startswith("."):
        close = difflib.get_close_matches(name, SOURCES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise CheckpointError(
            f"{name!r} is neither a folder, nor a hub name (ORGANISATION/NAME), nor a short name "
            f"(`patchwrap backends` lists those).{hint}"
        )
    return name


@contextmanager
def _errors_of(name: str) -> Iterator[None]:
    """Turn whatever the library raises while reading a checkpoint into one line."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:240] or type(error).__name__
        hint = "" if Path(name).is_dir() else " Without a network, give a folder or a name that is in the cache."
        raise CheckpointError(f"{name!r} cannot be loaded: {reason}{hint}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's bars and reports out of the terminal; what matters in them is raised."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
