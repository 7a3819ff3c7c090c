"""Stores what frozen backends predict for every sample and plan, so that each is predicted once."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from patchwrap.clock import Clock
from patchwrap.datasets import SampleSource
from patchwrap.digest import digest
from patchwrap.engine import Engine
from patchwrap.errors import ConventionError, OptionError, OutputError, PatchwrapError, one_line
from patchwrap.finetune.record import FORMAT, Facts, Record, write_record
from patchwrap.finetune.truth import target
from patchwrap.generators import preserved_generators, seed_generators
from patchwrap.heads import Head, HeadNetwork
from patchwrap.io import Photo, unit_pixels, write_json
from patchwrap.metrics import MAX_DEPTH
from patchwrap.probe_picture import in_blocks, probe_picture
from patchwrap.resampling import nearest_pixels
from patchwrap.second_pass import SecondPass
from patchwrap.source_digest import source_digest
from patchwrap.spec import (
    Backend,
    HeadTraits,
    PredictsFeatures,
    PredictsTiles,
    PredictsTilesWithConfidence,
    StepProgress,
    Traits,
    name_of,
)
from patchwrap.surroundings import LEAST_SPREAD
from patchwrap.tile_runner import backend_size, run_backend
from patchwrap.tile_view import SMALLEST, TileView
from patchwrap.tiling import Tile, TilePlan
from patchwrap.types import Images, Values
from patchwrap.weights_digest import weights_digest

DECIDING = tuple({one.__module__: None for one in (Engine, SecondPass, target, write_record)})
"""Modules that decide what a record holds, with everything that they import. What this module itself does with their
results is covered by ``record.FORMAT``."""

FURTHEST = 1e4
"""Largest distance of a tile from the coarse map's median, in spreads; records hold half precision, up to 65504."""


@dataclass(frozen=True)
class Skipped:
    """A sample that cannot be used, and why.

    Args:
        name: of the sample.
        why: the error in one line.
    """

    name: str
    why: str


