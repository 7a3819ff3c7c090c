"""Does fusion gain detail without losing the layout? Held-out pictures with exact depth, every way to fuse.

Prints one table with each map aligned by its own convention's rule, and one with the coarse map's
alignment put on all rows: the difference tells how far fusion drifted. Intervals are in the JSON.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

import patchwrap
from bootstrap import Mean
from contestants import COARSE, Contestant, behaviour, contestants
from heldout import Sample, cache_folder, folder_samples, generated_samples, parse_size
from journal import Journal, Record
from patchwrap import DepthMap, TilePlan
from patchwrap.metrics import Fit, evaluate, fit, valid_mask
from report import RESULTS, Result, Table

ALIGNMENTS = {"own": "each map by its own alignment", "coarse": "every map by the coarse map's alignment"}
PAPER_GAIN = 0.173
"""PatchFusion's own RMSE gain over its coarse model (arXiv 2312.02284, abstract)."""


class Measure(NamedTuple):
    """A column."""

    key: str
    title: str
    form: str


MEASURES = (
    Measure("abs_rel", "AbsRel ↓", ".4f"),
    Measure("rmse", "RMSE m ↓", ".3f"),
    Measure("rmse_log", "RMSE log ↓", ".4f"),
    Measure("delta1", "δ1 ↑", ".4f"),
    Measure("silog", "SILog ↓", ".2f"),
    Measure("boundary1", "F1 strict ↑", ".4f"),
    Measure("boundary4", "F1 4 px ↑", ".4f"),
    Measure("boundary16", "F1 16 px ↑", ".4f"),
    Measure("see", "SEE m ↓", ".3f"),
    Measure("seam", "seam →1", ".2f"),
    Measure("seconds", "s", ".1f"),
)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.count, options.size, options.plan = min(options.count, 2), (540, 960), "p16"
    backend = patchwrap.load_backend(options.backend)
    samples = _samples(options)
    rows = contestants(backend, options.plan, tile_batch_size=options.tile_batch_size, device=options.device)
    name = options.name or (f"quality_{options.data.name}" if options.data else "quality")
    shown = _shown(options, len(samples))
    journal = Journal(options.results / f"{name}.jsonl", shown | {"behaviour": behaviour(backend)})
    measure_all(samples, rows, options.plan, journal, Console(stderr=True))
    result = summarize(name, shown, [sample.name for sample in samples], rows, journal)
    result.show()
    print(f"Written to {result.write(options.results)}")


def measure_all(
    samples: list[Sample], rows: list[Contestant], plan: str, journal: Journal, console: Console
) -> None:
    """Measure what the journal does not hold yet."""
    with console.status("") as status:
        for number, sample in enumerate(samples, start=1):
            missing = [row for row in rows if (sample.name, row.key) not in journal]
            picture, gt = sample.read() if missing else (None, None)
            for row in missing:
                status.update(f"image {number} of {len(samples)}: {row.title}")
                # The coarse row comes first: its alignment is put on all.
                known = (sample.name, COARSE) in journal
                coarse = Fit(*journal[sample.name, COARSE]["fit"]) if known else None
                record = measure(row.predict(picture), gt, coarse, borders(plan, gt.shape))
                journal.add({"image": sample.name, "row": row.key, **record})


def measure(
    depth: DepthMap, gt: np.ndarray, coarse: Fit | None, edges: tuple[list[int], list[int]]
) -> Record:
    """Measure one map under both alignments.

    Args:
        depth: the map.
        gt: true depth in metres.
        coarse: the fit of the coarse map; None where this map is the coarse one.
        edges: columns and rows at which tiles begin or end.
    """
    valid = valid_mask(gt)
    own = fit(depth.values, gt, valid, depth.convention)
    record: Record = {"seconds": round(depth.timings["total"], 3), "fit": [own.space, own.scale, own.shift]}
    for name, chosen in {"own": own, "coarse": coarse or own}.items():
        measures = evaluate(chosen.apply(depth.values), gt, valid, *edges)
        record[name] = {key: round(value, 6) for key, value in measures.items()}
        record[name]["clamped"] = round(chosen.clamped_share(depth.values, valid), 6)
    return record


