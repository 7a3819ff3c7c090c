"""From a photo to a DepthMap in one call. Holds no state between calls."""

from pathlib import Path
from typing import Any, overload

from patchwrap.depth_map import DepthMap
from patchwrap.engine import Engine
from patchwrap.io import is_batch, read_image, read_images
from patchwrap.spec import FusionHead, Observer, Progress
from patchwrap.tiling import TilePlan

Source = Any
"""A path, PIL image, ndarray, tensor or Photo."""


@overload
def predict(image: list[Source], backend: Any = None, **options: Any) -> list[DepthMap]: ...
@overload
def predict(image: Source, backend: Any = None, **options: Any) -> DepthMap: ...
def predict(
    image: Source | list[Source],
    backend: Any = None,
    *,
    coarse: Any = None,
    fine: Any = None,
    plan: str | TilePlan = "auto",
    overlap: float | None = None,
    fuser: str = "auto",
    detail: float | None = None,
    head: FusionHead | str | Path | None = None,
    tile_batch_size: int = 4,
    seed: int = 0,
    fov: float | None = None,
    device: str = "auto",
    dtype: str = "float32",
    tiles: bool = True,
    mirror: bool | None = None,
    progress: Progress | None = None,
    observer: Observer | None = None,
) -> DepthMap | list[DepthMap]:
    """Predict depth with tile-level detail.

    Args:
        image: path, PIL image, ndarray (HWC uint8, uint16 or float in [0, 1]) or tensor (CHW); a list,
            a BHWC ndarray or a BCHW tensor gives a list of maps.
        backend: what predicts, for both passes: ``NAME``, ``NAME=CHECKPOINT``, a Backend or any object
            with ``predict``, ``convention`` and ``processing``.
        coarse: another backend for the whole image.
        fine: another backend for the tiles.
        plan: ``auto``, ``p16``, ``p49``, ``p49+r128``, ``3x3``, ``slide`` … or a TilePlan.
        overlap: fraction of a tile shared with its neighbour, in [0, 0.9]; None is the plan's own.
        fuser: ``poisson``, ``blend``, ``split``, one of the baselines ``minmax`` and ``average``, or ``auto``: what the
            head asks for, and ``poisson`` where none does.
        detail: 0 is the coarse map, 1 pure tiles; None believes tiles up to three tile widths where their backend or
            head learned from tiles, up to one tile width elsewhere, and wholly with a fuser that only averages.
        head: a FusionHead, the file of one that ``finetune`` made, ``"auto"`` for the backend's own if it has one,
            ``"universal"`` for the one that comes with this package, None for training-free fusion.
        tile_batch_size: tiles predicted at once; halved when memory runs out.
        seed: for random tiles and random networks.
        fov: horizontal field of view in degrees; makes scale-ambiguous backends metric where they can be.
        device: ``auto``, ``cpu``, ``cuda`` …
        dtype: ``float32``, ``bfloat16`` or ``float16``, of the networks.
        tiles: False stops after the whole-image pass.
        mirror: ask the coarse backend for the mirror image of the whole, too: tiles are aligned to the mean of both.
            None is what the backend itself asks for.
        progress: called with (tiles done, tiles in all).
        observer: called with each tile just before fusion: its place on the canvas, its prediction (NaN where
            invalid) and what is fused of it, aligned and refined; both in the coarse backend's convention.

    Returns:
        Fused depth in the coarse backend's convention (metric if its scale became known by ``fov`` or EXIF).

    Raises:
        PatchwrapError: see ``patchwrap.errors`` for which, and why.
    """
    options = {name: value for name, value in locals().items() if name not in ("image", "backend", "coarse", "fine")}
    engine = Engine.build(backend, coarse, fine, **options)
    if is_batch(image):
        return [engine(photo) for photo in read_images(image)]
    return engine(read_image(image))
