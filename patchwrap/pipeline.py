"""From a photo to a DepthMap: coarse pass, tile pass, alignment, fusion. Holds no state between calls."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import radians, tan
from typing import Any, Literal, overload

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
from patchwrap.resampling import enlarged
from patchwrap.second_pass import SecondPass
from patchwrap.spaces import FusionSpace, from_space, fusion_space, to_space
from patchwrap.spec import Backend, FusionHead, HasFine, HasHead, MetricWithFocal, Movable, Progress
from patchwrap.tile_pass import TilePass
from patchwrap.tile_runner import Answer, ask, backend_size
from patchwrap.tile_store import TileStore
from patchwrap.tiling import TilePlan
from patchwrap.types import CoarseMap, Map, Values
from patchwrap.weighted_mean import WeightedMean
from patchwrap.wrapping import wrap

RECIPES = {
    "poisson": ("plane", "poisson"),
    "blend": ("plane", "blend"),
    "split": ("plane", "split"),
    "minmax": ("range", "blend"),
    "average": ("none", "blend"),
}
"""How ``fuser=`` aligns and fuses; the last two are baselines, kept for comparison."""

_NOTHING = 1e-12
"""Less than any tile's weight."""

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
class Fused:
    """What the tiles gave, on the canvas.

    Args:
        values: in the fusion space.
        confidence: mean over the tiles that cover a pixel, by their windows, of how far each is to be believed.
        tile_count: how many there were.
    """

    values: Map
    confidence: Values
    tile_count: int


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
                whole = self.coarse_pass(photo)
            plan = self._plan(photo)
            if plan is None:
                return self._finish(photo, whole, None, clock)
            space = fusion_space(self.coarse.convention, self.fine.convention)
            return self._finish(photo, whole, self._fuse(photo, plan, whole, space, clock), clock)

    def coarse_pass(self, photo: Photo) -> Answer:
        """Predict the whole image at the coarse backend's own size."""
        image = Canvas.picture(photo.pixels, backend_size(self.coarse, photo.size))
        answer = ask(self.coarse, image.to(self.device), self.head is not None)
        if not answer.maps.isfinite().any():
            raise BackendContractError(f"{type(self.coarse).__name__} returned no finite value for {photo.name}.")
        return answer

    def _plan(self, photo: Photo) -> TilePlan | None:
        plan = self.options["plan"]
        if not self.options["tiles"]:
            return None
        if isinstance(plan, TilePlan):
            return plan
        return TilePlan.choose(plan, photo.size, backend_size(self.fine, photo.size), self.options["overlap"])

    def _fuse(self, photo: Photo, plan: TilePlan, whole: Answer, space: FusionSpace, clock: Clock) -> "Fused":
        """Tile pass, alignment and fusion."""
        with clock("canvas"):
            canvas = Canvas.cut(photo.pixels, plan, self.fine, self.options["seed"])
            guide = _fill(to_space(whole.maps[0, 0], self.coarse.convention, space))
        aligner, fuser_name = RECIPES[self.options["fuser"]]
        alignment = _aligner(aligner, guide, canvas.size, space == "log_depth")
        with TileStore() as predictions:
            with clock("tiles"):
                for prediction in self._tile_pass(canvas, space):
                    alignment.observe(prediction.tile, prediction.values)
                    predictions.append(prediction)
            with clock("align"):
                corrections = alignment.solve()
            with clock("fuse"):
                coarse = torch.from_numpy(enlarged(guide, canvas.size))
                fuser = FUSERS[fuser_name](coarse, canvas.tiles[-1].width, self.options["detail"])
                confidence = WeightedMean(canvas.size, anchor=_NOTHING)
                second = SecondPass(
                    canvas, coarse, predictions, corrections, self.head, whole.features, self.device
                )
                for aligned in second:
                    fuser.add(aligned.tile.top, aligned.tile.left, aligned.values, aligned.weights)
                    confidence.add(aligned.tile.slices, aligned.confidence.numpy(), aligned.window.numpy())
                return Fused(fuser.result(), confidence.result(), len(canvas.tiles))

    def _tile_pass(self, canvas: Canvas, space: FusionSpace) -> TilePass:
        return TilePass(
            canvas,
            self.fine,
            space,
            self.device,
            batch_size=self.options["tile_batch_size"],
            with_features=self.head is not None,
            progress=self.options["progress"] or _ignore,
        )

    def _finish(self, photo: Photo, whole: Answer, fused: "Fused | None", clock: Clock) -> DepthMap:
        """Bring the canvas to the photo's size and the coarse backend's convention."""
        focal = _focal(photo, self.options["fov"])
        scale, convention = _metric_scale(self.coarse, focal)
        coarse = whole.maps[0, 0]
        with clock("resize"):
            if fused is None:
                values = enlarged(_fill(coarse), photo.size, lambda band: scale * band)
                confidence = None if whole.confidence is None else whole.confidence[0, 0].numpy()
            else:
                space = fusion_space(self.coarse.convention, self.fine.convention)
                values = enlarged(
                    fused.values, photo.size, lambda band: scale * from_space(band, self.coarse.convention, space)
                )
                confidence = fused.confidence
            valid = enlarged(coarse.isfinite().float(), photo.size, lambda band: band > 0.5, dtype=bool)
        return DepthMap(
            values=values,
            convention=convention,
            valid=valid,
            coarse_map=(coarse * scale).numpy(),
            confidence_map=confidence,
            focal=None if focal is None else focal * max(photo.size),
            timings=clock.seconds,
            options=self._effective_options(0 if fused is None else fused.tile_count),
        )

    def _effective_options(self, count: int) -> dict[str, Any]:
        plan = self.options["plan"]
        chosen = {k: v for k, v in self.options.items() if k not in ("progress", "plan", "device")}
        return chosen | {
            "plan": plan.name if isinstance(plan, TilePlan) else plan,
            "tile_count": count,
            "coarse": type(self.coarse).__name__,
            "fine": type(self.fine).__name__,
            "head": type(self.head).__name__ if self.head is not None else None,
            "device": str(self.device),
            "patchwrap": __version__,
        }


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
