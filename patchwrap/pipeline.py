"""From a photo to a DepthMap: coarse pass, tile pass, alignment, fusion. Holds no state between calls."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import radians, tan
from typing import Any, Literal, overload

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from patchwrap import __version__
from patchwrap.alignment import Alignment
from patchwrap.canvas import Canvas
from patchwrap.convention import DepthConvention
from patchwrap.depth_map import DepthMap
from patchwrap.errors import BackendContractError, OptionError
from patchwrap.fusion import FUSERS, check_detail
from patchwrap.io import Photo, read_image, read_images
from patchwrap.matching import match_nothing, match_range
from patchwrap.observation import Correction
from patchwrap.resampling import enlarge, input_size, resize, under
from patchwrap.spaces import FusionSpace, from_space, fusion_space, to_space
from patchwrap.spec import (
    Backend,
    FusionHead,
    HasFine,
    HasHead,
    MetricWithFocal,
    Movable,
    PredictsFeatures,
    Progress,
)
from patchwrap.tile_runner import checked, run_in_batches
from patchwrap.tile_store import TileStore
from patchwrap.tiling import Tile, TilePlan
from patchwrap.types import CoarseMap, DepthBatch, Features, Images, Map
from patchwrap.windows import window
from patchwrap.wrapping import wrap

RECIPES = {
    "poisson": ("plane", "poisson"),
    "blend": ("plane", "blend"),
    "split": ("plane", "split"),
    "minmax": ("range", "blend"),
    "average": ("none", "blend"),
}
"""How ``fuser=`` aligns and fuses; the last two are baselines, kept for comparison."""

Source = Any
"""A path, PIL image, ndarray, tensor or Photo."""

Observer = Callable[[Tile, Map, Map], None]
"""Called with a tile of the canvas, what was predicted there and what of it goes into the fusion."""


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
    fuser: str = "poisson",
    detail: float | None = None,
    head: FusionHead | Literal["auto"] | None = None,
    tile_batch_size: int = 4,
    seed: int = 0,
    fov: float | None = None,
    device: str = "auto",
    dtype: str = "float32",
    tiles: bool = True,
    progress: Progress | None = None,
    observer: Observer | None = None,
) -> DepthMap | list[DepthMap]:
    """Predict depth with tile-level detail.

    Args:
        image: path, PIL image, ndarray (HWC uint8, uint16 or float in [0, 1]) or tensor (CHW); a list
            or a BCHW tensor gives a list of maps.
        backend: what predicts, for both passes: ``NAME``, ``NAME=CHECKPOINT``, a Backend or any object
            with ``predict``, ``convention`` and ``processing``.
        coarse: another backend for the whole image.
        fine: another backend for the tiles.
        plan: ``auto``, ``p16``, ``p49``, ``p49+r128``, ``3x3``, ``slide`` … or a TilePlan.
        overlap: fraction of a tile shared with its neighbour, in [0, 1); None is the plan's own.
        fuser: ``poisson``, ``blend``, ``split``, or one of the baselines ``minmax`` and ``average``.
        detail: 0 is the coarse map, 1 pure tiles; None is the fuser's own default.
        head: a FusionHead, ``"auto"`` for the backend's own if it has one, None for training-free fusion.
        tile_batch_size: tiles predicted at once; halved when memory runs out.
        seed: for random tiles and random networks.
        fov: horizontal field of view in degrees; makes scale-ambiguous backends metric where they can be.
        device: ``auto``, ``cpu``, ``cuda`` …
        dtype: ``float32``, ``bfloat16`` or ``float16``, of the networks.
        tiles: False stops after the whole-image pass.
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
    if isinstance(image, (list, tuple)) or (isinstance(image, Tensor) and image.ndim == 4):
        return [engine(photo) for photo in read_images(image)]
    return engine(read_image(image))


