"""The universal head as a ``spec.FusionHead``."""

import copy
from collections.abc import Sequence
from dataclasses import fields

import torch
from torch import Tensor, nn

from patchwrap.as_module import AsModule
from patchwrap.errors import CheckpointError
from patchwrap.heads.card import HeadCard
from patchwrap.heads.network import HeadNetwork
from patchwrap.precision import Precision
from patchwrap.spec import Backend, Movable, Trainable, name_of
from patchwrap.tile_view import CONTEXT, TileView
from patchwrap.types import DepthBatch


class Head:
    """A fusion head for any backend: a network, and the card that says what it was trained on.

    Args:
        network: corrects aligned tiles; None: an untrained one.
        card: what it was trained on; None: nothing.
        decoder: parameters of the tile backend's decoder if that was trained with the head, otherwise empty.
    """

    drawn = "together"
    """The network itself weighs tiles by their confidence, see ``SecondPass``."""

    def __init__(
        self, network: HeadNetwork | None = None, card: HeadCard | None = None, decoder: Sequence[Tensor] = ()
    ) -> None:
        self.network = (network or HeadNetwork()).eval()
        self.card = card or HeadCard()
        self.decoder = list(decoder)
        self._precision = Precision(self.network, ["residual"])

    @property
    def knows_tiles(self) -> bool:
        """Whether it was trained on the tiles of the backend at hand; a universal head was not in general."""
        return not self.card.universal

    @property
    def wants_features(self) -> bool:
        """Whether it takes decoder features as guidance."""
        return any(self.network.guides)

    def refine(self, view: TileView) -> DepthBatch:
        """Return the consensus at each tile plus a residual, see ``HeadNetwork``."""
        return self.network(*(getattr(view, part.name) for part in fields(view)))[0]

    def to(self, device: torch.device, dtype: torch.dtype) -> "Head":
        """Move the network; its last convolution stays float32."""
        self.network.to(memory_format=torch.channels_last)
        self._precision.to(device, dtype)
        return self

    def exportable(self, size: tuple[int, int]) -> tuple[nn.Module, dict[str, Tensor]]:
        """Return ``refine`` as a module that takes a view's parts, and random inputs, see ``spec.Exportable``."""
        inputs = {"images": torch.rand(2, 3, *size)}
        inputs |= {name: torch.rand(2, 1, *size) for name in ("coarse", "aligned", "confidence", "disagreement")}
        inputs |= {"context": torch.rand(2, 4, *CONTEXT), "centre": torch.rand(2), "spread": 0.5 + torch.rand(2)}
        half = size[0] // 2, size[1] // 2
        for name, channels in zip(("coarse_features", "fine_features"), self.network.guides):
            inputs |= {name: torch.rand(2, channels, *half)} if channels else {}
        return AsModule(self.network, lambda *given: self.network(**dict(zip(inputs, given)))[0]).eval(), inputs

    def adapted(self, backend: Backend) -> Backend:
        """Return a copy of a backend with the decoder that was trained with this head, or the backend if none was.

        The copy is moved to float32 if the backend can be moved: half precision would round the decoder.

        Args:
            backend: of the tiles.

        Raises:
            CheckpointError: if the decoder is not this backend's.
        """
        if not self.decoder:
            return backend
        changed = copy.deepcopy(backend)
        own = _decoder(changed)
        if [value.shape for value in own] != [value.shape for value in self.decoder]:
            raise CheckpointError(
                f"The head contains a decoder that does not fit {name_of(backend)}. Take the backend that it was "
                f"trained with ({', '.join(one.name for one in self.card.backends) or 'unknown'})."
            )
        if isinstance(changed, Movable):
            # Before the decoder is copied: moving to float32 may restore the weights that a backend has set aside.
            changed.to(own[0].device, torch.float32)
        with torch.no_grad():
            for value, trained in zip(_decoder(changed), self.decoder):
                value.copy_(trained)
        return changed


def _decoder(backend: Backend) -> list[nn.Parameter]:
    return list(backend.trainable_parameters()) if isinstance(backend, Trainable) else []
