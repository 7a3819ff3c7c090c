"""A depth model of the transformers library behind patchwrap's Protocol."""

import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from patchwrap import DepthBatch, DepthConvention, ExportError, Images, OptionError, Precision, Size, resize_maps
from patchwrap.extension import AsModule, depths_only, one_line
from patchwrap_transformers.conventions import convention_of
from patchwrap_transformers.families import FAMILIES, Family
from patchwrap_transformers.geometry import Geometry
from patchwrap_transformers.heads import Votes, by_own_head, elected, votes_for
from patchwrap_transformers.loading import identify, read_network, read_processor, read_settings
from patchwrap_transformers.margin import add_margin, remove_margin
from patchwrap_transformers.postprocessing import depth_of, maps_of, to_size
from patchwrap_transformers.precision import compute_in_float32
from patchwrap_transformers.preprocessing import Preprocessing

_ENCODER = re.compile(r"(^|\.)(backbone|embeddings|\w*encoder|patch_transformer|mlp_classifier)\.|^dpt\.layernorm\.")
"""Names that the families give to modules before the decoder, and to those that select ZoeDepth's head, which no
gradient reaches."""


class TransformersBackend:
    """One network; the whole-image pass and the tile pass are the same.

    Args:
        network: in evaluation mode; becomes float32.
        family: the network's.
        convention: of the predicted maps.
        geometry: the input sizes that the network accepts.
        preprocessing: of colours.
        votes: for a network with several heads, logits that always select one of them; None lets the network select
            a head per picture.
    """

    open_size = False
    """Position embeddings are interpolated to the picture's grid while tracing, so an ONNX file takes one size only."""

    def __init__(
        self,
        network: nn.Module,
        family: Family,
        convention: DepthConvention,
        geometry: Geometry,
        preprocessing: Preprocessing,
        votes: Votes | None = None,
    ) -> None:
        self.network = network
        self.family = family
        self.convention = convention
        self.geometry = geometry
        self.processing = geometry.processing
        self.multiple = geometry.multiple
        self.free_aspect = geometry.free_aspect
        self.preprocessing = preprocessing
        self._eager = network if votes is None else elected(network, votes)
        self._forward: Callable[..., Any] = self._eager
        self._precision = Precision(network, family.exact)
        compute_in_float32(network, family.exact)

    def predict(self, images: Images) -> DepthBatch:
        """Predict maps in ``convention``.

        Pictures of a size that the network does not accept are resized to the nearest that it does, and their maps
        back.

        Args:
            images: RGB in [0, 1].
        """
        size = (images.shape[2], images.shape[3])
        return self._predict(resize_maps(images, self.geometry.nearest(size)), size)

    def _predict(self, images: Images, size: Size) -> Float[Tensor, "batch 1 _ _"]:
        """Predict maps of a given size for pictures whose size the network accepts."""
        return self._finished(self._maps(self._output(images), (images.shape[2], images.shape[3])), size)

    def _finished(self, maps: Float[Tensor, "batch 1 _ _"], size: Size) -> Float[Tensor, "batch 1 _ _"]:
        maps = to_size(maps, size, self.family.resampling)
        # Bicubic resampling undershoots.
        return depth_of(maps) if self.family.canonical else depths_only(maps, self.convention)

    def _output(self, images: Images) -> Any:
        seen = add_margin(images) if self.family.margin else images
        return by_own_head(self._forward, self.preprocessing(seen).to(self._precision.dtype))

    def _maps(self, output: Any, size: Size) -> Float[Tensor, "batch 1 _ _"]:
        """The maps of an output, at the network's resolution, for pictures of a size."""
        maps = maps_of(output, self.family.canonical)
        maps = maps if self.family.canonical else depths_only(maps, self.convention)
        return remove_margin(maps, size) if self.family.margin else maps

    def to(self, device: torch.device, dtype: torch.dtype) -> "TransformersBackend":
        """Move the network; its last layers stay float32."""
        self._precision.to(device, dtype)
        return self

    def compile(self, with_backend: str = "inductor") -> "TransformersBackend":
        """Compile the network; each new batch or picture size is compiled at its first use.

        Args:
            with_backend: of ``torch.compile``.

        Raises:
            OptionError: if torch has no such backend.
        """
        try:
            self._forward = torch.compile(self._eager, backend=with_backend)
        except RuntimeError as error:
            reason, known = one_line(error), ", ".join(torch.compiler.list_backends())
            raise OptionError(f"compile {with_backend!r} fails: {reason} Take true, or one of {known}.") from error
        return self

    def exportable(self, size: Size) -> tuple[nn.Module, dict[str, Tensor]]:
        """Return all of ``predict`` as a module, and random pictures.

        Raises:
            ExportError: for a family that cannot be traced.
            OptionError: if the network does not accept this size.
        """
        if self.family.untraceable:
            raise ExportError(
                f"{type(self.network).__name__} cannot be written as ONNX: {self.family.untraceable}. "
                "Every other family of the transformers backend can."
            )
        if (nearest := self.geometry.nearest(size)) != size:
            raise OptionError(f"this network does not take size {size} (height, width); the nearest is {nearest}.")
        plain = copy(self)
        plain._forward = self._eager  # a compiled one cannot be traced
        module = AsModule(self.network, lambda images: plain._predict(images, (images.shape[2], images.shape[3])))
        return module.eval(), {"images": torch.rand(2, 3, *size)}

    def trainable_parameters(self) -> Iterator[nn.Parameter]:
        """The decoder's: all parameters outside backbone, encoder, embedding and the selection of a head."""
        return (value for name, value in self.network.named_parameters() if not _ENCODER.search(name))


