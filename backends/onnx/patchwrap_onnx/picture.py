"""Converts pictures to a graph's layout, colour order, normalisation and number type. Never runs the graph."""

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange

from patchwrap import CheckpointError, Images, OptionError
from patchwrap_onnx.card import Card
from patchwrap_onnx.graph import Graph


@dataclass(frozen=True)
class PictureInput:
    """The picture input of one graph.

    Args:
        card: with colour order, range, mean and std.
        layout: ``NCHW`` or ``NHWC``.
        dtype: number type.
        batch: fixed number of pictures per run; None if dynamic.
        sides: fixed height and width; None if dynamic.
    """

    card: Card
    layout: str
    dtype: type[np.generic]
    batch: int | None
    sides: tuple[int | None, int | None]

    @classmethod
    def of(cls, graph: Graph, card: Card) -> "PictureInput":
        """Read the layout from the graph, or from the card if the graph does not show it.

        Raises:
            OptionError: if neither states it, or they contradict each other.
            CheckpointError: if the graph does not take pictures of three channels.
        """
        shape = graph.shape
        layout = card.layout or _layout(graph)
        channels = shape[layout.index("C")]
        if channels not in (3, None):
            raise CheckpointError(
                f"{graph.path} takes {graph.input.shape} as {layout}, pictures of {channels} channels; patchwrap has "
                "RGB. Say layout NCHW or NHWC if it is the other, else export it for 3 channels."
            )
        sides = shape[layout.index("H")], shape[layout.index("W")]
        return cls(card, layout, graph.dtype, shape[0], sides)

    def encode(self, images: Images) -> np.ndarray:
        """Convert RGB in [0, 1] to the graph's input."""
        values = images.detach().to("cpu", torch.float32)
        if self.card.color == "BGR":
            values = values.flip(1)
        black, white = self.card.range or ((0.0, 255.0) if self.dtype is np.uint8 else (0.0, 1.0))
        mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (self.card.mean, self.card.std))
        values = (black + (white - black) * values - mean) / std
        if self.dtype is np.uint8:
            values = values.round().clamp(0, 255)
        if self.layout == "NHWC":
            values = rearrange(values, "batch channels height width -> batch height width channels")
        return np.ascontiguousarray(values.numpy().astype(self.dtype))


def _layout(graph: Graph) -> str:
    first, last = graph.shape[1], graph.shape[3]
    if (first == 3) == (last == 3):
        raise OptionError(
            f"{graph.path} takes {graph.input.shape}, which does not tell where its channels are. "
            "Say layout NCHW or NHWC, as an option or in the JSON beside it."
        )
    return "NCHW" if first == 3 else "NHWC"
