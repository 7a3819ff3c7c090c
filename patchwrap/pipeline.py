"""From a photo to a DepthMap in one call. Holds no state between calls."""

from os import PathLike
from pathlib import Path
from typing import Any, Unpack, overload

from numpy import ndarray
from PIL.Image import Image
from torch import Tensor

from patchwrap.depth_map import DepthMap
from patchwrap.engine import Engine
from patchwrap.io import Photo, is_batch, read_image, read_images
from patchwrap.predict_options import PredictOptions
from patchwrap.spec import FusionHead, Observer, Progress
from patchwrap.tiling import TilePlan

OneImage = str | PathLike[str] | Image | Photo
Source = OneImage | ndarray | Tensor
"""An array or tensor may be a batch of images."""


@overload
def predict(
    image: OneImage,
    backend: Any = None,
    *,
    coarse: Any = None,
    fine: Any = None,
    **options: Unpack[PredictOptions],
) -> DepthMap: ...
@overload
def predict(
    image: list[Any] | tuple[Any, ...],
    backend: Any = None,
    *,
    coarse: Any = None,
    fine: Any = None,
    **options: Unpack[PredictOptions],
) -> list[DepthMap]: ...
@overload
def predict(
    image: ndarray | Tensor,
    backend: Any = None,
    *,
    coarse: Any = None,
    fine: Any = None,
    **options: Unpack[PredictOptions],
) -> DepthMap | list[DepthMap]: ...
def predict(
    image: Source | list[Any] | tuple[Any, ...],
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

    Calls from several threads take turns, photo by photo: they share torch's random generators and perhaps networks.
    ``progress`` and ``observer`` may predict, too, but must not wait for a prediction in another thread.

    Args:
        image: path, PIL image, ndarray (HWC uint8, uint16 or float in [0, 1]) or tensor (CHW); a list,
            a BHWC ndarray or a BCHW tensor gives a list of maps.
        backend: predicts in both passes: ``NAME``, ``NAME=CHECKPOINT``, a Backend or any object
            with ``predict``, ``convention`` and ``processing``.
        coarse: another backend for the whole image.
        fine: another backend for the tiles.
        plan: ``auto``, ``p16``, ``p49``, ``p49+r128``, ``3x3``, ``slide`` … or a TilePlan.
        overlap: fraction of a tile shared with its neighbour, in [0, 0.9]. None: that of the plan.
        fuser: ``poisson``, ``blend``, ``split``, one of the baselines ``minmax`` and ``average``, or ``auto``: the
            fuser that the head asks for, otherwise ``poisson``.
        detail: strength in [0, 1]: 0 returns the coarse map, 1 the tiles alone. None: 0.5 (crossover of three tile
            widths) if the tile backend or head was trained on tiles, 0.25 (one tile width) otherwise, 1 for fusers that
            only average.
        head: a FusionHead, the file of one that ``finetune`` made, ``"auto"`` for the backend's own (with a warning if
            it has none), ``"universal"`` for the one that comes with this package, None for training-free fusion.
        tile_batch_size: tiles predicted at once; halved when memory runs out.
        seed: for random tiles and random networks.
        fov: horizontal field of view in degrees, overrides EXIF; gives scale-ambiguous backends that need no more than
            the focal length (``spec.MetricWithFocal``) metric depth, and corrects metres that rest on a backend's own
            estimate (``spec.PredictsFieldOfView``).
        device: ``auto``, ``cpu``, ``cuda`` …
        dtype: ``float32``, ``bfloat16`` or ``float16``, of the networks; the latter two are for GPUs.
        tiles: False returns the coarse map, without a tile pass.
        mirror: average the coarse map with the prediction for the mirrored image before aligning tiles, and also where
            there are no tiles. None: the backend's default with tiles; the plain coarse map without. In both cases
            ``DepthMap.coarse`` stays the plain map.
        progress: called with (tiles done, tiles in total).
        observer: called with each tile just before fusion: its position on the canvas, its prediction (NaN where
            it is invalid, and in or beside a hole of the coarse map) and the aligned and refined values that are
            fused; both in the coarse backend's convention, before a known focal length scales the result.

    Returns:
        Fused depth in the coarse backend's convention (metric if its scale became known by ``fov`` or EXIF).

    Raises:
        PatchwrapError: one of its kinds in ``patchwrap.errors``: for an image, backend or option that cannot be used.
    """
    options = {name: value for name, value in locals().items() if name not in ("image", "backend", "coarse", "fine")}
    engine = Engine.build(backend, coarse, fine, **options)
    if is_batch(image):
        return [engine(photo) for photo in read_images(image)]
    return engine(read_image(image))