@dataclass
class Clock:
    """Seconds spent under each name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the time of a block to a name."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class Engine:
    """Backends and effective options of one call of ``predict``; maps one photo after another."""

    coarse: Backend
    fine: Backend
    head: FusionHead | None
    options: dict[str, Any]
    device: torch.device

    @classmethod
    def build(cls, backend: Any, coarse: Any, fine: Any, **options: Any) -> "Engine":
        """Load and place the backends.

        Raises:
            OptionError: if no backend is named or an option cannot be.
        """
        _check_options(options)
        first = wrap(_first_of(coarse, backend))
        second = _tile_backend(first, fine, backend if coarse is not None else None)
        head = options.pop("head")
        if head == "auto":
            head = first.head if isinstance(first, HasHead) and second is getattr(first, "fine", first) else None
        device = _device(options["device"])
        for part in (first, second, head):
            if isinstance(part, Movable):
                part.to(device, getattr(torch, options["dtype"]))
        return cls(first, second, head, options, device)

    def __call__(self, photo: Photo) -> DepthMap:
        """Predict one photo."""
        clock = Clock()
        devices = [self.device] if self.device.type == "cuda" else []
        # The caller's own random numbers go on as if nothing had been predicted.
        with torch.random.fork_rng(devices), torch.no_grad(), clock("total"):
            torch.manual_seed(self.options["seed"])
            with clock("coarse"):
                coarse, features = self.coarse_pass(photo)
            plan = self._plan(photo)
            if plan is None:
                return self._finish(photo, coarse, None, 0, clock)
            space = fusion_space(self.coarse.convention, self.fine.convention)
            fused, count = self._fuse(photo, plan, coarse, features, space, clock)
            return self._finish(photo, coarse, fused, count, clock)

    def coarse_pass(self, photo: Photo) -> tuple[CoarseMap, Features | None]:
        """Predict the whole image at the coarse backend's own size: its map and, for a head, its features."""
        image = Canvas.picture(photo.pixels, _input_size(self.coarse, photo.pixels.shape[:2]))
        maps, features = self._predict(self.coarse, image.to(self.device))
        if not maps.isfinite().any():
            raise BackendContractError(f"{type(self.coarse).__name__} returned no finite value for {photo.name}.")
        return maps[0, 0], features

    def _plan(self, photo: Photo) -> TilePlan | None:
        plan = self.options["plan"]
        if not self.options["tiles"]:
            return None
        if isinstance(plan, TilePlan):
            return plan
        size = photo.pixels.shape[:2]
        return TilePlan.choose(plan, size, _input_size(self.fine, size), self.options["overlap"])

    def _predict(self, backend: Backend, images: Images) -> tuple[DepthBatch, Features | None]:
        if self.head is not None and isinstance(backend, PredictsFeatures):
            maps, features = backend.predict_with_features(images)
            return checked(type(backend).__name__, maps, images), features.to("cpu")
        return checked(type(backend).__name__, backend.predict(images), images), None

    def _fuse(
        self,
        photo: Photo,
        plan: TilePlan,
        coarse: CoarseMap,
        features: Features | None,
        space: FusionSpace,
        clock: Clock,
    ) -> tuple[Map, int]:
        """Tile pass, alignment and fusion; returns the fused canvas in the fusion space."""
        with clock("canvas"):
            canvas = Canvas.cut(photo.pixels, plan, self.fine, self.options["seed"])
            guide = _fill(to_space(coarse, self.coarse.convention, space))
        aligner, fuser_name = RECIPES[self.options["fuser"]]
        alignment = _aligner(aligner, guide, canvas.size, space == "log_depth")
        with TileStore() as values, TileStore() as guidance:
            with clock("tiles"):
                self._tile_pass(canvas, space, alignment, values, guidance)
            with clock("align"):
                corrections = alignment.solve()
            with clock("fuse"):
                under = enlarge(guide, canvas.size)
                fuser = FUSERS[fuser_name](under, canvas.tiles[-1].width, self.options["detail"])
                second = SecondPass(canvas, under, features, values, guidance, corrections, self)
                for tile, refined, weights in second:
                    fuser.add(tile.top, tile.left, refined, weights)
                return fuser.result(), len(canvas.tiles)

    def _tile_pass(
        self, canvas: Canvas, space: FusionSpace, alignment: Any, values: TileStore, guidance: TileStore
    ) -> None:
        size = _input_size(self.fine, canvas.tiles[0].size)
        progress = self.options["progress"] or _ignore

        def run(batch: Sequence[Tile]) -> tuple[DepthBatch, Features | None]:
            images = torch.cat([resize(canvas.crop(tile), size) for tile in batch]).to(self.device)
            return self._predict(self.fine, images)

        progress(0, len(canvas.tiles))
        for batch, (maps, features) in run_in_batches(canvas.tiles, self.options["tile_batch_size"], run):
            for k, tile in enumerate(batch):
                tile_map = resize(to_space(maps[k : k + 1], self.fine.convention, space), tile.size)[0, 0]
                alignment.observe(tile, tile_map)
                values.append(tile_map)
                if features is not None:
                    guidance.append(features[k].to(torch.float16))
            progress(len(values), len(canvas.tiles))

    def _finish(self, photo: Photo, coarse: CoarseMap, fused: Map | None, count: int, clock: Clock) -> DepthMap:
        """Bring the canvas to the photo's size and the coarse backend's convention."""
        size = photo.pixels.shape[:2]
        focal = _focal(photo, self.options["fov"])
        scale, convention = _metric_scale(self.coarse, focal)
        with clock("resize"):
            if fused is None:
                values = enlarge(_fill(coarse), size)
            else:
                space = fusion_space(self.coarse.convention, self.fine.convention)
                values = from_space(enlarge(fused, size), self.coarse.convention, space)
            values = values * scale if scale != 1 else values
        valid = np.ones(size, bool)
        if not coarse.isfinite().all():
            valid = enlarge(coarse.isfinite().float(), size).numpy() > 0.5
        return DepthMap(
            values=values.numpy(),
            convention=convention,
            valid=valid,
            coarse_map=(coarse * scale).numpy(),
            confidence=None,
            focal=None if focal is None else focal * max(size),
            timings=clock.seconds,
            options=self._effective_options(count),
        )

    def _effective_options(self, count: int) -> dict[str, Any]:
        plan = self.options["plan"]
        chosen = {k: v for k, v in self.options.items() if k not in ("progress", "observer", "plan", "device")}
        return chosen | {
            "plan": plan.name if isinstance(plan, TilePlan) else plan,
            "tile_count": count,
            "coarse": type(self.coarse).__name__,
            "fine": type(self.fine).__name__,
            "head": type(self.head).__name__ if self.head is not None else None,
            "device": str(self.device),
            "patchwrap": __version__,
        }


