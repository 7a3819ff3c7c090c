"""What a head is asked for: truth or the frozen result, and agreement where tiles overlap."""

from collections.abc import Sequence
from math import log

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from patchwrap.finetune.draw import TileBatch
from patchwrap.finetune.recipe import Recipe
from patchwrap.losses import bias_free, multiscale_gradient, overlap_consistency, shared, silog
from patchwrap.resampling import under

GRADIENT = 2.0
"""Of the gradient term beside SILog: detail is what a head is for."""

RELATIVE_GRADIENT = 5.0
"""Beside L1 and L2: PRO's 1 : 1 : 5 (arXiv 2503.22351)."""

GROUP = {"depth": 80.0, "features": 2.0}
"""Of the overlaps of 2x2 tiles: on depth in spreads of the coarse map twenty times PRO's 4, since a head that begins
with what all tiles say agrees at little cost; on features over their size."""

PAIR = {"depth": 0.01, "features": 0.1}
"""Of the overlap of a pair, PatchFusion's weights (arXiv 2312.02284, ``trainers/loss.py``), on metres and on features
as they are."""

FURTHEST = 80.0
"""Metres at which PatchFusion's depth ends."""

SPREAD_METRES = 10.0
"""A map without a unit is compared in pairs as if its spread were this."""

THINNED = 3
"""Features are compared at so many times fewer places along a shared part than they have along a tile."""

LOW_PASS = 4
"""The coarse map decides what is longer than a tile over this."""

ANCHORS = {"low_frequency": 1.0, "tile_gradient": 5.0}
"""Without truth: how much the coarse map's low frequencies and the tiles' gradients count."""

Refined = Float[Tensor, "tiles 1 height width"]


def terms(batch: TileBatch, refined: Refined, features: Sequence[Tensor], recipe: Recipe) -> dict[str, Tensor]:
    """The loss's terms, to be summed.

    Args:
        batch: what was refined.
        refined: the head's output.
        features: its decoder's, level by level.
        recipe: says which terms count.
    """
    found = _anchored(batch, refined) if batch.target is None or not recipe.truth else _supervised(batch, refined)
    if recipe.consistency == "none" or not batch.overlaps:
        return found
    weights = GROUP if recipe.consistency == "group" else PAIR
    weight = {name: recipe.consistency_weight * value for name, value in weights.items()}
    found["depth_consistency"] = weight["depth"] * depth_consistency(batch, refined, recipe.consistency)
    if recipe.agree_on == "depth+features":
        apart = feature_consistency(batch, features, recipe.consistency)
        found["feature_consistency"] = weight["features"] * apart
    return found


def depth_consistency(batch: TileBatch, refined: Refined, form: str = "group") -> Float[Tensor, ""]:
    """Mean squared difference where tiles overlap, over all pairs that overlap.

    Args:
        batch: what was refined.
        refined: the head's output.
        form: ``group`` compares everywhere, in spreads of the coarse map; ``pair`` in metres where truth is valid.
    """
    maps, valid = (_in_metres(batch, refined), batch.valid) if form == "pair" else (_in_spreads(batch, refined), None)
    losses = [
        overlap_consistency(maps[i][None], maps[k][None], shift, None if valid is None else valid[i][None])
        for i, k, shift in batch.overlaps
    ]
    return torch.stack(losses).mean() if losses else refined.sum() * 0.0


def _in_spreads(batch: TileBatch, refined: Refined) -> Refined:
    return refined / batch.view.spread[:, None, None, None]


def _in_metres(batch: TileBatch, refined: Refined) -> Refined:
    if batch.scale_known and batch.space == "log_depth":
        return refined.clamp(max=log(FURTHEST)).exp()
    return SPREAD_METRES * _in_spreads(batch, refined)


