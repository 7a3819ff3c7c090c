"""Measures one map, in the same way for every row."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from jaxtyping import Float32

from patchwrap.bench.unit_map import MetricUnits, UnitMap, own_unit_map, true_unit_map
from patchwrap.convention import DepthConvention
from patchwrap.datasets.sample import Sample
from patchwrap.depth_map import DepthMap
from patchwrap.errors import MissingExtraError
from patchwrap.metrics import (
    MAX_DEPTH,
    d3r,
    depth_metrics,
    disparity_edges,
    edge_accuracy_completeness,
    edge_f1,
    errors,
    evaluate,
    seam,
    valid_mask,
)
from patchwrap.resampling import resize_maps
from patchwrap.tiling import Size, TilePlan
from patchwrap.types import Mask, Values

_log = logging.getLogger("patchwrap")

COMMON_FIT = DepthConvention("inverse_depth", "affine")
"""The convention under which every map is measured a second time, with scale and shift fitted to true depth: maps of
different conventions are then fitted with the same number of unknowns. Reports store these measures as ``alike``."""

PIXEL = 1.001
"""Slightly more than one pixel of disparity, so that a step of exactly one stays no edge through float32 depth."""

Borders = tuple[Iterable[int], Iterable[int]]
"""Columns and rows at which tiles begin or end."""


@dataclass(frozen=True)
class Measurement:
    """The measures of one map.

    Args:
        tables: measures by alignment: ``own`` and, with true depth, ``coarse`` and ``alike``.
        own: units of the map itself.
        coarse: units of its coarse map.
    """

    tables: dict[str, dict[str, float]]
    own: UnitMap
    coarse: UnitMap


@dataclass(frozen=True)
class Edges:
    """Edges that a data set provides; None where they are taken from true depth.

    Args:
        steps: where SEE is measured.
        drawn: edges drawn by hand, for the measures of drawn edges.
    """

    steps: Mask | None = None
    drawn: Mask | None = None

    @classmethod
    def of(cls, sample: Sample) -> "Edges":
        """Edges of a sample; for stereo depth, steps of more than a pixel of disparity, as in the papers on SEE."""
        disparity = sample.disparity
        return cls(None if disparity is None else disparity_edges(disparity, PIXEL), sample.edges)


@dataclass(frozen=True)
class Truth:
    """True depth that maps of an image are measured against.

    Args:
        depth: true depth in metres.
        valid: the pixels that are evaluated.
        edges: those that the data set provides.
    """

    depth: Values
    valid: Mask
    edges: Edges


NO_EDGES = Edges()
"""Of a data set that provides none."""


def measure(
    depth: DepthMap,
    truth: Values | None,
    convention: DepthConvention,
    borders: Borders,
    outlines: bool = True,
    max_depth: float = MAX_DEPTH,
    edges: Edges = NO_EDGES,
) -> Measurement:
    """Measure one map.

    Pixels that a backend marks as invalid are evaluated like all others, with the value of the nearest valid one, so
    that a backend gains nothing by leaving out what is hard.

    Args:
        depth: a result of ``predict``, with or without tiles.
        truth: true depth in metres; None where there is none.
        convention: the backend's own.
        borders: of the tiles, for ``seam``.
        outlines: whether D3R and drawn edges are measured as well, which takes ten seconds at 3840x2160.
        max_depth: metres up to which truth is evaluated and to which the map is clamped; 80 at most.
        edges: those that the data set provides.

    Raises:
        ConventionError: for heights where depth is known.
    """
    if truth is None:
        unit_map = own_unit_map(depth.coarse[np.isfinite(depth.coarse)], convention)
        found = {"seam": seam(unit_map.flat(depth.values), *borders), "coarse_difference": _difference(depth, unit_map)}
        return Measurement({"own": found}, unit_map, unit_map)
    far = min(max_depth, MAX_DEPTH)
    known = Truth(truth, valid_mask(truth, far), edges)
    own = true_unit_map(depth.values, truth, known.valid, convention, far)
    coarse = true_unit_map(depth.coarse, truth, known.valid & np.isfinite(depth.coarse), convention, far)
    off = {"coarse_difference": _difference(depth, coarse)}
    tables = {"own": _against(known, depth.values, own, borders) | off}
    tables["coarse"] = _moved(tables["own"], known, depth.values, own, coarse, borders)
    tables["alike"] = _common_fit(known, depth.values, own, convention)
    # Slow, and the same under both alignments.
    tables["own"] = tables["own"] | (_outlines(own.units(depth.values), known) if outlines else {})
    return Measurement(tables, own, coarse)


def borders(plan: TilePlan | None, size: Size) -> Borders:
    """Columns and rows at which a regular tile of the plan begins or ends.

    Random tiles are left out: their borders lie everywhere.
    """
    tiles = [tile for layer in plan.layers for tile in layer.tiles(size)] if plan else []
    columns = {edge for tile in tiles for edge in (tile.left, tile.right)}
    return sorted(columns), sorted({edge for tile in tiles for edge in (tile.top, tile.bottom)})


def _against(truth: Truth, values: Values, unit_map: MetricUnits, borders: Borders) -> dict[str, float]:
    measures = evaluate(unit_map.units(values), truth.depth, truth.valid, *borders, truth.edges.steps)
    return measures | {"clamped": unit_map.fit.clamped_share(values, truth.valid)}


def _moved(
    found: dict[str, float], truth: Truth, values: Values, own: MetricUnits, coarse: MetricUnits, borders: Borders
) -> dict[str, float]:
    """The measures under the coarse map's alignment.

    Where the two alignments differ by a factor only, measures that do not depend on it (except for clamping) are kept.
    """
    if coarse == own:
        return found
    if own.fit.space == coarse.fit.space and own.fit.shift == coarse.fit.shift == 0:
        changed = errors(coarse.units(values), truth.depth, truth.valid, truth.edges.steps)
        return found | changed | {"clamped": coarse.fit.clamped_share(values, truth.valid)}
    return found | _against(truth, values, coarse, borders)


def _common_fit(truth: Truth, values: Values, own: MetricUnits, convention: DepthConvention) -> dict[str, float]:
    """Depth errors with scale and shift fitted, of inverse depth where the map's own rule fits fewer unknowns.

    By their own rules, a map of unknown scale is fitted with one number and an affine map with two, so their errors
    cannot be compared directly. The data set's own limit clamps the fitted depths only: before, it would flatten what
    a scale and a shift bring back.
    """
    if convention.ambiguity == COMMON_FIT.ambiguity:
        return depth_metrics(own.units(values), truth.depth, truth.valid)
    nearness = MetricUnits(replace(own.fit, far=MAX_DEPTH)).nearness(values)
    unit_map = true_unit_map(nearness, truth.depth, truth.valid, COMMON_FIT, own.fit.far)
    return depth_metrics(unit_map.units(nearness), truth.depth, truth.valid)


def _outlines(depth: Values, known: Truth) -> dict[str, float]:
    """The measures that need scikit-image; empty without it."""
    truth, valid = known.depth, known.valid
    try:
        apart = edge_accuracy_completeness(depth, truth, valid, known.edges.drawn)
        shared = edge_f1(depth, truth, valid)
        return {
            "d3r": d3r(depth, truth, valid),
            "edge_accuracy": apart.accuracy,
            "edge_completeness": apart.completeness,
            "edge_f1": shared.f1,
            "edge_precision": shared.precision,
            "edge_recall": shared.recall,
        }
    except MissingExtraError as error:
        _tell_once(str(error))
        return {}


@cache
def _tell_once(text: str) -> None:
    _log.warning("warning: D3R and measures of drawn edges are left out. %s", text)


def _difference(depth: DepthMap, unit_map: UnitMap) -> float:
    """Mean absolute difference from the coarse map at its resolution, of ``UnitMap.flat`` values."""
    fused, coarse = (_seen_at(unit_map.flat(values), depth.coarse_map.shape) for values in (depth.values, depth.coarse))
    return float(np.nanmean(np.abs(fused - coarse), dtype=np.float64))


def _seen_at(values: Values, size: tuple[int, ...]) -> Float32[np.ndarray, "rows columns"]:
    return resize_maps(torch.from_numpy(np.ascontiguousarray(values))[None, None], (size[0], size[1]))[0, 0].numpy()
