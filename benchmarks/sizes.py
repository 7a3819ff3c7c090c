"""How does time grow with the photo? Photos of 2 to 48 megapixels in one run, one pass and two plans."""

import argparse
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console

import patchwrap
from patchwrap.datasets.heldout import cache_folder, generated_samples
from report import Result, Table, clocked, parser

MEGAPIXELS = (2, 8, 24, 48)
ONE_PASS = "one pass"
PLANS = ("auto", "p49")
DRAWN_AT = (2160, 3840)

Timings = dict[str, dict[str, list[tuple[float, int]]]]
"""Seconds and tiles of every repeat, by megapixels and way."""


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.megapixels, options.plans, options.repeats, options.drawn_at = (0.02, 0.2), ("auto",), 1, (136, 240)
    backend = patchwrap.load_backend(options.backend)
    drawn = generated_samples(1, options.drawn_at, options.cache, lambda done, total: None)[0].entry.image
    photos = {size: photo(drawn, size) for size in options.megapixels}
    result = summarize(measure(photos, backend, options), photos, options)
    result.tell(options.results)


def measure(photos: dict[float, np.ndarray], backend: Any, options: argparse.Namespace) -> Timings:
    """Time all sizes and ways in turn, round by round, so that other load on the machine affects all of them."""
    ways: dict[str, dict[str, Any]] = {ONE_PASS: {"tiles": False}, **{plan: {"plan": plan} for plan in options.plans}}
    found: Timings = {f"{size:g}": {way: [] for way in ways} for size in photos}
    with Console(stderr=True).status("") as status:
        for repeat in range(options.repeats + 1):
            for size, picture in photos.items():
                for way, chosen in ways.items():
                    status.update(f"round {repeat} of {options.repeats}: {size:g} MP, {way}")
                    taken = timed(picture, backend, chosen)
                    # The first round warms caches and kernels.
                    found[f"{size:g}"][way] += [taken] if repeat else []
    return found


def photo(path: Path, megapixels: float) -> np.ndarray:
    """A picture brought to a size."""
    with Image.open(path) as image:
        factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        size = round(image.width * factor), round(image.height * factor)
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))


def timed(picture: np.ndarray, backend: Any, options: dict[str, Any]) -> tuple[float, int]:
    """Seconds from decoded array to DepthMap, and tiles."""
    depth, taken = clocked(lambda: patchwrap.predict(picture, backend, **options))
    return taken, depth.options["tile_count"]


def summarize(found: Timings, photos: dict[float, np.ndarray], options: argparse.Namespace) -> Result:
    """The table and its JSON."""
    columns = ["photo", f"{ONE_PASS}, s"]
    columns += [f"{plan}, {what}" for plan in options.plans for what in ("s", "tiles", "tiles/s")]
    rows = []
    for size, picture in photos.items():
        timings = found[f"{size:g}"]
        row = [f"{size:g} MP ({picture.shape[1]}x{picture.shape[0]})", f"{seconds(timings[ONE_PASS]):.2f}"]
        for plan in options.plans:
            tiles, taken = timings[plan][0][1], seconds(timings[plan])
            row += [f"{taken:.2f}", str(tiles), f"{tiles / taken:.1f}" if tiles else "–"]
        rows.append(row)
    shown = {"backend": Path(options.backend).name, "megapixels": list(photos), "plans": list(options.plans)}
    table = Table("Decoded photo to DepthMap", columns, rows)
    return Result.now("sizes", shown | {"repeats": options.repeats}, {"sizes": table}, {"seconds and tiles": found})


def seconds(timings: list[tuple[float, int]]) -> float:
    """The median of repeats."""
    return median(taken for taken, _ in timings)


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, "two tiny photos once")
    made.add_argument("--backend", default="native", help="NAME or NAME=CHECKPOINT")
    made.add_argument("--megapixels", type=float, nargs="+", default=MEGAPIXELS)
    made.add_argument("--repeats", type=int, default=3)
    made.add_argument("--cache", type=Path, default=cache_folder(), help="keeps the generated scene")
    made.set_defaults(plans=PLANS, drawn_at=DRAWN_AT)
    return made


if __name__ == "__main__":
    main()
