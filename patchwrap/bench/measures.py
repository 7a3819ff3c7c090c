"""The measures that a report can show, in the order of its columns."""

from dataclasses import replace

from patchwrap.bench.report import Measure
from patchwrap.metrics.boundary import WINDOWS

_WINDOW_TITLES = {window: "strict" if window == 1 else f"{window} px" for window in WINDOWS}
"""How the pixels over which a boundary is looked for are called in titles."""

_DEPTH = (
    Measure("abs_rel", "AbsRel", headline=True),
    Measure("sq_rel", "SqRel", unit="m"),
    Measure("rmse", "RMSE", form=".3f", unit="m", headline=True),
    Measure("rmse_log", "RMSE log"),
    Measure("log10", "log10"),
    Measure("silog", "SILog", form=".2f"),
    Measure("delta1", "δ1", "higher", headline=True),
    Measure("delta2", "δ2", "higher"),
    Measure("delta3", "δ3", "higher"),
    Measure("clamped", "clamped", "neither"),
)

_EDGES = tuple(
    Measure(f"boundary{window}{ending}", f"{what} {title}", "higher", headline=window == 4 and not ending)
    for window, title in _WINDOW_TITLES.items()
    for ending, what in (("", "F1"), ("_precision", "precision"), ("_recall", "recall"))
) + (
    Measure("see", "SEE", form=".3f", unit="m", headline=True),
    Measure("d3r", "D3R"),
    Measure("edge_accuracy", "DBE accuracy", form=".2f", unit="px"),
    Measure("edge_completeness", "DBE completeness", form=".2f", unit="px"),
    Measure("edge_f1", "Canny F1", "higher"),
    Measure("edge_precision", "Canny precision", "higher"),
    Measure("edge_recall", "Canny recall", "higher"),
)

_TILES = (
    Measure("ce", "CE", form=".3f", unit="m"),
    Measure("ce_relative", "CE relative", headline=True),
    Measure("ce_raw", "CE raw tiles", form=".3f", unit="m"),
    Measure("ce_raw_relative", "CE raw tiles relative"),
    Measure("seam", "seam", "one", form=".2f", headline=True),
    Measure("coarse_difference", "off coarse", "neither"),
)

_COST = (
    Measure("tiles", "tiles", "neither", form=".0f"),
    Measure("seconds", "warm", form=".2f", unit="s", statistic="median", headline=True),
    Measure("seconds_cold", "cold", form=".2f", unit="s"),
    Measure("tiles_per_second", "tiles per second", "higher", form=".2f", statistic="median"),
    Measure("rss", "memory", form=".0f", unit="MiB", statistic="largest"),
    Measure("device_memory", "device memory", form=".0f", unit="MiB", statistic="largest"),
)


def _in(group: str, measures: tuple[Measure, ...]) -> list[Measure]:
    return [replace(measure, group=group) for measure in measures]


MEASURES: list[Measure] = [*_in("depth", _DEPTH), *_in("edges", _EDGES), *_in("tiles", _TILES), *_in("cost", _COST)]
"""All columns; a report leaves out those without any value."""

GROUPS = {"depth": "Depth", "edges": "Edges", "tiles": "Tiles and seams", "cost": "Time and memory"}
"""Titles of the groups."""