@dataclass(frozen=True)
class SecondPass:
    """Aligned (and, with a head, refined) tiles, read back from the store one by one."""

    canvas: Canvas
    coarse: Map
    features: Features | None
    values: TileStore
    guidance: TileStore
    corrections: list[Correction]
    engine: Engine

    def __iter__(self) -> Iterator[tuple[Tile, Map, Map]]:
        for index, (tile, correction) in enumerate(zip(self.canvas.tiles, self.corrections)):
            if correction.trust == 0:
                self._show(index, tile, self.coarse[tile.slices])
                continue
            values = correction.apply(self.values[index])
            invalid = ~values.isfinite()
            values = torch.where(invalid, self.coarse[tile.slices], values)
            if self.engine.head is not None:
                values = self._refine(self.engine.head, index, tile, values)
            if correction.agreement is not None:
                gate = enlarge(torch.from_numpy(correction.agreement).float(), tile.size)
                values = torch.lerp(self.coarse[tile.slices], values, gate)
            self._show(index, tile, values)
            weights = window(tile, self.canvas.size) * correction.trust
            yield tile, values, weights.masked_fill(invalid, 0.0)

    def _show(self, index: int, tile: Tile, aligned: Map) -> None:
        """Tell the observer, if there is one, about a tile."""
        observer = self.engine.options.get("observer")
        if observer is not None:
            coarse = self.engine.coarse.convention
            space = fusion_space(coarse, self.engine.fine.convention)
            observer(tile, *(from_space(values, coarse, space) for values in (self.values[index], aligned)))

    def _refine(self, head: FusionHead, index: int, tile: Tile, values: Map) -> Map:
        coarse = self.coarse[tile.slices][None, None]
        fine = self.guidance[index][None].float() if len(self.guidance) else None
        size = tile.size if fine is None else (fine.shape[2], fine.shape[3])
        around = None if self.features is None else self._features_under(tile, size)
        device = self.engine.device
        refined = head.refine(
            self.canvas.crop(tile).to(device),
            coarse.to(device),
            values[None, None].to(device),
            None if around is None else around.to(device),
            None if fine is None else fine.to(device),
        )
        return refined[0, 0].to("cpu", torch.float32)

    def _features_under(self, tile: Tile, size: tuple[int, int]) -> Features:
        assert self.features is not None
        height, width = self.canvas.size
        window = [tile.top / height, tile.left / width, tile.height / height, tile.width / width]
        return under(self.features.float(), torch.tensor([window]), size)


