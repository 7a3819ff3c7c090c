"""What does patchwrap cost beside the networks? A large photo, the same networks, against a bare loop.

Wall time in one process from decoded array to DepthMap, interleaved with a bare loop that crops, resizes and predicts
the same pictures: the tiles, the whole and, where the backend asks for it, its mirror image (``bare.py``;
training-free, as the default is). Peak memory of each in a process of its own. Start-up, decoding and writing apart.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from rich.console import Console

import patchwrap
from bare import bare_loop
from patchwrap.bench.cost import STATUS, memory_mib
from patchwrap.datasets.heldout import cache_folder, generated_samples
from patchwrap.device import usable_device
from patchwrap.size import parse_size
from report import Result, Table, clocked, parser

AIM = 1.10
ROLES = ("nothing", "bare", "patchwrap")
"""What a child process may do before it prints its peak memory."""


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write JSON; as a child process do one thing and print its peak memory."""
    options = _parser().parse_args(arguments)
    if options.short:
        options.repeats, options.size, options.plan = 1, (540, 960), "p16"
    if options.child:
        print(json.dumps({"peak_mib": child(options)}))
        return
    picture = options.image or _photo(options)
    result = measure(picture, options)
    result.tell(options.results)


def measure(path: Path, options: argparse.Namespace) -> Result:
    """Measure all times and memory."""
    picture, decode = clocked(lambda: patchwrap.read_image(path).pixels)
    backend, load = clocked(lambda: patchwrap.load_backend(options.backend))
    device = usable_device("auto")
    times, depth = interleaved(picture, backend, device, options)
    with tempfile.TemporaryDirectory() as folder:
        _, write = clocked(lambda: depth.save(Path(folder) / "photo", image=picture))
    peaks = {role: _peak(role, path, options) for role in ROLES}
    seconds = {"start-up": _start_up(), "load backend": load, "decode": decode, "write npy + png": write}
    data = {"times": times, "peak_mib": peaks, "apart": seconds, "stages": depth.timings}
    shown = {
        "backend": Path(options.backend).name,
        "size": f"{picture.shape[1]}x{picture.shape[0]}",
        "plan": options.plan,
        "repeats": options.repeats,
        "tile_batch_size": options.tile_batch_size,
    }
    tables = {"overhead": overhead_table(data), "overhead_apart": apart_table(data)}
    return Result.now("overhead", shown, tables, data)


def interleaved(
    picture: np.ndarray, backend: Any, device: torch.device, options: argparse.Namespace
) -> tuple[dict[str, list[float]], patchwrap.DepthMap]:
    """Seconds of both ways in turn, after one unmeasured round; and the last DepthMap."""
    batch = options.tile_batch_size
    ways: dict[str, Callable[[], Any]] = {
        "patchwrap": lambda: patchwrap.predict(picture, backend, plan=options.plan, tile_batch_size=batch),
        "bare": lambda: bare_loop(picture, backend, options.plan, batch, device),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    depth = None
    with Console(stderr=True).status("") as status:
        for repeat in range(options.repeats + 1):
            for name, way in ways.items():
                status.update(f"round {repeat} of {options.repeats}: {name}")
                made, seconds = clocked(way)
                depth = made if name == "patchwrap" else depth
                # The first round warms caches and kernels.
                times[name] += [seconds] if repeat else []
    assert depth is not None
    return times, depth


def overhead_table(data: dict[str, Any]) -> Table:
    """Wall time and memory, side by side."""
    ours, bare = (median(data["times"][name]) for name in ("patchwrap", "bare"))
    peaks, base = data["peak_mib"], data["peak_mib"]["nothing"]
    ways = ("patchwrap", "bare")
    rows = [
        ["wall time, s", f"{ours:.2f}", f"{bare:.2f}", f"{ours / bare:.3f} (aim {AIM:.2f})"],
        ["peak memory, MiB", *(f"{peaks[way]:.0f}" for way in ways), ""],
        ["... beyond networks and photo", *(f"{peaks[way] - base:.0f}" for way in ways), ""],
    ]
    return Table("Decoded photo to DepthMap", ["", "patchwrap", "bare loop", "ratio"], rows)


def apart_table(data: dict[str, Any]) -> Table:
    """Times that are not part of the ratio, and how the time inside is spent."""
    inside = [[f"... {name}", f"{seconds:.2f}"] for name, seconds in data["stages"].items()]
    return Table("Apart", ["", "s"], [[name, f"{s:.2f}"] for name, s in data["apart"].items()] + inside)


def child(options: argparse.Namespace) -> float:
    """Do one thing and return this process's peak memory in MiB."""
    picture = patchwrap.read_image(options.image).pixels
    backend = patchwrap.load_backend(options.backend)
    batch = options.tile_batch_size
    if options.child == "patchwrap":
        patchwrap.predict(picture, backend, plan=options.plan, tile_batch_size=batch)
    if options.child == "bare":
        bare_loop(picture, backend, options.plan, batch, torch.device("cpu"))
    return _own_peak()


def _own_peak() -> float:
    """Peak memory of this process in MiB."""
    if STATUS.exists():
        # Not getrusage: on Linux a child inherits its parent's peak there.
        return memory_mib("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _peak(role: str, path: Path, options: argparse.Namespace) -> float:
    words = ["--child", role, "--image", str(path), "--backend", options.backend, "--plan", options.plan]
    line = [sys.executable, __file__, *words, "--tile-batch-size", str(options.tile_batch_size)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])["peak_mib"]


def _start_up() -> float:
    """Seconds of a fresh process that imports what a prediction needs."""
    line = [sys.executable, "-c", "import patchwrap; patchwrap.predict"]
    return clocked(lambda: subprocess.run(line, check=True))[1]


def _photo(options: argparse.Namespace) -> Path:
    return generated_samples(1, options.size, options.cache, lambda done, total: None)[0].entry.image


def _parser() -> argparse.ArgumentParser:
    made = parser(__doc__, "one small photo once")
    made.add_argument("--backend", default="native", help="NAME or NAME=CHECKPOINT")
    made.add_argument("--plan", default="p49")
    made.add_argument("--image", type=Path, help="a photo; by default a held-out generated scene")
    made.add_argument("--size", type=parse_size, default=(2160, 3840), help="WIDTHxHEIGHT")
    made.add_argument("--repeats", type=int, default=5)
    made.add_argument("--tile-batch-size", type=int, default=4)
    made.add_argument("--cache", type=Path, default=cache_folder(), help="keeps the generated scene")
    made.add_argument("--child", choices=ROLES, help=argparse.SUPPRESS)
    return made


if __name__ == "__main__":
    main()
