"""The training loss of a head: true depth or anchors to the frozen result, and agreement where tiles overlap."""

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
from patchwrap.resampling import sample_windows

GRADIENT = 2.0
"""Weight of the gradient term beside SILog, since detail is the purpose of a head."""

RELATIVE_GRADIENT = 5.0
"""Weight of the gradient term beside L1 and L2, as in PRO's 1 : 1 : 5 (arXiv 2503.22351)."""

GROUP = {"depth": 80.0, "features": 2.0}
"""Weights of the consistency terms of 2x2 neighbours. Depth is measured in spreads of the coarse map; its weight is
twenty times PRO's 4, because a head that starts from the consensus of all tiles can agree at little cost. Features are
measured relative to their own size."""

PAIR = {"depth": 0.01, "features": 0.1}
"""Weights of the consistency terms of a pair, PatchFusion's (arXiv 2312.02284, ``trainers/loss.py``), on metres and on
unscaled features."""

FURTHEST = 80.0
"""Metres at which PatchFusion clamps depth."""

SPREAD_METRES = 10.0
"""Spread in metres that is assumed for maps of unknown scale when pairs are compared."""

THINNED = 3
"""Features of an overlap are sampled this many times more coarsely than the features of a tile."""

LOW_PASS = 4
"""The coarse map anchors structure longer than a tile's side divided by this."""

ANCHORS = {"low_frequency": 1.0, "tile_gradient": 5.0}
"""Without ground truth: weights of the coarse map's low frequencies and of the tiles' gradients."""

Refined = Float[Tensor, "tiles 1 height width"]


def terms(batch: TileBatch, refined: Refined, features: Sequence[Tensor], recipe: Recipe) -> dict[str, Tensor]:
    """Compute the weighted terms of the loss, to be summed.

    Args:
        batch: the head's input and target.
        refined: the head's output.
        features: of its decoder, level by level.
        recipe: selects the terms and their weights.
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
    """Mean squared difference where tiles overlap, averaged over all overlapping pairs.

    Args:
        batch: the head's input, in which tiles overlap.
        refined: the head's output.
        form: ``group`` compares all pixels, in spreads of the coarse map; ``pair`` pixels with valid truth, in metres.
    """
    maps, valid = (_in_metres(batch, refined), batch.valid) if form == "pair" else (refined / batch.view.unit, None)
    losses = [
        overlap_consistency(maps[i][None], maps[k][None], shift, None if valid is None else valid[i][None])
        for i, k, shift in batch.overlaps
    ]
    return torch.stack(losses).mean()


def _in_metres(batch: TileBatch, refined: Refined) -> Refined:
    if batch.scale_known and batch.space == "log_depth":
        return refined.clamp(max=log(FURTHEST)).exp()
    return SPREAD_METRES * (refined / batch.view.unit)


def feature_consistency(batch: TileBatch, features: Sequence[Tensor], form: str = "group") -> Float[Tensor, ""]:
    """Mean squared difference of decoder features where tiles overlap, averaged over the levels.

    PatchFusion shifts the features of every level by the tiles' displacement (arXiv 2312.02284, ``trainers/loss.py``);
    here they are sampled at places spread evenly over the overlap, so that displacements need not be multiples of a
    feature's size in pixels.

    Args:
        batch: the head's input, in which tiles overlap.
        features: of its decoder, level by level.
        form: ``group`` divides by the features' own mean square, so that the value does not depend on their size;
            ``pair`` does not. The divisor has no gradient: descent still shrinks features slowly, since that reduces
            the numerator.
    """
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
        shown = sample_windows(level[tiles], windows, places)
        apart = (shown[0::2] - shown[1::2]).square().mean((1, 2, 3))
        own = level.detach().square().mean((1, 2, 3))[tiles].clamp(min=1e-6)
        losses.append((apart if form == "pair" else 2 * apart / (own[0::2] + own[1::2])).mean())
    return torch.stack(losses).mean()


def _share(shift: tuple[int, int], size: Sequence[int]) -> list[float]:
    """The part of a tile that a displaced tile also shows: top, left, height and width as fractions of the tile."""
    starts = [max(by, 0) / n for by, n in zip(shift, size)]
    lengths = [(n - abs(by)) / n for by, n in zip(shift, size)]
    return [*starts, *lengths]


def _supervised(batch: TileBatch, refined: Refined) -> dict[str, Tensor]:
    assert batch.target is not None and batch.valid is not None
    if batch.space == "log_depth":
        gradient = multiscale_gradient(refined, batch.target, batch.valid)
        return {"silog": silog(refined, batch.target, batch.valid), "gradient": GRADIENT * gradient}
    centre, unit = batch.view.centre[:, None, None, None], batch.view.unit
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
    """Keep the coarse map's low frequencies and the tiles' own gradients."""
    view, unit = batch.view, batch.view.unit
    window = max(2, min(refined.shape[-2:]) // LOW_PASS)
    slow = F.avg_pool2d((refined - view.coarse) / unit, window, stride=max(1, window // 2))
    sure = view.confidence > 0
    return {
        "low_frequency": ANCHORS["low_frequency"] * slow.square().mean(),
        "tile_gradient": ANCHORS["tile_gradient"] * _gradients_changed(refined / unit, view.aligned / unit, sure),
    }


def _gradients_changed(maps: Refined, own: Refined, sure: Tensor) -> Float[Tensor, ""]:
    """Squared change of gradients over the tiles' own squared gradients: 0 if all are kept, 1 if all are blurred away.

    Squaring makes slow corrections, whose gradients are small, nearly free, and losses at edges expensive.
    """
    changed, owned = (
        torch.stack([_squared_gradients(values, sure, axis) for axis in (-2, -1)]).sum() for values in (maps - own, own)
    )
    return changed / owned.clamp(min=1e-6)


def _squared_gradients(maps: Refined, sure: Tensor, axis: int) -> Float[Tensor, ""]:
    size = maps.shape[axis] - 1
    both = sure.narrow(axis, 0, size) & sure.narrow(axis, 1, size)
    return torch.where(both, maps.diff(dim=axis), 0.0).square().sum()


def overlap_gaps(batch: TileBatch, refined: Refined) -> Float[Tensor, "pixels"]:
    """Absolute differences where tiles overlap, pixel by pixel, in spreads of the coarse map."""
    scaled = refined / batch.view.unit
    gaps = [
        (shared(scaled[i], shift) - shared(scaled[k], (-shift[0], -shift[1]))).abs().flatten()
        for i, k, shift in batch.overlaps
    ]
    return torch.cat(gaps) if gaps else refined.new_zeros(0)


def edge_errors(batch: TileBatch, refined: Refined) -> Float[Tensor, "pixels"]:
    """Soft edge error: at true edge pixels, the least difference from truth within one pixel.

    The measure of SMD-Nets (CVPR 2021), computed in the fusion space, in spreads of the coarse map.
    """
    assert batch.target is not None and batch.valid is not None and batch.edges is not None
    known = torch.where(batch.valid, batch.target, torch.inf)
    around = F.unfold(F.pad(known, (1, 1, 1, 1), value=torch.inf), 3)
    around = rearrange(around, "tiles nine (height width) -> tiles nine height width", height=known.shape[-2])
    least = (around - refined).abs().amin(1, keepdim=True) / batch.view.unit
    return least[batch.edges]
