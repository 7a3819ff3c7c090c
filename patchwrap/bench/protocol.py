"""How one map is measured, the same for every row. Never predicts and never averages."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float32

from patchwrap.bench.ruler import Distances, Ruler, own_ruler, true_ruler
from patchwrap.convention import DepthConvention
from patchwrap.datasets import Sample
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
from patchwrap.resampling import resize
from patchwrap.tiling import Size, TilePlan
from patchwrap.types import Mask, Values

_log = logging.getLogger("patchwrap")

ALIKE = DepthConvention("inverse_depth", "affine")
"""What a map that is known better is taken for, besides, so that all are fitted with as many numbers."""

PIXEL = 1.001
"""A step of exactly one is none, also where disparity has been float32 depth in between."""

Borders = tuple[Iterable[int], Iterable[int]]
"""Columns and rows at which tiles begin or end."""


@dataclass(frozen=True)
class Verdict:
    """What was found of one map.

    Args:
        tables: measures by alignment: ``own`` and, with true depth, ``coarse`` and ``alike``.
        own: how the map itself is brought to comparable units.
        coarse: how its coarse map is.
    """

    tables: dict[str, dict[str, float]]
    own: Ruler
    coarse: Ruler


@dataclass(frozen=True)
class Edges:
    """Edges that a data set tells of; None where true depth itself must show them.

    Args:
        steps: where SEE is measured.
        drawn: by hand, for the measures of drawn edges.
    """

    steps: Mask | None = None
    drawn: Mask | None = None

    @classmethod
    def of(cls, sample: Sample) -> "Edges":
        """SEE's are steps of more than a pixel of disparity where depth is from a stereo rig, as its papers have it."""
        disparity = sample.disparity
        return cls(None if disparity is None else disparity_edges(disparity, PIXEL), sample.edges)


@dataclass(frozen=True)
class Truth:
    """What maps of an image are measured against.

    Args:
        depth: metres.
        valid: the pixels that count.
        edges: that the data set tells of.
    """

    depth: Values
    valid: Mask
    edges: Edges


UNTOLD = Edges()
"""Of a data set that tells of none."""


def measure(
    depth: DepthMap,
    truth: Values | None,
    convention: DepthConvention,
    borders: Borders,
    outlines: bool = True,
    farthest: float = MAX_DEPTH,
    edges: Edges = UNTOLD,
) -> Verdict:
    """Measure one map.

    Pixels that a backend calls invalid count like all others, with the value of the nearest valid one:
    a backend gains nothing by leaving out what is hard.

    Args:
        depth: fused or coarse.
        truth: true depth in metres; None where there is none.
        convention: what the backend declares its numbers to be.
        borders: of the tiles, for ``seam``.
        outlines: whether D3R and drawn edges are measured, too, which takes ten seconds at 3840x2160.
        farthest: metres up to which truth counts and to which the map is clamped; never more than 80.
        edges: that the data set tells of.

    Raises:
        ConventionError: for heights where depth is known.
    """
    if truth is None:
        ruler = own_ruler(depth.coarse[np.isfinite(depth.coarse)], convention)
        found = {"seam": seam(ruler.flat(depth.values), *borders), "coarse_difference": _difference(depth, ruler)}
        return Verdict({"own": found}, ruler, ruler)
    far = min(farthest, MAX_DEPTH)
    known = Truth(truth, valid_mask(truth, far), edges)
    own = true_ruler(depth.values, truth, known.valid, convention, far)
    coarse = true_ruler(depth.coarse, truth, known.valid & np.isfinite(depth.coarse), convention, far)
    off = {"coarse_difference": _difference(depth, coarse)}
    tables = {"own": _against(known, depth.values, own, borders) | off}
    tables["coarse"] = _moved(tables["own"], known, depth.values, own, coarse, borders)
    tables["alike"] = _alike(known, depth.values, own, convention)
    # Slow, and blind to what tells the two alignments apart.
    tables["own"] = tables["own"] | (_outlines(own.units(depth.values), known) if outlines else {})
    return Verdict(tables, own, coarse)


def borders(plan: TilePlan | None, size: Size) -> Borders:
    """Columns and rows at which a regular tile of the plan begins or ends.

    Random tiles are left out: their borders lie everywhere.
    """
    tiles = [tile for layer in plan.layers for tile in layer.tiles(size)] if plan else []
    columns = {edge for tile in tiles for edge in (tile.left, tile.right)}
    return sorted(columns), sorted({edge for tile in tiles for edge in (tile.top, tile.bottom)})


def _against(truth: Truth, values: Values, ruler: Distances, borders: Borders) -> dict[str, float]:
    measures = evaluate(ruler.units(values), truth.depth, truth.valid, *borders, truth.edges.steps)
    return measures | {"clamped": ruler.fit.clamped_share(values, truth.valid)}


def _moved(
    found: dict[str, float], truth: Truth, values: Values, own: Distances, coarse: Distances, borders: Borders
) -> dict[str, float]:
    """The measures under the coarse map's alignment; those that no factor changes (but for clamping) are taken over."""
    if coarse == own:
        return found
    if own.fit.space == coarse.fit.space and own.fit.shift == coarse.fit.shift == 0:
        changed = errors(coarse.units(values), truth.depth, truth.valid, truth.edges.steps)
        return found | changed | {"clamped": coarse.fit.clamped_share(values, truth.valid)}
    return found | _against(truth, values, coarse, borders)


def _alike(truth: Truth, values: Values, own: Distances, convention: DepthConvention) -> dict[str, float]:
    """Errors of depth once scale and shift are fitted: of inverse depth, where the map's own rule fits fewer.

    One that lacks a factor alone is fitted with one number and one that lacks both with two: between their errors, each
    by its own rule, lies more than what they know of depth.
    """
    if convention.ambiguity == ALIKE.ambiguity:
        return depth_metrics(own.units(values), truth.depth, truth.valid)
    nearness = own.nearness(values)
    ruler = true_ruler(nearness, truth.depth, truth.valid, ALIKE, own.fit.far)
    return depth_metrics(ruler.units(nearness), truth.depth, truth.valid)


def _outlines(depth: Values, known: Truth) -> dict[str, float]:
    """The measures that need scikit-image; none without it."""
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


def _difference(depth: DepthMap, ruler: Ruler) -> float:
    """Mean absolute difference from the coarse map, of logarithms or shares, at the coarse map's sampling."""
    fused, coarse = (_seen_at(ruler.flat(values), depth.coarse_map.shape) for values in (depth.values, depth.coarse))
    return float(np.nanmean(np.abs(fused - coarse), dtype=np.float64))


def _seen_at(values: Values, size: tuple[int, ...]) -> Float32[np.ndarray, "rows columns"]:
    return resize(torch.from_numpy(np.ascontiguousarray(values))[None, None], (size[0], size[1]))[0, 0].numpy()
