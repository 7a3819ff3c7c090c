"""Which settings of alignment and fusion are best? Each is varied on its own; all numbers are ratios to the coarse map.

On generated scenes whose seeds no training and no other table uses: what is chosen here must not be judged here. A
ratio below 1 is a gain for errors, above 1 for boundaries.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

import patchwrap
from patchwrap import DepthMap, alignment, fusion
from patchwrap.datasets.heldout import cache_folder, generated_samples
from patchwrap.io import Photo
from patchwrap.metrics import align, boundary_scores, depth_metrics, valid_mask
from patchwrap.size import parse_size
from patchwrap.spec import Traits, fine_of
from patchwrap.types import Values
from report import Result, Table, parser

FIRST = 1000
"""Number of the first scene; the quality table's are the first two dozen."""

MEASURES = {"abs_rel": "AbsRel", "rmse": "RMSE", "rmse_log": "RMSE log", "boundary4": "F1 4 px"}

LEAST = 1e-3
"""Smaller values count as this: a coarse map without any boundary would make every ratio of its scene endless."""


class Setting(NamedTuple):
    """A constant of patchwrap and the values to try; the default comes first."""

    title: str
    module: ModuleType
    name: str
    values: tuple[float, ...]


SETTINGS = (
    Setting("scale prior", alignment, "LOG_SCALE_PRIOR", (0.05, 0.02, 0.25, 1.0)),
    Setting("tilt prior", alignment, "TILT_PRIOR", (0.5, 0.1, 2.0)),
    Setting("gate, log depth", alignment, "LOG_AGREEMENT", (0.3, 0.15, 0.6, 1.2)),
)
DETAIL = {
    True: Setting("detail", fusion, "DETAIL_TILE_TRAINED", (1 / 2, 1 / 4, 2 / 5, 2 / 3)),
    False: Setting("detail", fusion, "DETAIL_DEFAULT", (1 / 4, 1 / 13, 1 / 7, 2 / 5, 1 / 2)),
}
"""Of a backend that knows tiles, and of one that does not: crossovers from a quarter of a tile to six tiles."""
PLANS = ("3x3", "2x2", "4x4", "p49")
"""The first is what ``auto`` chooses at this size."""


def main(arguments: list[str] | None = None) -> None:
    """Try all settings, print a table, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.count, options.size = 1, (270, 480)
    backend = patchwrap.load_backend(options.backend)
    settings = (*SETTINGS, DETAIL[Traits.of(fine_of(backend) or backend).knows_tiles])
    rows: dict[str, list[dict[str, float]]] = {}
    with Console(stderr=True).status("rendering") as status:
        for sample in generated_samples(options.count, options.size, cache_folder(), lambda *_: None, FIRST):
            photo, truth = (seen := sample.read()).photo, seen.truth
            assert truth is not None
            for title, ratios in compared(backend, settings, photo, truth, options.head):
                status.update(f"{sample.name}: {title}")
                rows.setdefault(title, []).append(ratios)
    shown = {"backend": Path(options.backend).name, "head": options.head, "count": options.count}
    backend_name = "" if options.backend == "native" else f"_{shown['backend']}"
    name = f"defaults{backend_name}" + ("" if options.head == "none" else "_head")
    shown["data"] = f"generated {options.size[1]}x{options.size[0]}, scenes {FIRST} to {FIRST + options.count - 1}"
    result = Result.now(name, shown, {name: table(rows, settings)}, {"rows": rows})
    result.tell(options.results)


def compared(
    backend: Any, settings: Sequence[Setting], photo: Photo, truth: Values, head: str
) -> Iterator[tuple[str, dict[str, float]]]:
    """Every setting's ratios on one scene."""
    chosen = {"none": None, "auto": "auto"}[head]
    coarse = measure(patchwrap.predict(photo, backend, tiles=False), truth)

    def ratios(plan: str) -> dict[str, float]:
        fused = measure(patchwrap.predict(photo, backend, plan=plan, head=chosen), truth)
        return {name: max(fused[name], LEAST) / max(coarse[name], LEAST) for name in MEASURES}

    for plan in PLANS:
        yield f"plan {plan}", ratios(plan)
    for setting in settings:
        for value in setting.values:
            with put(setting, value):
                yield f"{setting.title} {value:.3g}", ratios(PLANS[0])


def measure(depth: DepthMap, truth: Values) -> dict[str, float]:
    """Error and boundaries of one map, aligned by its own convention's rule."""
    valid = valid_mask(truth)
    metres = align(depth.values, truth, valid, depth.convention)
    return depth_metrics(metres, truth, valid) | {"boundary4": boundary_scores(metres, truth, valid)[4].f1}


@contextmanager
def put(setting: Setting, value: float) -> Iterator[None]:
    """Context manager that replaces a constant."""
    before = getattr(setting.module, setting.name)
    setattr(setting.module, setting.name, value)
    try:
        yield
    finally:
        setattr(setting.module, setting.name, before)


def table(rows: dict[str, list[dict[str, float]]], settings: Sequence[Setting]) -> Table:
    """Geometric means over scenes, so that a ratio and its inverse cancel."""
    defaults = {f"plan {PLANS[0]}", *(f"{setting.title} {setting.values[0]:.3g}" for setting in settings)}
    lines = []
    for title, ratios in rows.items():
        means = [float(np.exp(np.mean([np.log(one[name]) for one in ratios]))) for name in MEASURES]
        lines.append([title + (" (default)" if title in defaults else ""), *(f"{mean:.3f}" for mean in means)])
    return Table("Fused against coarse", ["", *MEASURES.values()], lines)


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, "one small scene")
    made.add_argument("--backend", default="native", help="NAME or NAME=CHECKPOINT")
    made.add_argument("--head", choices=("none", "auto"), default="none", help="auto is the backend's own")
    made.add_argument("--count", type=int, default=4, help="how many scenes")
    made.add_argument("--size", type=parse_size, default=(2160, 3840), help="WIDTHxHEIGHT of the scenes")
    return made


if __name__ == "__main__":
    main()
