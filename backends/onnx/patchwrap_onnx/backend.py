"""Any exported depth model as a patchwrap backend."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from patchwrap import BackendContractError, CheckpointError, DepthBatch, Images, OptionError, resize_maps
from patchwrap.extension import depths_only
from patchwrap_onnx.card import Card, complete, read_facts
from patchwrap_onnx.graph import Graph
from patchwrap_onnx.picture import PictureInput


class OnnxBackend:
    """A graph with its card; made by ``load``. Gradients do not pass through it.

    Args:
        graph: the opened file.
        card: its convention and input format.

    Raises:
        OptionError: if graph and card together leave something open, or contradict each other.
    """

    def __init__(self, graph: Graph, card: Card) -> None:
        self.graph = graph
        self.input = PictureInput.of(graph, card)
        self.output = _output(graph, card)
        self.convention = card.convention
        self.multiple = card.multiple
        self.mirror = card.mirror
        self.knows_tiles = card.knows_tiles
        self.free_aspect = card.free_aspect and self.input.sides == (None, None)
        self.processing = _processing(graph, card, self.input.sides)
        self.batch = self.input.batch or card.batch
        if not self.free_aspect and any(side % self.multiple for side in self.processing):
            raise OptionError(f"{graph.path}: processing {self.processing} is not a multiple of {self.multiple}.")

    def predict(self, images: Images) -> DepthBatch:
        """Predict in batches of the graph's size and resize the maps to the images' size.

        Raises:
            BackendContractError: if the graph fails or does not return one map per image.
        """
        maps = torch.cat([self._run(part) for part in images.split(self.batch or len(images))])
        maps = depths_only(maps, self.convention)
        return resize_maps(maps, (images.shape[2], images.shape[3])).to(images.device)

    def to(self, device: torch.device, dtype: torch.dtype) -> "OnnxBackend":
        """Run on another device; the number type stays the graph's own."""
        self.graph.to(device)
        return self

    def _run(self, images: Images) -> Float[Tensor, "batch 1 rows columns"]:
        count = len(images)
        if self.input.batch is not None and count < self.input.batch:
            images = torch.cat([images, images[-1:].expand(self.input.batch - count, -1, -1, -1)])
        raw = self.graph.run(self.input.encode(images), self.output)
        return self._as_maps(raw, len(images))[:count]

    def _as_maps(self, raw: np.ndarray, count: int) -> Float[Tensor, "{count} 1 rows columns"]:
        shape = raw.shape
        if len(shape) == 4 and 1 in (shape[1], shape[3]):
            raw = raw[:, 0] if shape[1] == 1 else raw[..., 0]
        elif len(shape) == 2:
            raw = raw[None]
        if raw.ndim != 3 or len(raw) != count:
            raise BackendContractError(
                f"Output {self.output!r} of {self.graph.path} has shape {shape} for {count} images; expected one map "
                f"per image. Name the depth map (output, one of {', '.join(self.graph.outputs)}), or set batch to 1."
            )
        return torch.from_numpy(raw.astype(np.float32))[:, None]


class FocalOnnxBackend(OnnxBackend):
    """A scale-ambiguous graph whose scale is known once the focal length is.

    Args:
        graph: the opened file.
        card: with ``metres_per_focal``.
    """

    def __init__(self, graph: Graph, card: Card) -> None:
        super().__init__(graph, card)
        assert card.metres_per_focal is not None
        self.metres_per_focal = card.metres_per_focal

    def metres_per_unit(self, focal: float) -> float:
        """Metres per predicted unit of depth of the whole-image pass.

        Args:
            focal: focal length as a fraction of the image's longer side.
        """
        return self.metres_per_focal * focal


def load(checkpoint: str | Path | None = None, **options: Any) -> OnnxBackend:
    """Open an ONNX file.

    Args:
        checkpoint: path of the file. A ``.json`` of the same name beside it may hold its card.
        options: fields of ``Card``; they override the JSON, which overrides the file's metadata.

    Raises:
        CheckpointError: if the file is missing or onnxruntime cannot run it on a picture.
        ConventionError: if its convention is not stated anywhere.
        OptionError: if an option or JSON key is unknown, invalid or missing.
    """
    if checkpoint is None:
        raise CheckpointError("The onnx backend needs a file: onnx=model.onnx.")
    path = Path(checkpoint).expanduser()
    facts = read_facts(path, options)
    graph = Graph(path, facts.get("threads"))
    card = complete(facts, graph.metadata, path)
    return OnnxBackend(graph, card) if card.metres_per_focal is None else FocalOnnxBackend(graph, card)


def _output(graph: Graph, card: Card) -> str:
    if card.output is None and len(graph.outputs) == 1:
        return graph.outputs[0]
    if card.output is None or card.output not in graph.outputs:
        asked = f"no output {card.output!r}" if card.output else "several outputs"
        raise OptionError(f"{graph.path} has {asked}; give output, one of {', '.join(graph.outputs)}.")
    return card.output


def _processing(graph: Graph, card: Card, sides: tuple[int | None, int | None]) -> tuple[int, int]:
    height, width = (own or asked for own, asked in zip(sides, card.processing or (None, None)))
    if height is None or width is None:
        raise OptionError(
            f"{graph.path} takes pictures of any size. Give the one it was made for: processing (height, width), as an "
            f"option or in {graph.path.with_suffix('.json')}."
        )
    if card.processing not in (None, (height, width)):
        raise OptionError(f"{graph.path} is fixed to {(height, width)} (height, width), not {card.processing}.")
    return height, width
