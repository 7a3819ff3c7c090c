"""How fast are scenes made, and how much of them lies near a depth step?

Frames a second at 512x384 with a process on every core; then 3840x2160 pictures one at a time on all cores, of
every kind, by what their seconds went to. Shaders are compiled before the clock starts, files are not written. A
pixel is near a step if within four pixels (in a square) two neighbours differ in depth by more than 5 %, or only
one is sky.
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float32
from rich.console import Console
from scipy.ndimage import maximum_filter

from patchwrap.datasets.heldout import FIRST_SEED
from patchwrap.scenes import KINDS, TRAINING_KINDS, Renderer, build_scene, renderer
from patchwrap.size import parse_size
from patchwrap.workers import workers
from report import Result, Table, parser, yes_no

SMALL = (384, 512)
STEP, NEAR = 1.05, 4
RATE, SECONDS, SHARE = 4.0, 3.0, 0.02
"""The aims: frames a second at 512x384, seconds a frame at 3840x2160 and the share of pixels near a depth step."""

STAGES = ("build", "draw", "read back")

Row = dict[str, float]
"""Seconds by stage, and the share of pixels near a depth step."""


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.size, options.frames, options.rate_frames = "160x90", 1, 2
    size = parse_size(options.size)
    rate = frames_a_second(options.rate_frames, os.cpu_count() or 1)
    with Renderer() as drawn_by, Console(stderr=True).status("") as status:
        kinds = {kind: measure(drawn_by, kind, options.frames, size, status.update) for kind in KINDS}
    result = summarize(rate, kinds, options)
    result.tell(options.results)


def frames_a_second(count: int, processes: int) -> float:
    """Frames of 512x384 that all processes together make in a second, the scenes' making included."""
    # Software OpenGL would take all cores in each process.
    threads = os.environ.get("LP_NUM_THREADS")
    os.environ["LP_NUM_THREADS"] = "1"
    try:
        with workers(processes) as pool:
            list(pool.map(small_frame, range(-len(TRAINING_KINDS) * processes, 0), chunksize=len(TRAINING_KINDS)))
            start = time.perf_counter()
            list(pool.map(small_frame, range(count)))
            return count / (time.perf_counter() - start)
    finally:
        del os.environ["LP_NUM_THREADS"]
        os.environ.update({"LP_NUM_THREADS": threads} if threads else {})


def small_frame(number: int) -> None:
    """Render one frame and discard it."""
    _own_renderer().render(build_scene(FIRST_SEED + number, TRAINING_KINDS[number % len(TRAINING_KINDS)]), SMALL)


@cache
def _own_renderer() -> Renderer:
    """The renderer of this process: a worker draws many frames."""
    return Renderer()


def measure(drawn_by: Renderer, kind: str, frames: int, size: tuple[int, int], tell: Callable[[str], Any]) -> list[Row]:
    """Render frames of a kind; one row per frame."""
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + frames):
        tell(f"{kind} {seed}")
        drawn_by.render(build_scene(seed, kind), (18, 32))
        rows.append(frame(drawn_by, kind, seed, size))
    return rows


def frame(drawn_by: Renderer, kind: str, seed: int, size: tuple[int, int]) -> Row:
    """Render one frame and return its seconds by stage."""
    start = time.perf_counter()
    scene = build_scene(seed, kind)
    built = time.perf_counter()
    with ReadBack() as reading:
        depth = drawn_by.render(scene, size).depth
    drawn = time.perf_counter() - built - reading.seconds
    return {"build": built - start, "draw": drawn, "read back": reading.seconds, "share": share_near_steps(depth)}


class ReadBack:
    """Clocks how long finished pixels take to come back from OpenGL."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._read = renderer._read

    def __enter__(self) -> "ReadBack":
        renderer._read = self._clocked
        return self

    def __exit__(self, *_: object) -> None:
        renderer._read = self._read

    def _clocked(self, buffer: Any, *how: Any) -> np.ndarray:
        # Drawing may still be under way: reading would wait for it.
        buffer.ctx.finish()
        start = time.perf_counter()
        pixels = self._read(buffer, *how)
        self.seconds += time.perf_counter() - start
        return pixels


def share_near_steps(depth: Float32[np.ndarray, "height width"]) -> float:
    """Share of pixels near a depth step, see above."""
    log = np.log(np.where(np.isfinite(depth), depth, np.float32(1e9)))
    steps = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        far = np.abs(np.diff(log, axis=axis)) > np.log(STEP)
        length = depth.shape[axis]
        for first in (0, 1):
            steps[tuple(slice(first, length - 1 + first) if n == axis else slice(None) for n in (0, 1))] |= far
    return float(maximum_filter(steps, 2 * NEAR + 1).mean())


def summarize(rate: float, kinds: dict[str, list[Row]], options: argparse.Namespace) -> Result:
    """The tables and their JSON."""
    means = {kind: averaged(rows) for kind, rows in kinds.items()}
    means["all"] = averaged(list(means.values()))
    columns = ["", *(f"{stage}, s" for stage in STAGES), "together, s", "near a depth step"]
    body = [
        [kind, *(f"{row[stage]:.2f}" for stage in STAGES), f"{total(row):.2f}", f"{row['share']:.1%}"]
        for kind, row in means.items()
    ]
    tables = {
        "scenes": Table(f"{options.frames} frames of each kind at {options.size}", columns, body),
        "scenes_aims": aims(rate, means["all"], options.size),
    }
    shown = {"size": options.size, "frames": options.frames, "rate_frames": options.rate_frames}
    return Result.now("scenes", shown, tables, {"frames_a_second": rate, "kinds": kinds})


def aims(rate: float, mean: Row, size: str) -> Table:
    """Measured values beside the aims."""
    seconds, share = total(mean), mean["share"]
    lines = [
        ["frames a second at 512x384", f"{rate:.1f}", judged(rate >= RATE, f"at least {RATE:g}")],
        [f"seconds a frame at {size}", f"{seconds:.2f}", judged(seconds <= SECONDS, f"at most {SECONDS:g}")],
        ["pixels near a depth step", f"{share:.1%}", judged(share >= SHARE, f"at least {SHARE:.0%}")],
    ]
    return Table("What training and evaluation need", ["", "measured", "aim"], lines)


def averaged(rows: list[Row]) -> Row:
    """The mean of each number."""
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def total(row: Row) -> float:
    """Seconds of all stages."""
    return sum(row[stage] for stage in STAGES)


def judged(reached: bool, aim: str) -> str:
    """An aim, and whether it is reached."""
    return f"{aim} ({yes_no(reached)})"


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, "a few tiny frames")
    made.add_argument("--size", default="3840x2160", help="WIDTHxHEIGHT of the large frames")
    made.add_argument("--frames", type=int, default=2, help="large frames of each kind")
    made.add_argument("--rate-frames", type=int, default=60, help="small frames")
    return made


if __name__ == "__main__":
    main()
