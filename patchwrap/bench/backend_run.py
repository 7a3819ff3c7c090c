"""Measures one backend's rows on all images, except what the journal holds; a row that fails is skipped."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from patchwrap.bench.combination import NO_TILES, Combination
from patchwrap.bench.consistency import tile_consistency
from patchwrap.bench.cost import Cost, measure_cost
from patchwrap.bench.fingerprint import fingerprint
from patchwrap.bench.journal import Journal, Record
from patchwrap.bench.pictures import Album
from patchwrap.bench.protocol import Edges, Measurement, borders, measure
from patchwrap.bench.report import Row
from patchwrap.datasets import SampleSource
from patchwrap.datasets.image_set import ImageSet
from patchwrap.errors import PatchwrapError, is_out_of_memory, named, one_line
from patchwrap.io import Photo
from patchwrap.machine import machine, versions
from patchwrap.tiling import Size, TilePlan
from patchwrap.types import Values

RAW, PLANE = ("none", "none"), ("plane", "none")

_log = logging.getLogger("patchwrap")


@dataclass
class BackendRun:
    """The rows of one backend.

    Args:
        dataset: the images.
        combinations: to measure.
        journal: stores the measurements.
        album: draws pictures, or None.
        plan: for single passes, seams are measured at this plan's tile borders.
        left_out: the error of each image that cannot be used, by its name; this run adds to it.
        step: called with the next row and image in words.
        outlines: whether D3R and drawn edges are measured as well.
    """

    dataset: ImageSet
    combinations: list[Combination]
    journal: Journal
    album: Album | None
    plan: str
    left_out: dict[str, str]
    step: Callable[[str], None]
    outlines: bool = True
    errors: dict[str, str] = field(default_factory=dict, init=False)
    _fingerprints: dict[str, str] = field(default_factory=dict, init=False)
    _warm: set[str] = field(default_factory=set, init=False)
    """Keys of the rows that have predicted an image; a fingerprint's small picture does not count."""

    @property
    def rows(self) -> list[Row]:
        """The rows, each with its error if it failed."""
        return [replace(one.row, error=self.errors.get(one.row.key)) for one in self.combinations]

    def run(self) -> list[Row]:
        """Measure, and return the rows, each with its error if it failed."""
        for sample in self.dataset.samples:
            todo = [combination for combination in self.combinations if not self._done(sample, combination)]
            subject = self._read(sample) if todo else None
            if subject is not None:
                for combination in todo:
                    self.step(f"{combination.row.title} on {sample.name}")
                    self._attempt(combination, subject)
        return self.rows

    def _read(self, sample: SampleSource) -> "Subject | None":
        if sample.name in self.left_out:
            return None
        try:
            seen = sample.read()
            return Subject(sample, seen.photo, seen.truth, Edges.of(seen))
        except Exception as error:  # the other images are measured all the same
            self.left_out[sample.name] = reason_of(error)
            _log.warning("warning: %s is left out: %s", sample.name, reason_of(error))
            _log.debug("traceback", exc_info=error)
            return None

    def _attempt(self, combination: Combination, subject: "Subject") -> None:
        key = combination.row.key
        if key in self.errors:
            return
        try:
            self.journal.add(self._record(combination, subject))
            self._warm.add(key)
            return
        except Exception as error:  # the report shows which rows fail
            self.errors[key] = f"{subject.sample.name}: {reason_of(error)}"
            _log.warning("warning: %s fails on %s", combination.row.title, self.errors[key])
            _log.debug("traceback", exc_info=error)
        if torch.cuda.is_available():  # only here: in the handler the error still holds the prediction's tensors
            torch.cuda.empty_cache()

    def _record(self, combination: Combination, subject: "Subject") -> Record:
        row = combination.row.key
        cold = row not in self._warm
        depth, cost = measure_cost(partial(combination.predict, subject.photo), combination.options["device"])
        plan = self._plan(combination, subject.photo.size)
        cuts, convention = borders(plan, subject.photo.size), combination.backend.convention
        found = measure(depth, subject.truth, convention, cuts, self.outlines, subject.sample.max_depth, subject.edges)
        tiles = depth.options["tile_count"]
        own = found.tables["own"] | {"tiles": float(tiles)} | _costs(cost, tiles, cold)
        own |= subject.tile_consistency(combination, found) if tiles else {}
        if self.album:
            self.album.add(subject.sample.name, row, subject.photo, subject.truth, depth, found)
        return {
            "image": subject.sample.name,
            "row": row,
            "stamp": subject.sample.stamp,
            "fingerprint": self._fingerprint(combination),
            "size": list(subject.photo.size),
            "plan": _name(plan) if tiles else NO_TILES,
            "borders": _name(plan),
            "cold": cold,
            **{name: _plain(table) for name, table in (found.tables | {"own": own}).items()},
        }

    def _done(self, sample: SampleSource, combination: Combination) -> bool:
        key = combination.row.key
        record = self.journal.get(sample.name, key)
        if record is None or record.get("stamp") != sample.stamp:
            return False
        if not self._chosen_again(record, combination):
            return False
        drawn = self.album is None or self.album.complete(sample.name, key, self.dataset.has_truth)
        return drawn and record.get("fingerprint") == self._fingerprint(combination)

    def _chosen_again(self, record: Record, combination: Combination) -> bool:
        """Whether the plan is the same as when the record was made: what ``auto`` stands for may have changed."""
        height, width = record.get("size") or (0, 0)
        return height > 0 and record.get("borders") == _name(self._plan(combination, (height, width)))

    def _plan(self, combination: Combination, size: Size) -> TilePlan | None:
        """The plan whose tile borders seams are measured at, which of a row with tiles is its own."""
        return combination.plan(combination.options.get("plan", self.plan), size)

    def _fingerprint(self, combination: Combination) -> str:
        if self.journal.path is None:  # fingerprints are only compared with stored ones
            return ""
        key = combination.row.key
        if key not in self._fingerprints:
            # Without scikit-image outlines cannot be measured, and are as soon as it is installed.
            installed = versions("scikit-image") if self.outlines else versions()
            used = machine(combination.options["device"])
            facts = {"machine": used, "versions": installed, "plan": self.plan, "outlines": self.outlines}
            self._fingerprints[key] = fingerprint(combination, facts | {"truth": self.dataset.has_truth})
        return self._fingerprints[key]