@dataclass
class Preparation:
    """Makes records of one pair of backends (coarse and fine).

    Args:
        engine: the backends; its head decides whether decoder features are stored.
        plans: tile plans.
        folder: of the records.
        with_truth: whether samples need true depth.
        name: of the backend in messages.
    """

    engine: Engine
    plans: Sequence[str]
    folder: Path
    with_truth: bool
    name: str = ""

    @classmethod
    def of(
        cls,
        backend: Any,
        coarse: Any,
        fine: Any,
        plans: Sequence[str],
        folder: Path,
        *,
        with_truth: bool = True,
        guided: bool = False,
        name: str = "",
        **options: Any,
    ) -> "Preparation":
        """Load the backends, which are on the device only while they predict.

        See ``patchwrap.predict`` for them and for ``options``.

        Raises:
            ConventionError: if ``with_truth`` and the backends predict height.
            OptionError: if ``guided`` and a backend has no decoder features.
        """
        fixed: dict[str, Any] = {"plan": "2x2", "fuser": "poisson", "head": Head()}
        engine = Engine.build(backend, coarse, fine, **(fixed | options))
        if with_truth and engine.space == "height":
            raise ConventionError(
                f"{name_of(engine.coarse)} predicts height, to which true depth cannot be converted. Train "
                "without it: --no-gt, or truth=False."
            )
        if guided:
            for part in (engine.coarse, engine.fine):
                if not isinstance(part, PredictsFeatures):
                    raise OptionError(f"{name_of(part)} has no decoder features to guide a head. Train without.")
            channels = (_channels(engine, engine.coarse), _channels(engine, engine.fine))
            engine = replace(engine, head=Head(HeadNetwork(guides=channels)))
        engine.release()
        return cls(engine, plans, folder, with_truth, name or name_of(engine.coarse))

    def run(
        self, samples: Sequence[SampleSource], progress: StepProgress, part: tuple[int, int] = (0, 1)
    ) -> None:
        """Make the records that are missing; the backends then leave the device.

        Args:
            samples: the images.
            progress: called before every sample that is predicted, and at the end.
            part: ``(i, n)``: use every n-th sample only, beginning with the i-th.
        """
        mine = list(samples)[part[0] :: part[1]]
        for done, sample in enumerate(mine):
            # A skipped sample is tried again: its problem may have been fixed since.
            if not all(self.path(sample, plan).exists() for plan in self.plans):
                progress(done, len(mine), f"{self.name} predicts {sample.name}")
                self._prepare(sample)
        self.engine.release()
        progress(len(mine), len(mine), "")

    def records(self, sample: SampleSource) -> list[Record] | Skipped:
        """The records of a sample, one for each plan, or why it is skipped."""
        found = []
        for path in (self.path(sample, plan) for plan in self.plans):
            if path.exists():
                found.append(Record(path))
            else:
                return Skipped(sample.name, json.loads(_skip(path).read_text(encoding="utf-8"))["why"])
        return found

    def path(self, sample: SampleSource, plan: str) -> Path:
        """Where the record of a sample and plan is stored."""
        with_truth, without = (self._place(sample, plan, known) for known in (True, False))
        # A record with truth can also be used without it.
        return with_truth if self.with_truth or with_truth.exists() else without

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the backends would predict something else, or when the code that makes records changes."""
        with self.engine.turn():
            facts = [_backend_facts(self.engine, part) for part in (self.engine.coarse, self.engine.fine)]
            facts.append(_tile_facts(self.engine))
        self.engine.release()
        guides = self.engine.head.network.guides if isinstance(self.engine.head, Head) else ()
        options = {name: str(self.engine.options[name]) for name in ("dtype", "seed", "mirror")}
        return digest([FORMAT, facts, guides, options, _recording()])

    def _place(self, sample: SampleSource, plan: str, with_truth: bool) -> Path:
        kept = [sample.name, sample.stamp, plan, with_truth, self.engine.options["seed"]]
        return self.folder / self.fingerprint / f"{digest(kept)}.safetensors"

    def _prepare(self, sample: SampleSource) -> None:
        missing = {plan: path for plan in self.plans if not (path := self.path(sample, plan)).exists()}
        try:
            seen = sample.read()
            truth = seen.truth if self.with_truth else None
            if self.with_truth and truth is None:
                raise OptionError("it has no depth")
            for plan, path in missing.items():
                self._write(seen.photo, truth, plan, path, sample.name)
        except OutputError:  # a full disk is not the sample's fault
            raise
        except (PatchwrapError, OSError) as error:
            for path in missing.values():
                write_json(_skip(path), {"why": one_line(error)})

    def views(self, sample: SampleSource, plan: str, fine: Backend) -> dict[Tile, TileView]:
        """The views of all tiles that the alignment trusts, as ``predict`` makes them with another tile backend.

        Args:
            sample: the image.
            plan: of its tiles.
            fine: the backend of the tiles, on the engine's device.
        """
        # In float32, since another number type would round the decoder that is being trained.
        engine = replace(self.engine, fine=fine, options={**self.engine.options, "dtype": "float32"})
        with self._second_pass(sample.read().photo, plan, engine) as second:
            return {tile: view for tile, _, view in second.views()}

    @contextmanager
    def _second_pass(self, photo: Photo, plan: str, engine: Engine) -> Iterator[SecondPass]:
        with engine.turn():
            whole = engine.coarse_pass(photo)
            with engine.second_pass(photo, TilePlan.parse(plan), whole, Clock()) as second:
                yield second

    def _write(self, photo: Photo, truth: Values | None, plan: str, path: Path, name: str) -> None:
        with self._second_pass(photo, plan, self.engine) as second:
            facts, known = self._facts(second, truth, name)
            views = {tile: (view, correction) for tile, correction, view in second.views()}
            if not views:
                raise OptionError(f"no tile of plan {plan} fits the coarse map")
            if min(second.canvas.tiles[0].size) < SMALLEST:
                height, width = second.canvas.tiles[0].size
                raise OptionError(
                    f"tiles of plan {plan} are {width}x{height} pixels; training needs {SMALLEST} a side. Give larger "
                    "photos, a plan of fewer tiles, or a backend of larger inputs"
                )
            assert second.surroundings is not None
            _check_range(facts, [view for view, _ in views.values()])
            pixels = _bytes(second.canvas.pixels)
            write_record(path, facts, pixels, second.surroundings.coarse, views, *(known or (None, None)))

    def _facts(self, second: SecondPass, truth: Values | None, name: str) -> tuple[Facts, Any]:
        engine, around = self.engine, second.surroundings
        assert around is not None
        convention, space = engine.coarse.convention, engine.space
        known = None
        if truth is not None:
            known = target(truth[nearest_pixels(truth.shape, second.canvas.size)], around.coarse, convention, space)
            if known is None:
                raise OptionError(_why_unusable(truth))
        return Facts(
            name,
            space,
            convention.ambiguity == "metric",
            second.canvas.size,
            second.canvas.tiles[0].size,
            known is not None,
            around.centre,
            around.spread,
        ), known


def _why_unusable(truth: Values) -> str:
    """Why no target can be made of true depth in metres."""
    known = truth[np.isfinite(truth) & (truth > 0)]
    if known.size and known.min() >= MAX_DEPTH:
        return (
            f"its depth begins at {known.min():.0f} m, and depth from {MAX_DEPTH:g} m on is not trained on. Train "
            "without depth (--no-gt, or truth=False), or on nearer scenes"
        )
    return "none of its depth is valid, or it has nothing in common with the coarse map"


def _check_range(facts: Facts, views: Sequence[TileView]) -> None:
    """Refuse maps that cannot be expressed in spreads of the coarse map.

    Raises:
        OptionError: if the coarse map is flat, or a tile lies too far from it.
    """
    if facts.spread <= LEAST_SPREAD:
        raise OptionError("its coarse map is constant, so that no tile can be aligned to it")
    furthest = max(float((view.aligned - facts.centre).abs().max()) for view in views) / facts.spread
    if not furthest < FURTHEST:
        raise OptionError(f"its coarse map is almost constant: a tile lies {furthest:.0f} of its spreads away from it")


def _skip(path: Path) -> Path:
    """The file beside a record's place that says why the sample is skipped."""
    return path.with_suffix(".skipped.json")