def _check_options(options: dict[str, Any]) -> None:
    if options["fuser"] not in RECIPES:
        raise OptionError(f"fuser {options['fuser']!r} is not known. Take one of {', '.join(RECIPES)}.")
    if options["detail"] is not None:
        check_detail(options["detail"])
    if options["tile_batch_size"] < 1:
        raise OptionError(f"tile_batch_size {options['tile_batch_size']} is less than 1.")
    if options["fov"] is not None and not 1 <= options["fov"] <= 170:
        raise OptionError(f"fov {options['fov']} is not within 1 to 170 degrees (horizontal).")
    if options["dtype"] not in ("float32", "bfloat16", "float16"):
        raise OptionError(f"dtype {options['dtype']!r} is not one of float32, bfloat16, float16.")


def _first_of(*choices: Any) -> Any:
    for choice in choices:
        if choice is not None:
            return choice
    raise OptionError("No backend given. Pass backend= for both passes, or coarse= (and fine=).")


def _tile_backend(coarse: Backend, fine: Any, backend: Any) -> Backend:
    if fine is not None or backend is not None:
        given = wrap(fine if fine is not None else backend)
        # Asked for tiles, a backend sends the part of it that is made for them.
        return given.fine if isinstance(given, HasFine) else given
    return coarse.fine if isinstance(coarse, HasFine) else coarse


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"device {name!r} cannot be used here: {reason} Use --device cpu.") from error
    return device


def _input_size(backend: Backend, image: tuple[int, ...]) -> tuple[int, int]:
    height, width = image[:2]
    multiple, free = getattr(backend, "multiple", 1), getattr(backend, "free_aspect", True)
    return input_size((height, width), backend.processing, multiple, free)


def _aligner(name: str, guide: CoarseMap, canvas: tuple[int, int], scale_known: bool) -> Any:
    if name == "plane":
        return Alignment(guide, canvas, scale_known)
    return match_range(guide, canvas) if name == "range" else match_nothing()


def _fill(values: Map) -> Map:
    """Give invalid pixels the value of the nearest valid one."""
    valid = values.isfinite()
    if valid.all():
        return values
    nearest = distance_transform_edt(~valid.numpy(), return_distances=False, return_indices=True)
    return values[tuple(torch.from_numpy(index).long() for index in nearest)]


def _focal(photo: Photo, fov: float | None) -> float | None:
    """Focal length as a fraction of the longer side; ``--fov`` wins over EXIF."""
    if fov is None:
        return photo.focal
    height, width = photo.pixels.shape[:2]
    return width / (2 * tan(radians(fov) / 2)) / max(height, width)


def _metric_scale(backend: Backend, focal: float | None) -> tuple[float, DepthConvention]:
    convention = backend.convention
    if focal is None or convention.ambiguity != "scale" or not isinstance(backend, MetricWithFocal):
        return 1.0, convention
    return backend.metres_per_unit(focal), DepthConvention(convention.space, "metric")


def _ignore(done: int, total: int) -> None:
    """Report nothing."""