@dataclass(frozen=True)
class Subject:
    """An image in memory, and the consistency of its tiles, which rows of the same alignment share.

    Args:
        sample: its source.
        photo: the image.
        truth: true depth in metres, or None.
        edges: those that the data set provides.
    """

    sample: SampleSource
    photo: Photo
    truth: Values | None
    edges: Edges
    _consistency: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)

    def tile_consistency(self, combination: Combination, found: Measurement) -> dict[str, float]:
        """Consistency errors of a row's tiles; see ``patchwrap.bench.consistency``."""
        plain = self._measured(PLANE, combination, found, {"fuser": "blend", "head": None})
        # Raw tiles are the same for every row; the naive average fuses them as they are.
        raw = {name: value for name, value in plain.items() if name.startswith("ce_raw")}
        if combination.aligner == RAW:
            return raw | {name.replace("_raw", ""): value for name, value in raw.items()}
        return self._measured(combination.aligner, combination, found, {}) | raw

    def _measured(
        self, aligner: tuple[str, str], combination: Combination, found: Measurement, options: dict[str, Any]
    ) -> dict[str, float]:
        if aligner not in self._consistency:
            convention = combination.backend.convention
            metric = self.truth is not None or convention.ambiguity == "metric"
            predict = partial(combination.predict, self.photo, **options)
            self._consistency[aligner] = tile_consistency(predict, found.coarse, convention, metric)
        return self._consistency[aligner]


def reason_of(error: BaseException) -> str:
    """Describe an error in one line."""
    if isinstance(error, PatchwrapError):
        return one_line(error)
    if is_out_of_memory(error):
        return "out of memory; take a smaller tile batch, smaller photos or another device"
    return named(error)


def _name(plan: TilePlan | None) -> str:
    return NO_TILES if plan is None else plan.name


def _costs(cost: Cost, tiles: int, cold: bool) -> dict[str, float]:
    memory = {"rss": cost.rss, "device_memory": cost.device_memory}
    if cold:
        return {"seconds_cold": cost.seconds, **memory}
    return {"seconds": cost.seconds, "tiles_per_second": tiles / cost.seconds if tiles else math.nan, **memory}


def _plain(table: dict[str, float]) -> dict[str, Any]:
    """Round to six digits; NaN and infinity, which JSON lacks, become None."""
    return {key: float(f"{value:.6g}") if math.isfinite(value) else None for key, value in table.items()}
