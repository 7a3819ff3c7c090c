"""A depth model of the transformers library behind patchwrap's Protocol."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from patchwrap.convention import DepthConvention
from patchwrap.resampling import resize
from patchwrap.types import DepthBatch, Images
from patchwrap_transformers.conventions import convention_of
from patchwrap_transformers.families import FAMILIES, Family
from patchwrap_transformers.geometry import Geometry, Size
from patchwrap_transformers.heads import by_own_head, use_head
from patchwrap_transformers.loading import identify, read_network, read_settings
from patchwrap_transformers.margin import add_margin, remove_margin
from patchwrap_transformers.postprocessing import depth_of, distances_only, maps_of, to_size
from patchwrap_transformers.precision import Precision
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
    """

    def __init__(
        self,
        network: nn.Module,
        family: Family,
        convention: DepthConvention,
        geometry: Geometry,
        preprocessing: Preprocessing,
    ) -> None:
        self.network = network
        self.family = family
        self.convention = convention
        self.geometry = geometry
        self.processing = geometry.processing
        self.multiple = geometry.multiple
        self.free_aspect = geometry.free_aspect
        self.preprocessing = preprocessing
        self._forward: Callable[..., Any] = network
        self._precision = Precision(network, family.exact)

    def predict(self, images: Images) -> DepthBatch:
        """Predict maps in ``convention``.

        Pictures of a size that the network does not take as it is are resized to the nearest that it takes,
        and their maps back.

        Args:
            images: RGB in [0, 1].
        """
        size = (images.shape[2], images.shape[3])
        maps = self._maps(resize(images, self.geometry.nearest(size)))
        maps = to_size(maps, size, self.family.resampling)
        maps = depth_of(maps) if self.family.canonical else maps
        affine = self.convention.ambiguity == "affine"
        return distances_only(maps) if self.convention.space == "depth" and not affine else maps

    def _maps(self, images: Images) -> Float[Tensor, "batch 1 _ _"]:
        size: Size = (images.shape[2], images.shape[3])
        seen = add_margin(images) if self.family.margin else images
        output = by_own_head(self._forward, self.preprocessing(seen).to(self._precision.dtype))
        maps = maps_of(output, self.family.canonical)
        return remove_margin(maps, size) if self.family.margin else maps

    def to(self, device: torch.device, dtype: torch.dtype) -> "TransformersBackend":
        """Move the network; its last layers stay float32."""
        self._precision.to(device, dtype)
        return self

    def compile(self, with_backend: str = "inductor") -> "TransformersBackend":
        """Compile the network for every size of batch and picture at its first use.

        Args:
            with_backend: of ``torch.compile``.
        """
        self._forward = torch.compile(self.network, backend=with_backend)
        return self

    def trainable_parameters(self) -> Iterator[nn.Parameter]:
        """The decoder's: all that lies in no backbone, encoder or embedding."""
        return (value for name, value in self.network.named_parameters() if not _ENCODER.search(name))


def load(
    checkpoint: str | Path | PreTrainedModel | None = None,
    *,
    convention: str | DepthConvention | None = None,
    processing: Any = None,
    processor: Any = None,
    head: str | None = None,
    attention: str | None = None,
    compile: bool | str = False,
    revision: str | None = None,
    safetensors: bool = True,
) -> TransformersBackend:
    """Load a checkpoint.

    Args:
        checkpoint: short name, hub name, folder or an already loaded model, which is put into evaluation mode.
        convention: what the numbers mean, ``SPACE:AMBIGUITY``; needed only where nothing else tells.
        processing: the size to see pictures at, ``(height, width)``, ``"WIDTHxHEIGHT"`` or one number for both;
            None is the size of the checkpoint's own image processor.
        processor: folder, hub name or image processor to take colours and size from instead.
        head: of a network with several, the one to use always; None lets the network elect one a picture.
        attention: ``sdpa``, ``eager`` …; None is SDPA where the family has it.
        compile: True or the name of a ``torch.compile`` backend.
        revision: of the hub's repository.
        safetensors: False also takes pickled weights, which may run code when they are read.

    Raises:
        CheckpointError: if there is no such checkpoint, it is damaged or no depth model.
        ConventionError: if nothing tells what its numbers mean.
        OptionError: if the network cannot take an option.
    """
    name, config = identify(checkpoint, revision)
    family = FAMILIES[config.model_type]
    meaning = convention_of(config, name, convention)
    model = checkpoint if isinstance(checkpoint, PreTrainedModel) else None
    beside = processor is None
    settings = read_settings(name, revision, local_only=model is not None) if beside else read_settings(processor)
    geometry = family.geometry(config).published(settings).wanted(processing)
    # Only now anything large is read.
    network = model.eval() if model is not None else read_network(name, config, attention, revision, safetensors)
    if head is not None:
        use_head(network, head)
    colours = Preprocessing.of(settings, family.normalisation)
    backend = TransformersBackend(network, family, meaning, geometry, colours)
    return backend.compile("inductor" if compile is True else compile) if compile else backend
