"""The least anyone can do with the same networks: crop, resize, predict, and nothing else.

Written without patchwrap's pipeline, canvas, alignment and fusers, as one writes it in a notebook.
"""

from math import ceil
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from patchwrap.resampling import input_size
from patchwrap.tiling import Tile, TilePlan


def bare_loop(
    picture: UInt8[np.ndarray, "height width 3"],
    backend: Any,
    plan: str,
    batch_size: int,
    device: torch.device,
) -> list[Float[Tensor, "_ _"]]:
    """Predict the whole picture and every tile, the fusion head included; return the tiles."""
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None]
    size = picture.shape[:2]
    fine, head = getattr(backend, "fine", backend), getattr(backend, "head", None)
    tiles = TilePlan.parse(plan).tiles((size[0], size[1]))
    outputs = []
    with torch.no_grad():
        whole, around = _predict(backend, _resized(pixels, backend, size).to(device), head)
        for start in range(0, len(tiles), batch_size):
            batch = tiles[start : start + batch_size]
            cuts = [_resized(pixels[(..., *tile.slices)], fine, tile.size) for tile in batch]
            crops = torch.cat(cuts).to(device)
            maps, features = _predict(fine, crops, head)
            for k, tile in enumerate(batch):
                part = slice(k, k + 1)
                guide = None if features is None else features[part]
                if head is not None:
                    outputs.append(_refined(head, crops[part], maps[part], guide, whole, around, tile, size))
                else:
                    outputs.append(maps[k, 0].cpu())
    return outputs


def _predict(backend: Any, images: Tensor, head: Any) -> tuple[Tensor, Tensor | None]:
    if head is not None and hasattr(backend, "predict_with_features"):
        return backend.predict_with_features(images)
    return backend.predict(images), None


def _resized(pixels: Tensor, backend: Any, size: tuple[int, ...]) -> Tensor:
    """RGB in [0, 1] at the size the backend wants for a picture or tile of ``size``."""
    multiple, free = getattr(backend, "multiple", 1), getattr(backend, "free_aspect", True)
    wanted = input_size((size[0], size[1]), backend.processing, multiple, free)
    return interpolate(pixels, wanted, mode="bilinear", align_corners=False, antialias=True).float() / 255


def _refined(
    head: Any,
    crop: Tensor,
    tile_map: Tensor,
    features: Tensor | None,
    whole: Tensor,
    around: Tensor | None,
    tile: Tile,
    size: tuple[int, ...],
) -> Tensor:
    """The head's output on an unaligned tile: the same arithmetic as on an aligned one."""
    coarse = interpolate(_under(whole, tile, size), crop.shape[2:], mode="bilinear", align_corners=False)
    under = None if around is None else _under(around, tile, size)
    return head.refine(crop, coarse.log(), tile_map.log(), under, features)[0, 0].cpu()


def _under(maps: Tensor, tile: Tile, size: tuple[int, ...]) -> Tensor:
    """The part of a whole-image map that lies under a tile, in whole cells."""
    down, across = maps.shape[2] / size[0], maps.shape[3] / size[1]
    rows = slice(int(tile.top * down), ceil(tile.bottom * down))
    columns = slice(int(tile.left * across), ceil(tile.right * across))
    return maps[:, :, rows, columns]
