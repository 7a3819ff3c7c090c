"""The baseline of speed with the same networks: crop, resize, predict, and nothing else.

Written without patchwrap's pipeline, canvas, alignment and fusers, as one writes it in a notebook.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from patchwrap.spec import Traits, fine_of
from patchwrap.tile_runner import backend_size
from patchwrap.tiling import TilePlan


def bare_loop(
    picture: UInt8[np.ndarray, "height width 3"],
    backend: Any,
    plan: str,
    batch_size: int,
    device: torch.device,
) -> list[Float[Tensor, "_ _"]]:
    """Predict the whole picture, its mirror image if the backend asks for it, and every tile; return the tiles."""
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None]
    size = picture.shape[:2]
    fine = fine_of(backend) or backend
    tiles = TilePlan.parse(plan).tiles((size[0], size[1]))
    outputs: list[Tensor] = []
    with torch.no_grad():
        whole = _unit(_resized(pixels, backend, size), device)
        for seen in (whole, whole.flip(-1))[: 1 + Traits.of(backend).mirror]:
            backend.predict(seen)[0, 0].cpu()
        for start in range(0, len(tiles), batch_size):
            batch = tiles[start : start + batch_size]
            cuts = [_resized(pixels[(..., *tile.slices)], fine, tile.size) for tile in batch]
            outputs += fine.predict(_unit(torch.cat(cuts), device))[:, 0].cpu().unbind()
    return outputs


def _resized(pixels: Tensor, backend: Any, size: tuple[int, ...]) -> Tensor:
    """8-bit RGB at the size the backend wants for a picture or tile of ``size``."""
    wanted = backend_size(backend, (size[0], size[1]))
    return interpolate(pixels, wanted, mode="bilinear", align_corners=False, antialias=True)


def _unit(pixels: Tensor, device: torch.device) -> Tensor:
    """RGB in [0, 1] on the device; bytes travel faster than numbers."""
    return pixels.to(device).float() / 255

