"""The universal head as the pipeline knows it."""

import copy
from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor, nn

from patchwrap.errors import CheckpointError
from patchwrap.heads.card import HeadCard
from patchwrap.heads.network import HeadNetwork
from patchwrap.precision import Precision
from patchwrap.spec import Backend, Movable, Trainable
from patchwrap.tile_view import CONTEXT, TileView
from patchwrap.types import DepthBatch


class Head:
    """A fusion head for any backend: a network, and the card that says what it was trained for.

    Args:
        network: corrects aligned tiles.
        card: what it was trained for.
        decoder: parameters of the tile backend's decoder, where that was trained, too.
    """

    drawn = "together"
    """It reads the view's confidence, and decides by it how far to believe a tile."""

    def __init__(
        self, network: HeadNetwork | None = None, card: HeadCard | None = None, decoder: Sequence[Tensor] = ()
    ) -> None:
        self.network = (network or HeadNetwork()).eval()
        self.card = card or HeadCard()
        self.decoder = list(decoder)
        self._precision = Precision(self.network, ["residual"])

    @property
    def knows_tiles(self) -> bool:
        """Whether what it says of a tile's layout may be believed: a universal one depends on what its backend says."""
        return not self.card.universal

    @property
    def wants_features(self) -> bool:
        """Whether it is guided by decoder features."""
        return any(self.network.guides)

    def refine(self, view: TileView) -> DepthBatch:
        """Return what all tiles say together where each of these lies, plus a residual."""
        return self.network(*(getattr(view, part.name) for part in fields(view)))[0]

    def to(self, device: torch.device, dtype: torch.dtype) -> "Head":
        """Move the network; its last convolution stays float32."""
        self.network.to(memory_format=torch.channels_last)
        self._precision.to(device, dtype)
        return self

    def exportable(self, size: tuple[int, int]) -> tuple[nn.Module, dict[str, Tensor]]:
        """Return ``refine`` of a view's parts as a module, and random inputs."""
        inputs = {"images": torch.rand(2, 3, *size)}
        inputs |= {name: torch.rand(2, 1, *size) for name in ("coarse", "aligned", "confidence", "disagreement")}
        inputs |= {"context": torch.rand(2, 4, *CONTEXT), "centre": torch.rand(2), "spread": 0.5 + torch.rand(2)}
        half = size[0] // 2, size[1] // 2
        for name, channels in zip(("coarse_features", "fine_features"), self.network.guides):
            inputs |= {name: torch.rand(2, channels, *half)} if channels else {}
        return _Refining(self.network, list(inputs)).eval(), inputs

    def adapted(self, backend: Backend) -> Backend:
        """A copy of a backend with the decoder that was trained with this head; the backend itself without one.

        The copy is in float32 where a backend can be moved: one in half precision would round the decoder.

        Raises:
            CheckpointError: if the decoder is not this backend's.
        """
        if not self.decoder:
            return backend
        changed = copy.deepcopy(backend)
        own = _decoder(changed)
        if [value.shape for value in own] != [value.shape for value in self.decoder]:
            raise CheckpointError(
                f"The head brings a decoder that is not {type(backend).__name__}'s. Take the backend that it was "
                f"trained with ({', '.join(one.name for one in self.card.backends) or 'unknown'})."
            )
        if isinstance(changed, Movable):
            # Now, since the way back to float32 may bring weights that it kept aside, as they were before.
            changed.to(own[0].device, torch.float32)
        with torch.no_grad():
            for value, trained in zip(_decoder(changed), self.decoder):
                value.copy_(trained)
        return changed


def _decoder(backend: Backend) -> list[nn.Parameter]:
    return list(backend.trainable_parameters()) if isinstance(backend, Trainable) else []


class _Refining(nn.Module):
    """The network with its inputs by name, returning refined tiles alone."""

    def __init__(self, network: HeadNetwork, names: list[str]) -> None:
        super().__init__()
        self.network = network
        self.names = names

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.network(**dict(zip(self.names, inputs)))[0]
