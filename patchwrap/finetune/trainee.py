"""The module that is trained: a head and, optionally, the tile backend's decoder."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from patchwrap.convention import DepthConvention
from patchwrap.errors import OptionError
from patchwrap.finetune.draw import Shift, TileBatch
from patchwrap.heads import HeadNetwork
from patchwrap.losses import shared
from patchwrap.resampling import resize_maps
from patchwrap.spaces import to_space
from patchwrap.spec import Backend, Trainable, name_of, networks_of
from patchwrap.tile_runner import backend_size
from patchwrap.tile_view import TileView
from patchwrap.validity import depths_only

RIDGE = 1e-6
"""Keeps the fit of a tile solvable if its map is constant; in squared spreads."""

Maps = Float[Tensor, "tiles 1 height width"]


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

    @property
    def backend(self) -> Backend | None:
        """The tile backend whose decoder is trained; None if backends stay frozen."""
        return self._backend[0] if self._backend else None

    def forward(self, batch: TileBatch) -> tuple[Float[Tensor, "tiles 1 height width"], list[Tensor]]:
        """Refine a batch, whose tiles are first predicted by the decoder as it is now, if that is trained.

        Returns:
            The refined tiles, and the head's decoder features level by level.
        """
        return self.refine(batch.view if self.backend is None else self._renewed(batch, self.backend))

    def refine(self, view: TileView) -> tuple[Float[Tensor, "tiles 1 height width"], list[Tensor]]:
        """Refine tiles as they are given; see ``forward`` for the results."""
        return self.network(*(getattr(view, part.name) for part in fields(view)))

    def _renewed(self, batch: TileBatch, backend: Backend) -> TileView:
        """The view with tiles of the decoder as it is now, moved as the alignment would move them.

        Predict solves the alignment of all tiles again. Here each tile is fitted to the frozen decoder's aligned tile,
        and the consensus changes by the mean change of the batch's tiles.
        """
        size = (batch.view.aligned.shape[2], batch.view.aligned.shape[3])
        convention: DepthConvention = backend.convention
        images = resize_maps(batch.view.images, backend_size(backend, size))
        with torch.autocast(images.device.type, enabled=False):  # rounds layers that a backend keeps in float32
            predicted = backend.predict(images)
        depths = depths_only(predicted.float(), convention)
        values = resize_maps(to_space(depths, convention, batch.space), size)
        moved = torch.stack([one.apply(tile[0]) for one, tile in zip(batch.corrections, values)])[:, None]
        with torch.autocast(moved.device.type, enabled=False):
            fitted = _fitted(moved, batch.view, scale_known=batch.space == "log_depth")
        # Without confidence the tile, or the coarse map under it, has no depth.
        known = fitted.isfinite() & (batch.view.confidence > 0)
        aligned = torch.where(known, fitted, batch.view.aligned)
        change = aligned - batch.view.aligned
        disagreement = batch.view.disagreement + change - mean_of_overlapping(change, batch.overlaps)
        return replace(batch.view, aligned=aligned, disagreement=disagreement)


def _fitted(moved: Maps, view: TileView, scale_known: bool) -> Maps:
    """Fit tiles to the aligned ones by a plane and, unless it is known, a scale. Gradients treat the fit as constant.

    Args:
        moved: the tiles in the fusion space, NaN where invalid.
        view: holds the aligned tiles and their confidence, which weights the pixels.
        scale_known: whether tiles may not be scaled, since they are log depth.
    """
    middle, unit = view.centre[:, None, None, None], view.unit
    level = (moved - middle) / unit
    v, u = (2 * (torch.arange(n, device=moved.device) + 0.5) / n - 1 for n in moved.shape[2:])
    plane = [torch.ones_like(level), v[:, None].expand_as(level), u.expand_as(level)]
    design = torch.cat(plane if scale_known else [*plane, level], 1)
    with torch.no_grad():
        usable = level.isfinite()
        weights = torch.where(usable, view.confidence, 0.0) / view.confidence.sum((1, 2, 3), keepdim=True).clamp(min=1)
        known = torch.where(usable, design, 0.0)
        off = torch.where(usable, (view.aligned - middle) / unit - level, 0.0)
        gram = torch.einsum("tihw,tjhw->tij", weights * known, known)
        gram = gram + RIDGE * torch.eye(gram.shape[1], device=gram.device)
        steps = torch.linalg.solve(gram, torch.einsum("tihw,tzhw->tiz", weights * known, off))
    return moved + unit * (steps[..., None] * design).sum(1, keepdim=True)


def mean_of_overlapping(maps: Maps, overlaps: Sequence[tuple[int, int, Shift]]) -> Maps:
    """At each pixel the mean of the maps of all tiles that show it.

    Args:
        maps: one for each tile.
        overlaps: see ``TileBatch``.
    """
    total, count = maps.clone(), torch.ones_like(maps)
    for i, k, (down, across) in overlaps:
        for one, other, shift in ((i, k, (down, across)), (k, i, (-down, -across))):
            shared(total[one], shift).add_(shared(maps[other], (-shift[0], -shift[1])))
            shared(count[one], shift).add_(1)
    return total / count


def _unfrozen(backend: Backend) -> list[nn.Parameter]:
    """The decoder's parameters; all others are frozen."""
    if not isinstance(backend, Trainable):
        raise OptionError(
            f"{name_of(backend)} has no trainable_parameters(): its decoder cannot be trained. "
            "Train the head alone (--unfreeze none)."
        )
    for network in networks_of(backend):
        network.requires_grad_(False)
    return [value.requires_grad_(True) for value in backend.trainable_parameters()]


def own_state(trainee: nn.Module) -> Mapping[str, Any]:
    """Copy the weights to the CPU in float32."""
    return {name: value.detach().float().cpu().clone() for name, value in trainee.state_dict().items()}
