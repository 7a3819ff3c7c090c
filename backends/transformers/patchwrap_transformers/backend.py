"""A depth model of the transformers library behind patchwrap's Protocol."""

import re
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from patchwrap.convention import DepthConvention
from patchwrap.errors import ExportError, OptionError
from patchwrap.precision import Precision
from patchwrap.resampling import resize
from patchwrap.types import DepthBatch, Images
from patchwrap_transformers.conventions import convention_of
from patchwrap_transformers.families import FAMILIES, Family
from patchwrap_transformers.geometry import Geometry, Size
from patchwrap_transformers.heads import Votes, by_own_head, elected, votes_for
from patchwrap_transformers.loading import identify, read_network, read_processor, read_settings
from patchwrap_transformers.margin import add_margin, remove_margin
from patchwrap_transformers.postprocessing import depth_of, distances_only, maps_of, to_size
from patchwrap_transformers.precision import compute_in_float32
from patchwrap_transformers.preprocessing import Preprocessing

_ENCODER = re.compile(r"(^|\.)(backbone|embeddings|\w*encoder)\.")
"""How the families call what is before the decoder."""


class TransformersBackend:
    """One network; the whole-image pass and the tile pass are the same.

    Args:
        network: in evaluation mode.
        family: the network's.
        convention: what ``predict``'s numbers mean.
        geometry: the sizes at which the network sees pictures.
        preprocessing: of colours.
        votes: of a network with several heads, to elect always the same; None lets it elect one a picture.
    """

    open_size = False
    """As ONNX: position embeddings are brought to the picture's grid while the network is traced."""

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
        self.votes = votes
        self._forward: Callable[..., Any] = network
        self._precision = Precision(network, family.exact)
        compute_in_float32(network, family.exact)

    def predict(self, images: Images) -> DepthBatch:
        """Predict maps in ``convention``.

        Pictures of a size that the network does not take as it is are resized to the nearest that it takes,
        and their maps back.

        Args:
            images: RGB in [0, 1].
        """
        size = (images.shape[2], images.shape[3])
        return self._predict(resize(images, self.geometry.nearest(size)), size)

    def _predict(self, images: Images, size: Size) -> Float[Tensor, "batch 1 _ _"]:
        """Predict maps of a size for pictures of one that the network takes as it is."""
        maps = to_size(self._maps(images), size, self.family.resampling)
        maps = depth_of(maps) if self.family.canonical else maps
        affine = self.convention.ambiguity == "affine"
        return distances_only(maps) if self.convention.space == "depth" and not affine else maps

    def _maps(self, images: Images) -> Float[Tensor, "batch 1 _ _"]:
        size: Size = (images.shape[2], images.shape[3])
        seen = add_margin(images) if self.family.margin else images
        output = self._output(self.preprocessing(seen).to(self._precision.dtype))
        maps = maps_of(output, self.family.canonical)
        return remove_margin(maps, size) if self.family.margin else maps

    def _output(self, pixels: Float[Tensor, "batch 3 _ _"]) -> Any:
        if self.votes is None:
            return by_own_head(self._forward, pixels)
        with elected(self.network, self.votes):
            return self._forward(pixels)

    def to(self, device: torch.device, dtype: torch.dtype) -> "TransformersBackend":
        """Move the network; its last layers stay float32."""
        self._precision.to(device, dtype)
        return self

    def compile(self, with_backend: str = "inductor") -> "TransformersBackend":
        """Compile the network for every size of batch and picture at its first use.

        Args:
            with_backend: of ``torch.compile``.

        Raises:
            OptionError: if torch has no such backend.
        """
        try:
            self._forward = torch.compile(self.network, backend=with_backend)
        except RuntimeError as error:
            reason, known = " ".join(str(error).split()), ", ".join(torch.compiler.list_backends())
            raise OptionError(f"compile {with_backend!r} cannot be: {reason} Take true, or one of {known}.") from error
        return self

    def exportable(self, size: Size) -> tuple[nn.Module, dict[str, Tensor]]:
        """Return all of ``predict`` as a module, and random pictures.

        Raises:
            ExportError: for a family that cannot be traced.
            OptionError: if the network does not take pictures of this size as they are.
        """
        if self.family.untraceable:
            raise ExportError(
                f"{type(self.network).__name__} cannot be written as ONNX: {self.family.untraceable}. "
                "Every other family of the transformers backend can."
            )
        if (nearest := self.geometry.nearest(size)) != size:
            raise OptionError(f"size {size} (height, width) is none the network takes; the nearest is {nearest}.")
        plain = copy(self)
        plain._forward = self.network  # a compiled one cannot be traced
        return _Traceable(plain).eval(), {"images": torch.rand(2, 3, *size)}

    def trainable_parameters(self) -> Iterator[nn.Parameter]:
        """The decoder's: all that lies in no backbone, encoder or embedding."""
        return (value for name, value in self.network.named_parameters() if not _ENCODER.search(name))


class _Traceable(nn.Module):
    """``predict`` as a module."""

    def __init__(self, backend: TransformersBackend) -> None:
        super().__init__()
        self.network = backend.network
        self._backend = backend

    def forward(self, images: Images) -> DepthBatch:
        return self._backend._predict(images, (images.shape[2], images.shape[3]))


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
        checkpoint: short name, hub name, folder or an already loaded model, which is put into evaluation mode.
        convention: what the numbers mean, ``SPACE:AMBIGUITY``; needed only where nothing else tells.
        processing: the size to see pictures at, ``(height, width)``, ``"WIDTHxHEIGHT"`` or one number for both;
            None is the size of the checkpoint's own image processor.
        processor: short name, hub name, folder or image processor to take colours and size from instead.
        head: of a network with several, the one to use always; None lets the network elect one a picture.
        attention: ``sdpa``, ``eager`` …; None is SDPA where the family has it.
        compile: True, False or the name of a ``torch.compile`` backend.
        revision: of the hub's repository.
        safetensors: True or False; False also takes pickled weights, which may run code when they are read.

    Raises:
        CheckpointError: if there is no such checkpoint, it is damaged or no depth model.
        ConventionError: if nothing tells what its numbers mean.
        OptionError: if the network cannot take an option.
    """
    _check_kinds(compile, safetensors)
    name, config = identify(checkpoint, revision)
    family = FAMILIES[config.model_type]
    meaning = convention_of(config, name, convention)
    model = checkpoint if isinstance(checkpoint, PreTrainedModel) else None
    if processor is None:
        settings = read_settings(name, revision, local_only=model is not None)
    else:
        settings = read_processor(processor)
    geometry = family.geometry(config).published(settings).wanted(processing)
    # Only now anything large is read.
    network = model.eval() if model is not None else read_network(name, config, attention, revision, safetensors)
    colours = Preprocessing.of(settings, family.normalisation(config))
    votes = None if head is None else votes_for(network, head)
    backend = TransformersBackend(network, family, meaning, geometry, colours, votes)
    return backend.compile("inductor" if compile is True else compile) if compile else backend


def _check_kinds(compile: Any, safetensors: Any) -> None:
    """A word such as ``no`` would count as true."""
    if not isinstance(safetensors, bool):
        raise OptionError(f"safetensors {safetensors!r} is neither true nor false.")
    if not isinstance(compile, bool | str):
        raise OptionError(f"compile {compile!r} is neither true nor false nor the name of a torch.compile backend.")