def _bytes(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    return np.rint(unit_pixels(pixels) * 255).clip(0, 255).astype(np.uint8)


def _probe(engine: Engine, backend: Any) -> Images:
    """The probe picture at the backend's own size."""
    size = backend_size(backend, (144, 192))
    image = torch.from_numpy(probe_picture().astype(np.float32) / 255).permute(2, 0, 1)[None]
    return torch.nn.functional.interpolate(image, size, mode="bilinear").to(engine.device)


def _channels(engine: Engine, backend: Any) -> int:
    with torch.no_grad():
        return int(backend.predict_with_features(_probe(engine, backend))[1].shape[1])


def _backend_facts(engine: Engine, backend: Any) -> list[str]:
    """Identify a backend by its attributes, its weights and its prediction for the probe picture.

    Weights count byte by byte, predictions as ``in_blocks`` tells them and, for a guided head, features with three
    digits, so that another order of summation gives the same.
    """
    facts = [str(one) for one in (type(backend).__name__, backend.convention, backend.processing, Traits.of(backend))]
    if hasattr(backend, "fingerprint"):
        return [*facts, str(backend.fingerprint)]
    images = _probe(engine, backend)
    with preserved_generators(engine.device), torch.no_grad():
        seed_generators(engine.device, 0)
        answer = run_backend(backend, images, HeadTraits.of(engine.head).wants_features)
    facts += [str(weights_digest(backend)), *in_blocks(answer.maps[0, 0])]
    if answer.features is None:
        return facts
    means = torch.nn.functional.adaptive_avg_pool2d(answer.features.float(), (4, 4)).flatten()
    return facts + [f"{mean:.3g}" for mean in means.tolist()]


def _tile_facts(engine: Engine) -> list[str]:
    """Identify a backend that owns the loop over the tiles by its tiles too: some options act only there."""
    owner = isinstance(engine.fine, PredictsTiles | PredictsTilesWithConfidence)
    if not owner or hasattr(engine.fine, "fingerprint"):
        return []
    photo = Photo(probe_picture())
    with engine.turn():
        whole = engine.coarse_pass(photo)
        with engine.second_pass(photo, TilePlan.parse("2x2"), whole, Clock()) as second:
            return [told for one in second.predictions for told in in_blocks(one.values)]


@cache
def _recording() -> str:
    """Digest of the code that makes records."""
    return source_digest(*DECIDING)