def summarize(
    name: str, options: dict[str, Any], images: list[str], rows: list[Contestant], journal: Journal
) -> Result:
    """Average over images, with intervals and paired differences from the coarse row."""
    data = {
        alignment: {row.key: _averages(images, row.key, alignment, journal) for row in rows}
        for alignment in ALIGNMENTS
    }
    columns = ["", *(measure.title for measure in MEASURES)]
    tables = {
        table: Table(
            f"{len(images)} held-out images, {ALIGNMENTS[alignment]}",
            columns,
            [[row.title, *_cells(data[alignment][row.key])] for row in rows],
        )
        for table, alignment in ((name, "own"), (f"{name}_drift", "coarse"))
    }
    tables[f"{name}_aims"] = aims(data["own"], rows)
    return Result.now(name, options, tables, {"images": images, **data})


def aims(data: dict[str, Any], rows: list[Contestant]) -> Table:
    """What the fused rows owe: gains over the coarse row and over the pass at twice the size."""
    fused = [row for row in rows if row.key in ("poisson", "head")]

    def reduced(measure: str, row: str, against: str) -> float:
        return 1 - data[row][measure]["mean"] / max(data[against][measure]["mean"], 1e-9)

    def cells(needed: float, values: list[float], form: str = ".1%") -> list[str]:
        return [f"{value:{form}} ({'yes' if value >= needed else 'no'})" for value in values]

    lines = []
    for measure, needed in (("rmse", PAPER_GAIN), ("rmse_log", PAPER_GAIN), ("abs_rel", 0.0)):
        title = f"{measure} below coarse by at least {needed:.1%}"
        lines.append([title, *cells(needed, [reduced(measure, row.key, COARSE) for row in fused])])
    if "double" in data:
        for measure in ("rmse", "rmse_log"):
            below = [reduced(measure, row.key, "double") for row in fused]
            lines.append([f"{measure} below the pass at twice the size", *cells(0.0, below)])
    factors = [1 - reduced("boundary4", row.key, COARSE) for row in fused]
    lines.append(["boundary F1 over 4 px at least twice coarse's", *cells(2.0, factors, ".2f")])
    return Table("What fusion should gain", ["", *(row.title for row in fused)], lines)


def _averages(images: list[str], row: str, alignment: str, journal: Journal) -> dict[str, Any]:
    averages = {}
    for measure in (measure.key for measure in MEASURES):
        values = np.array([_value(journal[image, row], alignment, measure) for image in images])
        reference = np.array([_value(journal[image, COARSE], alignment, measure) for image in images])
        averages[measure] = {**Mean.of(values).__dict__, "minus_coarse": Mean.of(values - reference).__dict__}
    clamped = [_value(journal[image, row], alignment, "clamped") for image in images]
    averages["clamped"] = Mean.of(np.array(clamped)).__dict__
    return averages


def _value(record: Record, alignment: str, measure: str) -> float:
    return record["seconds"] if measure == "seconds" else record[alignment][measure]


def _cells(averages: dict[str, Any]) -> list[str]:
    return [format(averages[measure.key]["mean"], measure.form) for measure in MEASURES]


def borders(plan: str, size: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Columns and rows at which a tile of the plan begins or ends."""
    tiles = TilePlan.parse(plan).tiles((size[0], size[1]))
    columns = {edge for tile in tiles for edge in (tile.left, tile.right)}
    rows = {edge for tile in tiles for edge in (tile.top, tile.bottom)}
    return sorted(columns), sorted(rows)


def _samples(options: argparse.Namespace) -> list[Sample]:
    if options.data:
        return folder_samples(options.data)[: options.count]
    with Console(stderr=True).status("") as status:
        progress = lambda done, total: status.update(f"scene {done} of {total}")  # noqa: E731
        return generated_samples(options.count, options.size, options.cache, progress)


def _shown(options: argparse.Namespace, count: int) -> dict[str, Any]:
    """The options that decide the numbers, without this machine's paths."""
    return {
        "backend": Path(options.backend).name,
        "plan": options.plan,
        "count": count,
        "data": options.data.name if options.data else f"generated {options.size[1]}x{options.size[0]}",
        "tile_batch_size": options.tile_batch_size,
        "device": options.device,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="native", help="NAME or NAME=CHECKPOINT")
    parser.add_argument("--plan", default="3x3", help="tile plan of the fused rows (auto's own for a photo this large)")
    parser.add_argument("--count", type=int, default=24, help="how many images")
    parser.add_argument("--size", type=parse_size, default=(2160, 3840), help="WIDTHxHEIGHT of the scenes")
    parser.add_argument("--data", type=Path, help="folder of pictures beside .npz (depth) or .npy, sky inf")
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="keeps the generated scenes")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--name", help="name of the result; by default quality or quality_FOLDER")
    parser.add_argument("--tile-batch-size", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--short", action="store_true", help="two small images, for CI")
    return parser


if __name__ == "__main__":
    main()
