"""A picture of what a head does to held-out tiles, with one row per tile."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from patchwrap.finetune.draw import Group, TileBatch, assembled
from patchwrap.io import color_table, paint
from patchwrap.resampling import resize_maps
from patchwrap.types import Picture

WIDTH = 240
"""Width of a picture in pixels."""

ERROR = 0.5
"""Error at the ends of the colour scale, in spreads of the coarse map."""


def sheet(groups: Sequence[Group], refine: Callable[[TileBatch], Tensor], device: torch.device) -> Picture:
    """Draw one row of pictures for each tile.

    Photo, coarse map, aligned tile, refined tile, difference of the last two; with ground truth also true depth and the
    errors of the aligned and the refined tile.

    Args:
        groups: the first tile of each is drawn.
        refine: the head.
        device: to run the head on.
    """
    rows = [_row(assembled([group]).to(device), refine) for group in groups]
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0))) for row in rows])


@torch.no_grad()
def _row(batch: TileBatch, refine: Callable[[TileBatch], Tensor]) -> Picture:
    refined = refine(batch)[:1].float().cpu()
    batch = batch.to(torch.device("cpu"))
    view, unit = batch.view, batch.view.spread[0]
    maps = {"coarse": view.coarse[:1], "aligned": view.aligned[:1], "refined": refined}
    signed = {"added": (refined - view.aligned[:1]) / unit}
    if batch.target is not None and batch.valid is not None:
        target = torch.where(batch.valid[:1], batch.target[:1], torch.nan)
        maps["truth"] = target
        signed |= {"before": (view.aligned[:1] - target) / unit, "after": (refined - target) / unit}
    low, high = torch.quantile(view.aligned[0].flatten(), torch.tensor([0.02, 0.98])).tolist()
    # The last colour is the nearest: depth grows the other way.
    sign = -1 if batch.space in ("log_depth", "depth") else 1
    limits = (low, high) if sign > 0 else (-high, -low)
    table, errors = color_table("Spectral"), color_table("matplotlib:coolwarm")
    pictures = [_photo(view.images[:1])]
    pictures += [_painted(sign * values, limits, table) for values in maps.values()]
    pictures += [_painted(values, (-ERROR, ERROR), errors) for values in signed.values()]
    return np.concatenate([np.pad(picture, ((0, 0), (0, 4), (0, 0))) for picture in pictures], axis=1)


def _photo(images: Tensor) -> Picture:
    return (_small(images)[0].permute(1, 2, 0) * 255).round().byte().numpy()


def _painted(values: Tensor, limits: tuple[float, float], table: np.ndarray) -> Picture:
    small = _small(values)[0, 0].numpy()
    return paint(small, np.isfinite(small), limits, table)


def _small(values: Tensor) -> Tensor:
    height = max(1, round(values.shape[2] * WIDTH / values.shape[3]))
    return resize_maps(values.float(), (height, WIDTH))
