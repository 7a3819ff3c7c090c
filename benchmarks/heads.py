"""What does a fusion head gain? Own, universal and truthless heads of several backbones, on held-out scenes.

For each backbone: coarse map, training-free fusion, the universal head that never saw it, a head of its own, a head
trained on photos alone, and what is lost without the consistency terms or with those on depth alone; and what tiles
would give that were the truth. Heads that are not there yet are trained first, as ``train_universal_head.py`` trains:
a universal one for ``--minutes`` of steps on all other backbones, and from it each of the backbone's own for
``--own-steps``, but for two: that of photos alone begins with nothing, and that without consistency with a universal
head that never had it either. Such a head has neither the terms nor what all tiles say to begin with: it begins as its
own tile (``--consistency none --begin aligned``). Heads, predictions (with ``--cache`` as given there, those are
shared) and measured rows are kept: a run that was interrupted goes on. ``--measured`` does one backbone alone: each
has a result of its own, and what heads should gain is told of all that have one. Delete the folder of the heads to
train anew. Two cores take up to 20 minutes for scenes and predictions, and about half an hour for a backbone, most of
it for its six heads.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from patchwrap.bench.measures import MEASURES
from patchwrap.bench.report import Cell, Row
from patchwrap.bench.tables import column_title, number
from patchwrap.datasets import SampleSource
from patchwrap.datasets.heldout import generated_samples
from patchwrap.size import parse_size
from report import RESULTS, Result, Table, measured, selected, yes_no
from train_universal_head import SIMULATED, backbones, parser, scenes, shorten, train_head
from true_tiles import TrueTiles

OWN, UNIVERSAL, APART, TRUE = "own", "universal", "universal-no-consistency", "true"
WITHOUT = {"consistency": "none", "begin": "aligned"}
"""Options of a head without consistency: neither its loss terms nor the consensus of all tiles as initial output."""

VARIANTS: dict[str, dict[str, Any]] = {
    OWN: {},
    "no-gt": {"truth": False, "rate": 1e-3, "consistency_weight": 1.0},
    "no-consistency": WITHOUT,
    "depth-only": {"agree_on": "depth"},
}
UNIVERSALS: dict[str, dict[str, Any]] = {UNIVERSAL: {}, APART: WITHOUT}
STARTS = {OWN: UNIVERSAL, "depth-only": UNIVERSAL, "no-consistency": APART}
"""The head that a training starts from; those not listed start from new weights."""

OWN_PACE = {"rate": 4e-4, "epoch": 40, "consistency_weight": 0.8, "minutes": None}
"""Of heads that begin as one that knows its task: longer steps cost edges, more of them agreement on other scenes.
The weight is the least of 0.5, 0.8 and 1.2 that leaves, on the transformer and on scenes that are not measured here,
less than ``PAPER_CONSISTENCY`` of the disagreement.
"""

ROWS = {
    "single": "coarse only",
    "mirrored": "coarse only, mirrored",
    "none": "training-free fusion",
    TRUE: "tiles that are the truth, fitted and fused",
    "auto": "the backbone's own guided head",
    UNIVERSAL: "head (universal, backbone left out)",
    OWN: "head (own)",
    "no-gt": "head (own, photos alone)",
    "no-consistency": "head (own) without consistency",
    "depth-only": "head (own), consistency on depth alone",
}
"""Rows of the tables, by the head's variant."""

COLUMNS = ("abs_rel", "rmse", "see", "boundary4", "ce_relative", "seam", "seconds")
BACKBONES = ("native", "transformer", *SIMULATED)
"""Columns of the table of aims, in order."""

Means = Mapping[str, float]
"""A row's measures."""

OVER_PLAIN = {"abs_rel": "AbsRel", "rmse": "RMSE", "see": "SEE", "boundary4": "F1", "ce_relative": "CE"}
"""The measures in which a head must be better than training-free fusion."""

PAPER_GAINS = (0.173, 0.294)
"""PatchFusion's RMSE gains over its coarse model on two test sets (arXiv 2312.02284, abstract)."""

PAPER_CONSISTENCY = 0.24
"""CE with over CE without consistency: .049 over .208, a published ablation of PatchFusion's training."""


