"""One call's backends and options at work: coarse pass, tile pass, alignment, fusion, one photo after another."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import radians, tan
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from patchwrap import __version__, scratch
from patchwrap.alignment import Alignment
from patchwrap.canvas import Canvas
from patchwrap.convention import DepthConvention
from patchwrap.depth_map import DepthMap
from patchwrap.device import usable_device
from patchwrap.errors import BackendContractError, OptionError
from patchwrap.fusion import FUSERS, check_detail, default_detail
from patchwrap.heads import Head, load_head
from patchwrap.io import Photo
from patchwrap.matching import match_nothing, match_range
from patchwrap.mirror import halfway
from patchwrap.resampling import enlarged
from patchwrap.second_pass import Aligned, SecondPass
from patchwrap.seed import check_seed
from patchwrap.spaces import FusionSpace, from_space, fusion_space, least_invertible, to_space
from patchwrap.spec import Backend, FusionHead, MetricWithFocal, Movable, TileContext, fine_of, head_of
from patchwrap.surroundings import Surroundings
from patchwrap.tile_pass import TilePass
from patchwrap.tile_runner import Answer, ask, backend_size
from patchwrap.tile_store import TileStore
from patchwrap.tiling import Size, TilePlan
from patchwrap.types import CoarseMap, Images, Map, Mask, Values
from patchwrap.weighted_mean import WeightedMean
from patchwrap.wrapping import check_backend_facts, wrap

_log = logging.getLogger("patchwrap")

RECIPES = {
    "poisson": ("plane", "poisson"),
    "blend": ("plane", "blend"),
    "split": ("plane", "split"),
    "minmax": ("range", "blend"),
    "average": ("none", "blend"),
}
"""How ``fuser=`` aligns and fuses; the last two are baselines, kept for comparison."""

AUTO = "auto"
"""The fuser that the head asks for, or Poisson."""

_NOTHING = 1e-12
"""Less than any tile's weight."""


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
        if None not in (backend, coarse, fine):
            raise OptionError("backend, coarse and fine are all given. Leave out backend: nobody would ask it.")
        first = wrap(_first_of(coarse, backend))
        second = _tile_backend(first, fine, backend if coarse is not None else None)
        head, second = _headed(options.pop("head"), first, second)
        options["fuser"] = fuser_for(options["fuser"], head)
        if options["detail"] is None:
            options["detail"] = default_detail(RECIPES[options["fuser"]][1], second, head)
        if options["mirror"] is None:
            options["mirror"] = getattr(first, "mirror", False)
        device = usable_device(options["device"])
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
            plan = self.plan(photo)
            if plan is None:
                return self._finish(photo, whole, None, clock)
            space = fusion_space(self.coarse.convention, self.fine.convention)
            with self.second_pass(photo, plan, whole, clock) as second, clock("fuse"):
                fused = self._fused(second, space)
            return self._finish(photo, whole, fused, clock)

    def coarse_pass(self, photo: Photo) -> Answer:
        """Predict the whole image at the coarse backend's own size."""
        answer = ask(self.coarse, self._whole(photo), self._guided)
        if not answer.maps.isfinite().any():
            raise BackendContractError(f"{type(self.coarse).__name__} returned no finite value for {photo.name}.")
        return answer

    def _whole(self, photo: Photo) -> Images:
        return Canvas.picture(photo.pixels, backend_size(self.coarse, photo.size)).to(self.device)

    def _guide(self, photo: Photo, whole: Answer, space: FusionSpace) -> CoarseMap:
        """The coarse map in the fusion space, without holes; with ``mirror`` halfway to the mirror image's."""
        plain = _fill(to_space(whole.maps[0, 0], self.coarse.convention, space))
        if not self.options["mirror"]:
            return plain
        mirrored = ask(self.coarse, self._whole(photo).flip(-1)).maps[0, 0].flip(-1)
        return halfway(plain, to_space(mirrored, self.coarse.convention, space), space == "log_depth")

    def plan(self, photo: Photo) -> TilePlan | None:
        """The tiles of a photo; None where there are none to be."""
        plan = self.options["plan"]
        if not self.options["tiles"]:
            return None
        if isinstance(plan, TilePlan):
            return plan
        return TilePlan.choose(plan, photo.size, backend_size(self.fine, photo.size), self.options["overlap"])

    @property
    def _guided(self) -> bool:
        """Whether a head asks for decoder features."""
        return self.head is not None and getattr(self.head, "wants_features", True)

    @contextmanager
    def second_pass(self, photo: Photo, plan: TilePlan, whole: Answer, clock: Clock) -> Iterator[SecondPass]:
        """Predict and align all tiles; what is yielded lives as long as the block.

        Args:
            photo: what to predict.
            plan: its tiles.
            whole: what ``coarse_pass`` said.
            clock: told where the time goes.
        """
        space = fusion_space(self.coarse.convention, self.fine.convention)
        with clock("canvas"):
            size = whole.maps.shape[2], whole.maps.shape[3]
            canvas = Canvas.cut(photo.pixels, plan, self.fine, self.options["seed"], size)
        with clock("mirror"):
            guide = self._guide(photo, whole, space)
        alignment = _aligner(RECIPES[self.options["fuser"]][0], guide, canvas.size, space == "log_depth")
        with TileStore() as predictions:
            with clock("tiles"):
                for prediction in self._tile_pass(canvas, space, whole):
                    alignment.observe(prediction.tile, prediction.values)
                    predictions.append(prediction)
            with clock("align"):
                corrections = alignment.solve()
                seen = alignment.observations
                around = None
                if self.head is not None:
                    around = Surroundings.of(guide, canvas.size, seen, whole.features, alignment.half)
            coarse = torch.from_numpy(enlarged(guide, canvas.size))
            yield SecondPass(canvas, coarse, predictions, corrections, self.head, around, self.device)

    def _fused(self, second: SecondPass, space: FusionSpace) -> Fused:
        tiles = second.canvas.tiles
        least = least_invertible(second.coarse, self.coarse.convention, space)
        fuser = FUSERS[RECIPES[self.options["fuser"]][1]](second.coarse, tiles[-1].width, self.options["detail"])
        confidence = WeightedMean(second.canvas.size, anchor=_NOTHING)
        for aligned in second:
            self._show(aligned, space, least)
            fuser.add(aligned.tile.top, aligned.tile.left, aligned.values, aligned.weights)
            confidence.add(aligned.tile.slices, aligned.confidence, aligned.window)
        sure = confidence.result()
        del confidence  # the fuser needs the room
        fused = fuser.result()
        return Fused(fused if least is None else fused.clamp_(min=least), sure, len(tiles))

    def _show(self, aligned: Aligned, space: FusionSpace, least: float | None) -> None:
        """Tell the observer, if there is one, about a tile."""
        observer = self.options.get("observer")
        if observer is not None:
            values = aligned.values if least is None else aligned.values.clamp(min=least)
            maps = (from_space(one, self.coarse.convention, space) for one in (aligned.predicted, values))
            observer(aligned.tile, *maps)

    def _tile_pass(self, canvas: Canvas, space: FusionSpace, whole: Answer) -> TilePass:
        seed, batch_size = self.options["seed"], self.options["tile_batch_size"]
        known = whole.maps[0, 0].nan_to_num(torch.nan, posinf=torch.nan, neginf=torch.nan)
        context = TileContext(seed, known, self.coarse.convention, canvas.size, batch_size)
        progress = self.options["progress"] or _ignore
        return TilePass(canvas, self.fine, space, self.device, context, self._guided, progress)

    def _finish(self, photo: Photo, whole: Answer, fused: Fused | None, clock: Clock) -> DepthMap:
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
            valid = _enlarged_mask(coarse.isfinite(), photo.size)
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


