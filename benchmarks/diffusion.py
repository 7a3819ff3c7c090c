"""Which way to denoise tiles is best? A diffusion backend's tile modes on held-out scenes.

How far raw tiles disagree before fusion, how good the fused map is, and what it costs, for every mode at the same
steps, beside the coarse map alone, one at twice the size and a naive average of independent tiles. Modes are compared
in pairs, image by image: 'not separable' where the interval of the difference holds 0 or a paired test disagrees.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import patchwrap
from patchwrap.bench.estimate import compare
from patchwrap.bench.report import Measure, Report, Row
from patchwrap.bench.tables import column_title, with_interval
from patchwrap.datasets.heldout import cache_folder
from quality import kind
from report import Result, Table, measured, parser, selected

CHECKPOINT = Path(__file__).parent / "checkpoints" / "marigold-small"
MODES = ("independent", "shared-noise", "coarse-start", "joint")
BESIDE = {"single": "coarse only", "double": "coarse at twice the size", "average": "independent, naive average"}
"""Titles of the rows that are compared with the modes, by their kind."""

COLUMNS = ("ce_raw_relative", "ce_relative", "abs_rel", "delta1", "boundary4", "see", "seconds", "rss")
COMPARED = ("ce_raw_relative", "ce_relative", "abs_rel", "delta1", "boundary4", "see", "seconds")


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.scenes, options.size, options.plan, options.steps = min(options.scenes, 2), "240x136", "1x2", 2
    reports = [compare_modes(options, modes) for modes in (MODES[:1], MODES[1:])]
    result = summarize(options, reports)
    result.tell(options.results, f", the whole reports to {options.results / 'diffusion'}")


def compare_modes(options: argparse.Namespace, modes: tuple[str, ...]) -> Report:
    """Measure some modes; stop if a row fails. The first mode is also fused by naive averaging."""
    settings = {"steps": options.steps, "noise": "gaussian"}
    load = partial(patchwrap.load_backend, "diffusers", options.checkpoint, **settings)
    backends = {mode: load(tile_mode=mode) for mode in modes}
    return measured(
        backends,
        f"generated:{options.scenes}@{options.size}",
        plans=[options.plan],
        baselines=["average"] if MODES[0] in modes else [],
        out=options.results / "diffusion" / modes[0],
        measures="quick",
        pictures=options.pictures,
        tile_batch_size=options.tile_batch_size,
        device=options.device,
        cache=options.cache,
    )


def summarize(options: argparse.Namespace, reports: list[Report]) -> Result:
    """The README's tables from the reports."""
    lines = dict(sorted(titled(reports), key=lambda line: _ORDER.index(line[0])))
    first = reports[0]
    columns = selected(first.measures, COLUMNS)
    body = [[title, *(cell(report, row, measure) for measure in columns)] for title, (report, row) in lines.items()]
    title = f"{len(first.images)} scenes of {first.data}, {options.steps} steps, plan {options.plan}"
    modes = {name: line for name, line in lines.items() if name in MODES}
    tables = {
        "diffusion": Table(title, ["", *map(column_title, columns)], body),
        "diffusion_pairs": pairs(modes, selected(columns, COMPARED)),
    }
    shown = {"checkpoint": Path(options.checkpoint).name, "data": first.data, "steps": options.steps}
    shown |= {"plan": options.plan, "tile_batch_size": options.tile_batch_size}
    data = {name: estimates(report, row) for name, (report, row) in lines.items()}
    return Result.now("diffusion", shown, tables, {"images": first.images, **data}, options.device)


_ORDER = (*BESIDE.values(), *MODES)


def titled(reports: list[Report]) -> Iterator[tuple[str, tuple[Report, Row]]]:
    """The rows that the table shows, with their titles; single passes are the same in every mode."""
    for report in reports:
        for row in report.rows:
            if kind(row) == "poisson":
                yield row.backend, (report, row)
            elif row.backend == MODES[0] and kind(row) in BESIDE:
                yield BESIDE[kind(row)], (report, row)


def cell(report: Report, row: Row, measure: Measure) -> str:
    """Format a mean and its interval."""
    found = report.tables["own"][row.key].get(measure.key)
    return with_interval(found.estimate if found else None, measure)


def pairs(modes: dict[str, tuple[Report, Row]], measures: list[Measure]) -> Table:
    """For every two modes the mean difference over the images, or that they are not separable."""
    body = []
    for (name, first), (other, second) in combinations(modes.items(), 2):
        differences = [
            compare(values(*first, one.key), values(*second, one.key), one.statistic) for one in measures
        ]
        told = [
            with_interval(found.difference, measure, "+") if found.separable else "not separable"
            for found, measure in zip(differences, measures)
        ]
        body.append([f"{name} minus {other}", *told])
    return Table("Modes in pairs, image by image", ["", *map(column_title, measures)], body)


def values(report: Report, row: Row, measure: str) -> np.ndarray:
    """One value per image."""
    found = {record["image"]: record["own"].get(measure) for record in report.records if record["row"] == row.key}
    return np.array([np.nan if found[image] is None else found[image] for image in report.images], float)


def estimates(report: Report, row: Row) -> dict[str, Any]:
    """Every measure of a row with its interval."""
    return {key: asdict(cell.estimate) for key, cell in report.tables["own"][row.key].items()}


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, "two tiny images")
    text = "short name, hub name or folder; by default this repository's"
    made.add_argument("--checkpoint", default=str(CHECKPOINT), help=text)
    made.add_argument("--plan", default="3x3", help="tile plan")
    made.add_argument("--steps", type=int, default=4, help="of denoising")
    made.add_argument("--scenes", type=int, default=8, help="how many images")
    made.add_argument("--size", default="3840x2160", help="WIDTHxHEIGHT of the scenes")
    made.add_argument("--pictures", type=int, default=2, help="of so many images in the whole reports")
    made.add_argument("--tile-batch-size", type=int, default=4)
    made.add_argument("--cache", type=Path, default=cache_folder(), help="keeps the generated scenes")
    made.add_argument("--device", default="auto")
    return made


if __name__ == "__main__":
    main()
