"""The module that is trained: a head and, optionally, the tile backend's decoder."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from patchwrap.convention import DepthConvention
from patchwrap.errors import OptionError
from patchwrap.finetune.draw import TileBatch
from patchwrap.heads import HeadNetwork
from patchwrap.resampling import resize_maps
from patchwrap.spaces import to_space
from patchwrap.spec import Backend, Trainable
from patchwrap.tile_runner import backend_size


class Trainee(nn.Module):
    """A head, optionally with the decoder of the tile backend.

    Args:
        network: of the head.
        backend: whose decoder is trained as well; None keeps backends frozen.

    Raises:
        OptionError: if the backend's decoder cannot be trained.
    """

    def __init__(self, network: HeadNetwork, backend: Backend | None = None) -> None:
        super().__init__()
        self.network = network
        # In a tuple, so that only the decoder's parameters are this module's, and not the whole backend's.
        self._backend = () if backend is None else (backend,)
        self.decoder = nn.ParameterList(() if backend is None else _unfrozen(backend))

    def forward(self, batch: TileBatch) -> tuple[Float[Tensor, "tiles 1 height width"], list[Tensor]]:
        """Refine a batch.

        Returns:
            The refined tiles, and the head's decoder features level by level.
        """
        view = batch.view if not self._backend else replace(batch.view, aligned=self._predicted(batch))
        return self.network(*(getattr(view, part.name) for part in fields(view)))

    def _predicted(self, batch: TileBatch) -> Tensor:
        """Predict the tiles with the decoder as it is now, with the corrections of the frozen decoder's tiles."""
        (backend,) = self._backend
        size = (batch.view.aligned.shape[2], batch.view.aligned.shape[3])
        convention: DepthConvention = backend.convention
        said = backend.predict(resize_maps(batch.view.images, backend_size(backend, size)))
        values = resize_maps(to_space(said.float(), convention, batch.space), size)
        moved = torch.stack([one.apply(tile[0]) for one, tile in zip(batch.corrections, values)])[:, None]
        return torch.where(moved.isfinite(), moved, batch.view.aligned)


def _unfrozen(backend: Backend) -> list[nn.Parameter]:
    """The decoder's parameters; all others are frozen."""
    if not isinstance(backend, Trainable):
        raise OptionError(
            f"{type(backend).__name__} has no trainable_parameters(): its decoder cannot be trained. "
            "Train the head alone (--unfreeze none)."
        )
    for part in (backend, *vars(backend).values()):
        if isinstance(part, nn.Module):
            part.requires_grad_(False)
    return [value.requires_grad_(True) for value in backend.trainable_parameters()]


def own_state(trainee: nn.Module) -> Mapping[str, Any]:
    """Copy the weights to the CPU in float32."""
    return {name: value.detach().float().cpu().clone() for name, value in trainee.state_dict().items()}
