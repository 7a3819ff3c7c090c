"""Does memory grow with tiles, or with the photo if the result is memory-mapped? Peak beyond networks and photo.

With a backend that only averages colours, so that only patchwrap is measured. First one photo and more and more
tiles, the limits as they are; then a photo that grows in height, tiled at its own resolution, with limits so low that
canvas and result are mapped files and fusion goes in blocks. Every case has a process of its own and is measured after
a small prediction that has loaded whatever is loaded once. Mapped pages count for as long as they are held.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import patchwrap
from patchwrap import DepthBatch, DepthConvention, Images, coarsening, scratch
from patchwrap.bench.cost import memory_mib
from patchwrap.size import parse_size
from report import Result, Table, parser

PLANS = ("p16", "p49", "p49+r64")
HEIGHTS = (1000, 2000, 4000, 8000)
TILES_OF_PHOTO = "slide:512x384"
LOW_LIMITS = {"bytes": 2**20, "pixels": 2**20}


class Average:
    """A backend that takes brightness for nearness."""

    convention = DepthConvention("inverse_depth", "affine")
    processing = (384, 512)

    def predict(self, images: Images) -> DepthBatch:
        """Average the colours."""
        return images.mean(1, keepdim=True)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON; as a child process predict once and print the memory."""
    options = _parser().parse_args(arguments)
    if options.case:
        print(json.dumps(child(json.loads(options.case))))
        return
    result = measure((300, 400), (400, 800)) if options.short else measure(options.size, HEIGHTS)
    result.tell(options.results)


def measure(size: tuple[int, int], heights: tuple[int, ...]) -> Result:
    """Every case, one after the other."""
    width = size[1]
    cases = [{"size": size, "plan": plan, "low": False} for plan in PLANS]
    cases += [{"size": (height, width), "plan": TILES_OF_PHOTO, "low": True} for height in heights]
    with Console(stderr=True).status("") as status:
        for case in cases:
            status.update(f"{_title(case)}, {case['plan']}")
            case |= _run(case)
    shown = {"size": f"{width}x{size[0]}", "plans": list(PLANS), "heights": list(heights), "limits": LOW_LIMITS}
    return Result.now("memory", shown, {"memory": table(cases)}, {"cases": cases})


def table(cases: list[dict[str, Any]]) -> Table:
    """One row per case."""
    columns = ["", "plan", "tiles", "photo, MiB", "result, MiB", "peak beyond networks and photo, MiB"]
    rows = [
        [_title(case), case["plan"], str(case["tiles"]), *(f"{case[key]:.0f}" for key in ("photo", "result", "beyond"))]
        for case in cases
    ]
    return Table("Memory", columns, rows)


def child(case: dict[str, Any]) -> dict[str, float]:
    """Predict one case and measure its memory in MiB."""
    backend = Average()
    patchwrap.predict(_photo((240, 320)), backend, plan="p16")
    if case["low"]:
        scratch.LIMIT, coarsening.WHOLE = LOW_LIMITS["bytes"], LOW_LIMITS["pixels"]
    photo = _photo(tuple(case["size"]))
    gc.collect()
    _forget_peak()
    before = memory_mib("VmRSS")
    depth = patchwrap.predict(photo, backend, plan=case["plan"])
    beyond = memory_mib("VmHWM") - before
    result = (depth.values.nbytes + depth.valid.nbytes) / 2**20
    return {"tiles": depth.options["tile_count"], "photo": photo.nbytes / 2**20, "result": result, "beyond": beyond}


def _photo(size: tuple[int, int]) -> np.ndarray:
    """Stripes over a slope, made row by row."""
    height, width = size
    photo = np.empty((height, width, 3), np.uint8)
    stripes = 20 * (np.arange(width) // 40 % 2)
    for row in range(height):
        photo[row] = (60 + 100 * row // height + stripes)[:, None]
    return photo


def _title(case: dict[str, Any]) -> str:
    height, width = case["size"]
    return f"{width}x{height}" + (", mapped" if case["low"] else "")


def _run(case: dict[str, Any]) -> dict[str, float]:
    line = [sys.executable, __file__, "--case", json.dumps(case)]
    # Memory that the C library keeps for later would be counted as well, and its amount varies.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**18)}
    done = subprocess.run(line, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def _forget_peak() -> None:
    """Reset the peak, see ``clear_refs`` in proc(5); Linux only."""
    Path("/proc/self/clear_refs").write_text("5")


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, "small photos")
    made.add_argument("--size", type=parse_size, default=(2000, 3000), help="WIDTHxHEIGHT, first part")
    made.add_argument("--case", help=argparse.SUPPRESS)
    return made


if __name__ == "__main__":
    main()