def main(arguments: list[str] | None = None) -> None:
    """Train what is missing, measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        _shorten(options)
    torch.set_num_threads(options.threads)
    train, judged = scenes(options), _held_out(options)
    known = {
        name: backend
        for name, backend in backbones(options, [*train, *judged]).items()
        if options.backbones is None or name in options.backbones
    }
    for name in options.measured or list(known)[:3]:
        backend = known[name]
        variants = [UNIVERSAL, *options.variants] if len(known) > 1 else options.variants
        heads = {one: trained(name, one, known, train, options) for one in variants}
        cells = cells_of(name, backend, ["none", "auto", *map(str, heads.values())], judged, options)
        ceiling = cells_of(f"{name}-{TRUE}", TrueTiles(backend, judged), ["auto"], judged, options)
        summarize(name, cells | {TRUE: ceiling["auto"]}, options).tell(options.results)
    shown = {"backbones": [name for name in BACKBONES if _place(name, options.results).exists()]}
    means = {name: _means(Result.read(_place(name, options.results))) for name in shown["backbones"]}
    Result.now("heads", shown, {"heads_aims": aims(means)}, {}, options.device).tell(options.results)


def trained(
    name: str, variant: str, known: Mapping[str, Any], train: Sequence[SampleSource], options: argparse.Namespace
) -> Path:
    """Return a head's file; train it if it is missing, after the head that it starts from."""
    wide = variant in UNIVERSALS
    path = options.heads / f"{variant}_{_family(name) if wide else name}.safetensors"
    if path.exists():
        return path
    others = [backend for other, backend in known.items() if _family(other) != _family(name)]
    start = trained(name, STARTS[variant], known, train, options) if variant in STARTS and others else None
    taught = (others or list(known.values())) if wide else known[name]
    pace = UNIVERSALS[variant] if wide else OWN_PACE | {"steps": options.own_steps} | VARIANTS[variant]
    print(f"== training {path.name}", file=sys.stderr, flush=True)
    train_head(taught, train, path, options, universal=wide, start_from=start, **pace)
    return path


def cells_of(
    name: str, backend: Any, heads: Sequence[str], judged: Sequence[SampleSource], options: argparse.Namespace
) -> dict[str, Mapping[str, Cell]]:
    """The measures of one backbone by variant; stops if a row fails."""
    report = measured(
        {name: backend},
        judged,
        plans=[options.plan],
        heads=heads,
        baselines=(),
        out=options.results / "heads" / name,
        pictures=options.pictures,
        measures="quick",
        device=options.device,
    )
    return {_variant(row): report.tables["own"][row.key] for row in report.rows}


def summarize(name: str, cells: Mapping[str, Mapping[str, Cell]], options: argparse.Namespace) -> Result:
    """The table of one backbone."""
    rows = {variant: cells[variant] for variant in ROWS if variant in cells}
    measures = selected(MEASURES, COLUMNS)
    lines = [[ROWS[variant], *(number(_mean(row, one.key), one) for one in measures)] for variant, row in rows.items()]
    table = Table(f"{name}: {options.count} held-out scenes", ["", *map(column_title, measures)], lines)
    estimates = {variant: {key: asdict(cell.estimate) for key, cell in row.items()} for variant, row in rows.items()}
    shown = {"minutes": options.minutes, "own_steps": options.own_steps, "scenes": options.scenes}
    shown |= {"plan": options.plan, "count": options.count}
    return Result.now(f"heads_{name}", shown, {f"heads_{name}": table}, estimates, options.device)


def aims(backbones: Mapping[str, Mapping[str, Means]]) -> Table:
    """Compare heads with their aims: gains over coarse map and training-free fusion, and agreement without blur.

    Args:
        backbones: of each the means of every variant's measures.
    """
    columns = {name: _owed(rows) for name, rows in backbones.items()}
    titles = dict.fromkeys(title for cells in columns.values() for title in cells)
    lines = [[title, *(cells.get(title, "–") for cells in columns.values())] for title in titles]
    return Table("What heads should gain", ["", *backbones], lines)


