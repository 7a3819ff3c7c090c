"""Gets a network from a folder or the hub. Downloads nothing the user did not name and runs no code found beside it."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForDepthEstimation, PreTrainedModel
from transformers.models.auto.image_processing_auto import get_image_processor_config
from transformers.models.auto.modeling_auto import MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES
from transformers.utils import has_file, logging

from patchwrap import CheckpointError, OptionError
from patchwrap.extension import checkpoint_name, loading, one_line
from patchwrap_transformers.families import FAMILIES
from patchwrap_transformers.published import SOURCES

_UNUSED = re.compile(r"fusion_stage\.layers\.0\.residual_layer1\.|mask_token$|num_batches_tracked$")
"""Weights that some published files lack and that no prediction uses."""

_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_NO_CONVERSION = "DISABLE_SAFETENSORS_CONVERSION"


def identify(checkpoint: Any, revision: str | None = None) -> tuple[str, Any]:
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
        files = "config.json and model.safetensors"
        name = checkpoint_name(checkpoint, "transformers", SOURCES, files, "a PreTrainedModel")
        config = _read_config(name, revision)
    if config.model_type not in FAMILIES:
        raise CheckpointError(
            f"{name!r} is a {config.model_type} model, not one of the depth families {', '.join(FAMILIES)}. "
            "A model of your own: patchwrap.wrap_callable."
        )
    if isinstance(checkpoint, PreTrainedModel):
        _check_class(type(checkpoint), config.model_type)
    return name, config


def _check_class(kind: type, model_type: str) -> None:
    """Refuse a model of a depth family that predicts something else."""
    needed = MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES[model_type]
    if needed not in [parent.__name__ for parent in kind.__mro__]:
        raise CheckpointError(
            f"The model is a {kind.__name__}, which predicts no depth; the {model_type} model that does is {needed}. "
            "Load it by AutoModelForDepthEstimation, or give its folder or hub name."
        )


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
    name = checkpoint_name(source, "transformers", SOURCES, "preprocessor_config.json", "an image processor")
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
        attention: transformers' ``attn_implementation``; None and ``sdpa`` are SDPA where there is one.
        revision: of the hub's repository.
        safetensors: refuse pickled weights, which may run code when they are read.

    Raises:
        CheckpointError: if the weights are missing, damaged or incomplete.
        OptionError: if the network cannot compute attention like that.
    """
    # By itself the library takes SDPA wherever it can; asked for it, it refuses networks of which only a part can.
    options: dict[str, Any] = {} if attention in (None, "sdpa") else {"attn_implementation": str(attention)}
    try:
        with loading(name), _quiet(), _without_conversion():
            network, report = AutoModelForDepthEstimation.from_pretrained(
                name,
                config=config,
                revision=revision,
                use_safetensors=True if safetensors else None,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # They are raised below, by name.
                **options,
            )
    except CheckpointError as error:
        _explain_attention(attention, error.__cause__)
        if safetensors:
            _explain_pickled(name, revision, error.__cause__)
        raise
    _check_complete(report, name, config.model_type)
    return network.eval()


def _check_complete(report: Mapping[str, Any], name: str, model_type: str) -> None:
    """Refuse weights that are missing or have another shape: the library leaves random numbers in their place."""
    advice = "Take a complete checkpoint, or load the model yourself and pass it."
    missing = sorted(key for key in report["missing_keys"] if not _UNUSED.search(key))
    if missing:
        raise CheckpointError(
            f"{name!r} lacks {len(missing)} weights of a {model_type} model ({missing[0]} …): they would be "
            f"random numbers. {advice}"
        )
    if mismatched := sorted(report["mismatched_keys"]):
        key, found, needed = mismatched[0]
        raise CheckpointError(
            f"{name!r} has {len(mismatched)} weights of another shape than its config.json says ({key} has "
            f"{tuple(found)}, not {tuple(needed)}). {advice}"
        )


def _explain_attention(attention: str | None, error: BaseException | None) -> None:
    """Refuse an attention that the library does not have for a network."""
    if attention not in (None, "sdpa", "eager") and isinstance(error, ValueError | ImportError):
        reason = one_line(error, 240)
        raise OptionError(f"attention {attention!r} is not possible here: {reason} Take sdpa or eager.") from error


def _explain_pickled(name: str, revision: str | None, error: BaseException | None) -> None:
    """Refuse a checkpoint that has pickled weights only."""
    if not isinstance(error, OSError) or "model.safetensors" not in str(error):
        return
    try:
        if not any(has_file(name, file, revision=revision) for file in _PICKLED):
            return
    except OSError:
        return
    raise CheckpointError(
        f"{name!r} has only pickled weights and no model.safetensors. Pickled weights may run code when they are "
        "read; if you trust them, safetensors=False loads them. A conversion may be offered as "
        'revision="refs/pr/N": the Community tab of its page on the hub lists it.'
    ) from error


@contextmanager
def _without_conversion() -> Iterator[None]:
    """Keep the library from converting pickled weights.

    For a hub checkpoint without safetensors it would ask a conversion service to open a pull request there, and load
    the weights from that.
    """
    before = os.environ.get(_NO_CONVERSION)
    os.environ[_NO_CONVERSION] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_CONVERSION]
        else:
            os.environ[_NO_CONVERSION] = before


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