class DepthProBackend(TransformersBackend):
    """A network of Depth Pro's family that estimates the field of view from which its metres follow."""

    def predict_with_fov(self, images: Images) -> tuple[DepthBatch, Float[Tensor, "batch"]]:
        """Predict as ``predict`` does and return the estimate, horizontal and in degrees, as well."""
        size = (images.shape[2], images.shape[3])
        output = self._output(resize_maps(images, self.geometry.nearest(size)))
        return self._finished(self._maps(output, size), size), output.field_of_view.float()


def load(
    checkpoint: str | Path | PreTrainedModel | None = None,
    *,
    convention: str | DepthConvention | None = None,
    processing: Any = None,
    processor: Any = None,
    head: str | None = None,
    attention: str | None = None,
    compile: Any = False,
    revision: str | None = None,
    safetensors: Any = True,
) -> TransformersBackend:
    """Load a checkpoint.

    Args:
        checkpoint: short name, hub name, folder or an already loaded model, which is put into evaluation mode
            and becomes float32.
        convention: ``SPACE:AMBIGUITY`` of the maps; needed only if the checkpoint does not determine it. For a
            loaded model of a family whose config cannot tell, that of the published checkpoint it came from is assumed,
            with a warning.
        processing: the input size, ``(height, width)``, ``"WIDTHxHEIGHT"`` or one number for both;
            None is the size of the checkpoint's own image processor.
        processor: short name, hub name, folder or image processor to take colours and size from instead.
        head: of a network with several heads, the one to use; None lets the network select one per picture.
        attention: ``eager``, or another that the library has for this family; None and ``sdpa`` are SDPA where the
            family supports it.
        compile: True, False or the name of a ``torch.compile`` backend.
        revision: of the hub's repository.
        safetensors: True or False; False also takes pickled weights, which may run code when they are read.

    Raises:
        CheckpointError: if there is no such checkpoint, it is damaged or not a depth model.
        ConventionError: if nothing determines its convention.
        OptionError: if an option is not possible for this network.
    """
    _check_kinds(compile, safetensors)
    name, config = identify(checkpoint, revision)
    family = FAMILIES[config.model_type]
    model = checkpoint if isinstance(checkpoint, PreTrainedModel) else None
    if family.canonical and model is not None:  # its constructor may have been told otherwise than by its config
        config = copy(config)
        config.use_fov_model = model.use_fov_model
    meaning = convention_of(config, name, convention, loaded=model is not None)
    if model is not None:
        _check_unused(attention=attention, revision=revision, safetensors=None if safetensors else False)
    if processor is None:
        settings = read_settings(name, revision, local_only=model is not None)
    else:
        settings = read_processor(processor)
    geometry = family.geometry(config).published(settings).wanted(processing)
    family = replace(family, margin=family.margin and settings.get("do_pad", True))
    # Everything large is read after the checks above.
    network = model.eval() if model is not None else read_network(name, config, attention, revision, safetensors)
    colours = Preprocessing.of(settings, family.normalisation(config))
    votes = None if head is None else votes_for(network, head)
    kind = DepthProBackend if family.canonical and config.use_fov_model else TransformersBackend
    backend = kind(network, family, meaning, geometry, colours, votes)
    return backend.compile("inductor" if compile is True else compile) if compile else backend


def _check_unused(**options: Any) -> None:
    """Refuse options of the weights' loading for a model that is already loaded."""
    if given := [name for name, value in options.items() if value is not None]:
        raise OptionError(
            f"{', '.join(given)}: the model is already loaded, so this has no effect. Leave it out, give it to "
            "from_pretrained, or give a folder or hub name in place of the model."
        )


def _check_kinds(compile: Any, safetensors: Any) -> None:
    """Refuse anything but booleans: a word such as ``no`` would count as true."""
    if not isinstance(safetensors, bool):
        raise OptionError(f"safetensors {safetensors!r} is neither true nor false.")
    if not isinstance(compile, bool | str):
        raise OptionError(f"compile {compile!r} is neither true nor false nor the name of a torch.compile backend.")