def feature_consistency(batch: TileBatch, features: Sequence[Tensor], form: str = "group") -> Float[Tensor, ""]:
    """The same of decoder features; in groups over their own mean square, since a decoder must not agree by fading.

    PatchFusion compares them at every level with the displacement scaled to it (arXiv 2312.02284,
    ``trainers/loss.py``); here places spread evenly over the shared part are, so that any displacement will do.
    """
    if not batch.overlaps:
        return batch.view.aligned.sum() * 0.0
    tiles = [number for i, k, _ in batch.overlaps for number in (i, k)]
    windows = torch.tensor([
        _share(by, batch.view.aligned.shape[-2:])
        for _, _, (down, across) in batch.overlaps
        for by in ((down, across), (-down, -across))
    ])  # fmt: skip
    losses = []
    for level in features:
        level = level.float()
        places = max(2, level.shape[-2] // THINNED), max(2, level.shape[-1] // THINNED)
        shown = under(level[tiles], windows, places)
        apart = (shown[0::2] - shown[1::2]).square().mean((1, 2, 3))
        own = level.detach().square().mean((1, 2, 3))[tiles].clamp(min=1e-6)
        losses.append((apart if form == "pair" else 2 * apart / (own[0::2] + own[1::2])).mean())
    return torch.stack(losses).mean()


def _share(shift: tuple[int, int], size: Sequence[int]) -> list[float]:
    """The part of a tile that one displaced by a shift shows too, as fractions: top, left, height, width."""
    starts = [max(by, 0) / n for by, n in zip(shift, size)]
    lengths = [(n - abs(by)) / n for by, n in zip(shift, size)]
    return [*starts, *lengths]


def _supervised(batch: TileBatch, refined: Refined) -> dict[str, Tensor]:
    assert batch.target is not None and batch.valid is not None
    if batch.space == "log_depth":
        gradient = multiscale_gradient(refined, batch.target, batch.valid)
        return {"silog": silog(refined, batch.target, batch.valid), "gradient": GRADIENT * gradient}
    centre, unit = (value[:, None, None, None] for value in (batch.view.centre, batch.view.spread))
    mine, true, coarse = ((values - centre) / unit for values in (refined, batch.target, batch.view.coarse))
    valid = bias_free(coarse, true, batch.valid)
    off = torch.where(valid, mine - true, 0.0)
    count = valid.sum().clamp(min=1)
    return {
        "l1": off.abs().sum() / count,
        "l2": off.square().sum() / count,
        "gradient": RELATIVE_GRADIENT * multiscale_gradient(mine, true, valid),
    }


def _anchored(batch: TileBatch, refined: Refined) -> dict[str, Tensor]:
    """Stay with the frozen coarse map where that is slow, and with the tiles' own steps."""
    view = batch.view
    unit = view.spread[:, None, None, None]
    window = max(2, min(refined.shape[-2:]) // LOW_PASS)
    slow = F.avg_pool2d((refined - view.coarse) / unit, window, stride=max(1, window // 2))
    sure = view.confidence > 0
    return {
        "low_frequency": ANCHORS["low_frequency"] * slow.square().mean(),
        "tile_gradient": ANCHORS["tile_gradient"] * _steps_changed(refined / unit, view.aligned / unit, sure),
    }


def _steps_changed(maps: Refined, own: Refined, sure: Tensor) -> Float[Tensor, ""]:
    """Squared difference of the maps' steps over the tiles' own: 0 where all is kept, 1 where all is blurred.

    Squared, so that a slow correction, whose steps are small, is free, and what an edge loses is not.
    """
    changed, owned = (
        torch.stack([_squared_steps(values, sure, axis) for axis in (-2, -1)]).sum() for values in (maps - own, own)
    )
    return changed / owned.clamp(min=1e-6)


def _squared_steps(maps: Refined, sure: Tensor, axis: int) -> Float[Tensor, ""]:
    size = maps.shape[axis] - 1
    both = sure.narrow(axis, 0, size) & sure.narrow(axis, 1, size)
    return torch.where(both, maps.diff(dim=axis), 0.0).square().sum()


def overlap_gaps(batch: TileBatch, refined: Refined) -> Float[Tensor, "pixels"]:
    """Absolute differences where tiles overlap, in spreads of the coarse map."""
    scaled = _in_spreads(batch, refined)
    gaps = [
        (shared(scaled[i], shift) - shared(scaled[k], (-shift[0], -shift[1]))).abs().flatten()
        for i, k, shift in batch.overlaps
    ]
    return torch.cat(gaps) if gaps else refined.new_zeros(0)


def edge_errors(batch: TileBatch, refined: Refined) -> Float[Tensor, "pixels"]:
    """Soft edge error in spreads: at true edges, the least difference from truth within one pixel.

    The measure of SMD-Nets (CVPR 2021), in the space in which the head works.
    """
    assert batch.target is not None and batch.valid is not None and batch.edges is not None
    unit = batch.view.spread[:, None, None, None]
    known = torch.where(batch.valid, batch.target, torch.inf)
    around = F.unfold(F.pad(known, (1, 1, 1, 1), value=torch.inf), 3)
    around = rearrange(around, "tiles nine (height width) -> tiles nine height width", height=known.shape[-2])
    least = (around - refined).abs().amin(1, keepdim=True) / unit
    return least[batch.edges]
