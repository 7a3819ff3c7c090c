"""One call of ``predict`` at work: coarse pass, tile pass, alignment and fusion, one photo after another."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Unpack, cast

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn import functional

from patchwrap import __version__, scratch
from patchwrap.aligner import Aligner, aligner_for
from patchwrap.ambient_modes import ordinary_modes
from patchwrap.backend_selection import fuser_for, select_backends, select_head
from patchwrap.canvas import Canvas
from patchwrap.clock import Clock
from patchwrap.depth_map import DepthMap
from patchwrap.device import usable_device, warn_if_slow
from patchwrap.errors import BackendContractError
from patchwrap.focal import estimated_focal, metric_scale, relative_focal
from patchwrap.fusers import FUSERS, FuserRecipe
from patchwrap.fusion import default_detail
from patchwrap.generators import preserved_generators, seed_generators
from patchwrap.io import Photo
from patchwrap.mirror import average_with_mirrored
from patchwrap.predict_options import DEFAULTS, PredictOptions, check_options
from patchwrap.resampling import interpolate_in_bands
from patchwrap.second_pass import Aligned, SecondPass
from patchwrap.spaces import FusionSpace, from_space, fusion_space, invertible, least_invertible, to_space
from patchwrap.spec import Backend, FusionHead, HeadTraits, Movable, TileContext, Traits, name_of, release
from patchwrap.surroundings import Surroundings
from patchwrap.tile_pass import TilePass
from patchwrap.tile_runner import Output, backend_size, run_backend
from patchwrap.tile_store import TileStore
from patchwrap.tiling import Size, TilePlan
from patchwrap.types import CoarseMap, Images, Map, Values
from patchwrap.validity import enlarged_mask, filled
from patchwrap.weighted_mean import WeightedMean

_TURN = threading.RLock()
"""Held while one photo is predicted: threads share torch's generators, and may share networks of which each wants
another number type. Re-entrant, since a progress callback or an observer may itself predict."""

_AT_WORK: list["Engine"] = []
"""The engines whose turn it is, the innermost last."""

_NOT_TOLD = ("progress", "observer", "plan", "device", "head")
"""Options that a DepthMap does not list, or lists as something else."""


@dataclass(frozen=True)
class Fused:
    """The fused canvas, or a coarse map that was averaged with the mirrored image's.

    Args:
        values: in the fusion space.
        confidence: in [0, 1]: mean confidence of the tiles that cover a pixel, weighted by their windows; without tiles
            the backend's own, or None.
        tile_count: number of tiles.
    """

    values: Map
    confidence: Values | None
    tile_count: int


@dataclass(frozen=True)
class Engine:
    """Backends and effective options of one call of ``predict``; maps one photo after another.

    Args:
        coarse: predicts the whole image.
        fine: predicts the tiles.
        head: refines aligned tiles, or None.
        options: all of them; fuser, detail and mirror are resolved.
        device: where the networks are.
        mirror_alone: whether a map without tiles is averaged with the mirrored image's, too; only if asked for.
    """

    coarse: Backend
    fine: Backend
    head: FusionHead | None
    options: PredictOptions
    device: torch.device
    mirror_alone: bool = False

    @classmethod
    def build(cls, backend: Any, coarse: Any, fine: Any, **options: Unpack[PredictOptions]) -> "Engine":
        """Load the backends and the head, and move them to the device.

        Args:
            backend: for both passes, or None.
            coarse: for the whole image, or None.
            fine: for the tiles, or None.
            options: see ``patchwrap.predict``; those left out have its defaults.

        Raises:
            OptionError: if no backend is given, or an option has an impossible value.
            PatchwrapError: if a backend or head cannot be loaded.
        """
        chosen: PredictOptions = DEFAULTS | options
        check_options(chosen)
        chosen = _without_numpy(chosen)
        device = usable_device(chosen["device"])  # before a large network is loaded
        with ordinary_modes(torch.device("cpu")):  # networks are loaded on the CPU and then moved
            first, second = select_backends(backend, coarse, fine)
            with _TURN:  # a head may copy the tile backend, which no other thread may move meanwhile
                head, second = select_head(chosen["head"], first, second)
                mirror_alone = chosen["mirror"] is True
                chosen = _resolved(chosen, first, second, head)
                engine = cls(first, second, head, chosen, device, mirror_alone)
                warn_if_slow(engine.device, chosen["dtype"])
                try:
                    engine._place()
                finally:
                    if _AT_WORK:  # a callback predicts: if it fails before its turn, the outer prediction goes on
                        _AT_WORK[-1]._place()
        return engine

    def _place(self) -> None:
        """Move the networks to the device and number type of this engine."""
        for part in (self.coarse, self.fine, self.head):
            if isinstance(part, Movable):
                part.to(self.device, getattr(torch, self.options["dtype"]))

    def release(self) -> None:
        """Move the networks to the CPU until this engine's next turn, so that others find memory on the device."""
        with _TURN:
            release(self.coarse, self.fine, self.head)
            if _AT_WORK:  # a callback releases what the outer prediction may use
                _AT_WORK[-1]._place()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Within it the networks are placed, torch is seeded, gradients are off, and other threads wait.

        The networks are placed again, since another engine may have moved them. The state of the caller's random
        generators is left unchanged; the caller's autocast and default device do not apply.
        """
        with _TURN, preserved_generators(self.device), ordinary_modes(self.device), torch.no_grad():
            _AT_WORK.append(self)
            try:
                self._place()
                seed_generators(self.device, self.options["seed"])
                yield
            finally:
                _AT_WORK.pop()
                if _AT_WORK:  # a callback has predicted, and may have moved the networks of the outer prediction
                    _AT_WORK[-1]._place()

    def __call__(self, photo: Photo) -> DepthMap:
        """Predict one photo; calls from several threads take turns."""
        clock = Clock()
        with self.turn(), clock("total"):
            with clock("coarse"):
                whole = self.coarse_pass(photo)
            plan = self.choose_plan(photo)
            if plan is None:
                return self._finish(photo, whole, self._mirrored(photo, whole, clock), clock)
            with self.second_pass(photo, plan, whole, clock) as second, clock("fuse"):
                fused = self._fused(second)
            return self._finish(photo, whole, fused, clock)

    def coarse_pass(self, photo: Photo) -> Output:
        """Predict the whole image at the coarse backend's own size.

        Raises:
            BackendContractError: if no value is finite, or the backend breaks its contract.
        """
        output = run_backend(self.coarse, self._whole(photo), self._guided, with_fov=True)
        if not output.maps.isfinite().any():
            name, convention = name_of(self.coarse), self.coarse.convention
            above = " above 0" if convention.is_positive else ""
            raise BackendContractError(f"{name} returned no finite value{above} for {photo.name}.")
        return output

    def _whole(self, photo: Photo) -> Images:
        return Canvas.picture(photo.pixels, backend_size(self.coarse, photo.size)).to(self.device)

    @cached_property
    def space(self) -> FusionSpace:
        """The space in which maps are aligned and fused."""
        return fusion_space(self.coarse.convention, self.fine.convention)

    @property
    def _recipe(self) -> FuserRecipe:
        return FUSERS[self.options["fuser"]]

    @property
    def _scale_known(self) -> bool:
        """Whether tiles and coarse map differ by shifts only: in log depth a scale is one."""
        return self.space == "log_depth"

    def _guide(self, photo: Photo, whole: Output) -> CoarseMap:
        """The coarse map in the fusion space without holes, averaged with the mirrored image's if ``mirror`` is set.

        Not in the holes: what fills them is no evidence about the mirrored map.
        """
        coarse, convention = whole.maps[0, 0], self.coarse.convention
        plain = filled(to_space(invertible(coarse, convention, self.space), convention, self.space))
        if not self.options["mirror"]:
            return plain
        mirrored = run_backend(self.coarse, self._whole(photo).flip(-1)).maps[0, 0].flip(-1)
        own, others = (to_space(one, convention, self.space).isfinite() for one in (coarse, mirrored))
        mirrored = to_space(invertible(mirrored, convention, self.space), convention, self.space)
        mirrored = mirrored.where(own & others, torch.nan)
        return average_with_mirrored(plain, mirrored, self._scale_known)

    def _known(self, whole: Output, canvas: Size) -> Bool[Tensor, "rows columns"]:
        """Where the coarse map surely has a value of its own in the fusion space, on the canvas.

        Invalid pixels do not count, nor the neighbours of holes of at least 3x3 pixels: at the border of a sky these
        mix it with the ground. Beside scattered ones, whose neighbours may be most of the map, nothing is mixed.
        """
        known = to_space(whole.maps, self.coarse.convention, self.space).isfinite().float()
        middles = 1 - functional.max_pool2d(known, 3, stride=1, padding=1)
        near = functional.max_pool2d(middles, 5, stride=1, padding=2)
        return torch.from_numpy(enlarged_mask((known > near)[0, 0], canvas))

    def _mirrored(self, photo: Photo, whole: Output, clock: Clock) -> Fused | None:
        """The map without tiles, averaged with the mirrored image's; None if that was not asked for."""
        if not self.mirror_alone:
            return None
        with clock("mirror"):
            guide = self._guide(photo, whole)
        least = least_invertible(guide, self.coarse.convention, self.space)
        return Fused(guide if least is None else guide.clamp(min=least), _confidence(whole, None), 0)

    def choose_plan(self, photo: Photo) -> TilePlan | None:
        """The tile plan for a photo; None for a single pass."""
        plan = self.options["plan"]
        if not self.options["tiles"]:
            return None
        if isinstance(plan, TilePlan):
            return plan
        return TilePlan.choose(plan, photo.size, backend_size(self.fine, photo.size), self.options["overlap"])

    @property
    def _guided(self) -> bool:
        """Whether the head takes decoder features as guidance."""
        return self.head is not None and HeadTraits.of(self.head).wants_features

    @contextmanager
    def second_pass(self, photo: Photo, plan: TilePlan, whole: Output, clock: Clock) -> Iterator[SecondPass]:
        """Predict and align all tiles. The result is valid inside the ``with`` block only.

        Args:
            photo: what to predict.
            plan: its tiles.
            whole: from ``coarse_pass``.
            clock: receives the duration of each step.
        """
        with clock("canvas"):
            size = whole.maps.shape[2], whole.maps.shape[3]
            canvas = Canvas.cut(photo.pixels, plan, self.fine, self.options["seed"], size)
        with clock("mirror"):
            guide = self._guide(photo, whole)
        aligner = aligner_for(self._recipe.aligner, guide, canvas.size, self._scale_known)
        known = self._known(whole, canvas.size)
        with TileStore() as predictions:
            with clock("tiles"):
                for prediction in self._tile_pass(canvas, whole):
                    # Where the coarse map only has a value of the nearest valid pixel it is no evidence about tiles.
                    prediction = prediction.where(known)
                    aligner.observe(prediction.tile, prediction.values)
                    predictions.append(prediction)
            with clock("align"):
                corrections = aligner.solve()
                around = self._surroundings(guide, canvas, whole, aligner)
            coarse = torch.from_numpy(interpolate_in_bands(guide, canvas.size))
            yield SecondPass(canvas, coarse, predictions, corrections, self.head, around, self.device, known)

    def _surroundings(self, guide: CoarseMap, canvas: Canvas, whole: Output, aligner: Aligner) -> Surroundings | None:
        if self.head is None:
            return None
        return Surroundings.of(guide, canvas.size, aligner.observations, whole.features, aligner.half)

    def _fused(self, second: SecondPass) -> Fused:
        tiles, detail = second.canvas.tiles, self.options["detail"]
        assert detail is not None  # resolved by build
        least = least_invertible(second.coarse, self.coarse.convention, self.space)
        # The smallest tiles set the crossover: every mean of tiles contains them, and none of them can judge structures
        # that are larger than it.
        fuser = self._recipe.load()(second.coarse, second.canvas.tile_size[1], detail)
        confidence = WeightedMean(second.canvas.size)
        for aligned in second:
            self._show(aligned, least)
            fuser.add(aligned.tile, aligned.values, aligned.weights)
            confidence.add(aligned.tile.slices, aligned.confidence, aligned.window)
        mean_confidence = confidence.result()
        del confidence  # frees its memory for the fuser
        fused = fuser.result()
        return Fused(fused if least is None else fused.clamp_(min=least), mean_confidence, len(tiles))

    def _show(self, aligned: Aligned, least: float | None) -> None:
        """Pass copies of a tile's maps to the observer, if there is one: it may change them."""
        observer = self.options["observer"]
        if observer is not None:
            values = aligned.values if least is None else aligned.values.clamp(min=least)
            maps = (from_space(one.clone(), self.coarse.convention, self.space) for one in (aligned.predicted, values))
            observer(aligned.tile, *maps)

    def _tile_pass(self, canvas: Canvas, whole: Output) -> TilePass:
        seed, batch_size = self.options["seed"], self.options["tile_batch_size"]
        known = whole.maps[0, 0].nan_to_num(torch.nan, posinf=torch.nan, neginf=torch.nan)
        context = TileContext(seed, known, self.coarse.convention, canvas.size, batch_size)
        progress = self.options["progress"] or _ignore
        return TilePass(canvas, self.fine, self.space, self.device, context, self._guided, progress)

    def _finish(self, photo: Photo, whole: Output, fused: Fused | None, clock: Clock) -> DepthMap:
        """Bring everything to the photo's size and the coarse backend's convention, in metres if the scale is known."""
        known, estimate = relative_focal(photo, self.options["fov"]), estimated_focal(photo, whole.fov)
        scale, convention = metric_scale(self.coarse, known, estimate)
        focal = estimate if known is None else known
        coarse = whole.maps[0, 0]
        with clock("resize"):
            values = self._enlarged(coarse, fused, photo.size, scale)
            valid = enlarged_mask(coarse.isfinite(), photo.size)
        return DepthMap(
            values=values,
            convention=convention,
            valid=valid,
            coarse_map=(coarse * scale).numpy(),
            confidence_map=_confidence(whole, fused),
            focal=None if focal is None else focal * max(photo.size),
            focal_is_estimate=known is None and estimate is not None,
            timings=clock.seconds,
            options=self._effective_options(0 if fused is None else fused.tile_count),
        )

    def _enlarged(self, coarse: CoarseMap, fused: Fused | None, size: Size, scale: float) -> Values:
        if fused is None:
            return interpolate_in_bands(filled(coarse), size, lambda band: scale * band)
        convention, space = self.coarse.convention, self.space
        values = interpolate_in_bands(fused.values, size, lambda band: scale * from_space(band, convention, space))
        sky = to_space(coarse, convention, space).isnan() & coarse.isfinite()
        if sky.any():
            elsewhere = enlarged_mask(~sky, size)
            for rows in scratch.bands(size[0]):
                values[rows] *= elsewhere[rows]
        return values

    def _effective_options(self, count: int) -> dict[str, Any]:
        plan = self.options["plan"]
        chosen = {name: value for name, value in self.options.items() if name not in _NOT_TOLD}
        return chosen | {
            "plan": plan.name if isinstance(plan, TilePlan) else plan,
            "tile_count": count,
            "mirror": self.options["mirror"] if count else self.mirror_alone,
            "coarse": name_of(self.coarse),
            "fine": name_of(self.fine),
            "head": type(self.head).__name__ if self.head is not None else None,
            "device": str(self.device),
            "patchwrap": __version__,
        }


def _renew_turn() -> None:
    """Replace the lock in a forked process, which lacks the thread that may hold it."""
    global _TURN
    _TURN = threading.RLock()
    _AT_WORK.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew_turn)


def _without_numpy(options: PredictOptions) -> PredictOptions:
    """Replace numpy's numbers and booleans by Python's, which JSON takes."""
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in options.items()}
    return cast(PredictOptions, plain)


def _resolved(options: PredictOptions, coarse: Backend, fine: Backend, head: FusionHead | None) -> PredictOptions:
    """Replace the values that leave a choice to backends and head by what they choose."""
    chosen: PredictOptions = {**options, "fuser": fuser_for(options["fuser"], head)}
    if chosen["detail"] is None:
        chosen["detail"] = default_detail(FUSERS[chosen["fuser"]], fine, head)
    if chosen["mirror"] is None:
        chosen["mirror"] = Traits.of(coarse).mirror
    return chosen


def _confidence(whole: Output, fused: Fused | None) -> Values | None:
    if fused is not None:
        return fused.confidence
    return None if whole.confidence is None else whole.confidence[0, 0].numpy()


def _ignore(done: int, total: int) -> None:
    """Report nothing."""