def _owed(rows: Mapping[str, Means]) -> dict[str, str]:
    """One backbone's column of the aims."""
    cells = {}
    for variant in (TRUE, OWN, UNIVERSAL, "no-gt"):
        if variant not in rows:
            continue
        gain = 1 - _ratio(rows, "rmse", variant, "single")
        wanted = " and ".join(f"{needed:.1%}" for needed in PAPER_GAINS)
        met = sum(gain >= needed for needed in PAPER_GAINS)
        cells[f"{ROWS[variant]}: RMSE below coarse, paper {wanted}"] = f"{gain:.1%} ({met} of 2)"
        ratios = [_ratio(rows, key, variant, "none") for key in OVER_PLAIN]
        title = f"{ROWS[variant]} over training-free: {' / '.join(OVER_PLAIN.values())}"
        cells[title] = " / ".join(f"{one:.3f}" for one in ratios)
    if "no-consistency" in rows:
        ce = _ratio(rows, "ce_relative", OWN, "no-consistency")
        title = f"CE over CE without consistency, at most {PAPER_CONSISTENCY}"
        cells[title] = f"{ce:.2f} ({yes_no(ce <= PAPER_CONSISTENCY)})"
        sharp = _ratio(rows, "boundary4", OWN, "none") >= 1 and _ratio(rows, "see", OWN, "none") <= 1
        cells["and F1 and SEE no worse than training-free"] = yes_no(sharp)
    return cells


def _ratio(rows: Mapping[str, Means], key: str, above: str, below: str) -> float:
    """A measure's mean of one variant over another's, NaN without either."""
    values = [rows.get(variant, {}).get(key, float("nan")) for variant in (above, below)]
    return values[0] / max(values[1], 1e-9)


def _variant(row: Row) -> str:
    """Which of ``ROWS`` a row of a report is."""
    return row.key.rpartition("-")[2] if row.plan == "none" else row.head.partition("_")[0]


def _means(result: Result) -> dict[str, Means]:
    """Of every variant of one backbone."""
    return {variant: {key: one["mean"] for key, one in cells.items()} for variant, cells in result.data.items()}


def _place(name: str, folder: Path) -> Path:
    return folder / f"heads_{name}.json"


def _mean(row: Mapping[str, Cell], key: str) -> float:
    return row[key].estimate.mean if key in row else float("nan")


def _family(name: str) -> str:
    """Backbones that count as one when one is left out: all simulated ones do."""
    return "simulated" if name in SIMULATED else name


def _held_out(options: argparse.Namespace) -> Sequence[SampleSource]:
    with Console(stderr=True).status("rendering"):
        return generated_samples(options.count, options.test_size, options.scenes_cache, lambda *_: None)


def _shorten(options: argparse.Namespace) -> None:
    """Set the options for a short run: the simulated backbone is the fastest to measure."""
    shorten(options)
    options.count, options.test_size, options.plan, options.pictures = 1, (136, 240), "2x2", 0
    options.backbones, options.measured, options.variants = ["native", "simulated"], ["simulated"], [OWN]
    options.heads, options.own_steps = options.results / "heads" / "trained", options.steps
    options.cache = options.cache or options.results / "heads" / "cache"


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, minutes=4.0)
    made.set_defaults(consistency_weight=1.0)
    made.add_argument("--heads", type=Path, default=RESULTS / "heads" / "trained", help="folder of the heads")
    made.add_argument("--backbones", type=lambda text: text.split(","), help="among native,transformer,simulated...")
    made.add_argument("--variants", type=lambda text: text.split(","), default=list(VARIANTS), help="heads to train")
    made.add_argument("--own-steps", type=int, default=160, help="of a backbone's own heads")
    made.add_argument("--plan", default="3x3", help="tile plan of the fused rows")
    made.add_argument("--count", type=int, default=8, help="how many held-out scenes")
    made.add_argument("--test-size", type=parse_size, default=(2160, 3840), help="WIDTHxHEIGHT of the held-out scenes")
    made.add_argument("--measured", type=lambda text: text.split(","), help="some of them (default: the first 3)")
    made.add_argument("--pictures", type=int, default=3)
    made.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON and the reports")
    made.add_argument("--backend", dest="native", help=argparse.SUPPRESS)  # as run_all calls every benchmark
    return made


if __name__ == "__main__":
    main()