def fuser_for(name: str, head: FusionHead | None) -> str:
    """The fuser of that name; with ``auto`` the one that a head asks for, or Poisson."""
    return getattr(head, "fuser", "poisson") if name == AUTO else name


def _check_options(options: dict[str, Any]) -> None:
    if options["fuser"] not in (AUTO, *RECIPES):
        raise OptionError(f"fuser {options['fuser']!r} is not known. Take one of {', '.join((AUTO, *RECIPES))}.")
    if options["detail"] is not None:
        check_detail(options["detail"])
    check_seed(options["seed"])
    if options["tile_batch_size"] < 1:
        raise OptionError(f"tile_batch_size {options['tile_batch_size']} is less than 1.")
    if options["fov"] is not None and not 1 <= options["fov"] <= 170:
        raise OptionError(f"fov {options['fov']} is not within 1 to 170 degrees (horizontal).")
    if isinstance(options["plan"], TilePlan) and options["overlap"] is not None:
        raise OptionError(
            f"overlap {options['overlap']} and a TilePlan were given, but a TilePlan has overlaps of its own. Set them "
            "there, as by TilePlan.parse(text, overlap), or give the plan as text."
        )
    if options["dtype"] not in ("float32", "bfloat16", "float16"):
        raise OptionError(f"dtype {options['dtype']!r} is not one of float32, bfloat16, float16.")


def _first_of(*choices: Any) -> Any:
    for choice in choices:
        if choice is not None:
            return choice
    raise OptionError("No backend given. Pass backend= for both passes, or coarse= (and fine=).")


def _tile_backend(coarse: Backend, fine: Any, backend: Any) -> Backend:
    if fine is not None or backend is not None:
        # Asked for tiles, a backend sends the part of it that is made for them.
        return _made_for_tiles(wrap(fine if fine is not None else backend))
    return _made_for_tiles(coarse)


def _made_for_tiles(backend: Backend) -> Backend:
    fine = fine_of(backend)
    if fine is None:
        return backend
    check_backend_facts(fine, f"{type(backend).__name__}.fine")
    return fine


def _headed(head: Any, first: Backend, second: Backend) -> tuple[FusionHead | None, Backend]:
    """The head asked for, and the tile backend as it goes with it."""
    if head == "auto":
        return (head_of(first) if second is (fine_of(first) or first) else None), second
    if isinstance(head, str | Path):
        head = load_head(head)
    if not isinstance(head, Head):
        return head, second
    if why := head.card.mismatch(first, second):
        _log.warning("warning: the fusion head %s", why)
    return head, head.adapted(second)


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


def _enlarged_mask(mask: Bool[Tensor, "rows columns"], size: Size) -> Mask:
    if not mask.all():
        return enlarged(mask.float(), size, lambda band: band > 0.5, dtype=bool)
    everywhere = scratch.array(size, bool)
    for rows in scratch.bands(size[0]):
        everywhere[rows] = True
    return everywhere


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
    metres = backend.metres_per_unit(focal)
    scale = 1 / metres if convention.space == "inverse_depth" else metres
    return scale, DepthConvention(convention.space, "metric")


def _ignore(done: int, total: int) -> None:
    """Report nothing."""
