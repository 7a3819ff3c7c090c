"""The columns of a comparison; never measures."""

from patchwrap.bench.report import Measure

WINDOWS = {1: "strict", 4: "4 px", 16: "16 px"}
"""Pixels over which a boundary is looked for, and how people call that."""

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
    Measure(f"boundary{window}{ending}", f"{what} {words}", "higher", headline=window == 4 and not ending)
    for window, words in WINDOWS.items()
    for ending, what in (("", "F1"), ("_precision", "precision"), ("_recall", "recall"))
) + (Measure("see", "SEE", form=".3f", unit="m", headline=True),)

_TILES = (
    Measure("ce", "CE", form=".3f", unit="m"),
    Measure("ce_relative", "CE relative", headline=True),
    Measure("ce_raw", "CE raw tiles", form=".3f", unit="m"),
    Measure("ce_raw_relative", "CE raw tiles relative"),
    Measure("seam", "seam", "one", form=".2f", headline=True),
    Measure("coarse_difference", "off coarse", "neither"),
)

_COST = (
    Measure("seconds", "warm", form=".2f", unit="s", statistic="median", headline=True),
    Measure("seconds_cold", "cold", form=".2f", unit="s"),
    Measure("tiles_per_second", "tiles per second", "higher", form=".2f", statistic="median"),
    Measure("rss", "memory", form=".0f", unit="MiB", statistic="largest"),
    Measure("device_memory", "device memory", form=".0f", unit="MiB", statistic="largest"),
)


def _in(group: str, measures: tuple[Measure, ...]) -> list[Measure]:
    return [Measure(**(measure.__dict__ | {"group": group})) for measure in measures]


MEASURES: list[Measure] = [*_in("depth", _DEPTH), *_in("edges", _EDGES), *_in("tiles", _TILES), *_in("cost", _COST)]
"""Every column. Those of no image in a comparison are left out of its report."""

GROUPS = {"depth": "Depth", "edges": "Edges", "tiles": "Tiles and seams", "cost": "Time and memory"}
"""How people call the groups."""
