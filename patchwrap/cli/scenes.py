"""``patchwrap scenes``: generated pictures with exact depth, as a folder of pairs.

A scene's kind follows from its position in the run, not from its seed: the first frame of ``--seed 10`` has the first
kind, whereas scene 10 of a run from seed 0 has the kind whose turn is at position 10.
"""

import argparse
import json
import os
import sys
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from patchwrap import __version__
from patchwrap.cli.arguments import nonempty_path
from patchwrap.cli.output_checks import check_folder
from patchwrap.cli.step_bar import StepBar
from patchwrap.errors import OptionError, OutputError
from patchwrap.size import parse_size
from patchwrap.workers import workers

ENDINGS = (".jpg", ".npy", ".json")


@dataclass(frozen=True)
class Order:
    """One frame to draw.

    Args:
        out: folder to write to.
        seed: of the scene.
        kind: kind of place.
        size: ``(height, width)`` in pixels.
    """

    out: Path
    seed: int
    kind: str
    size: tuple[int, int]

    @property
    def files(self) -> list[Path]:
        """Picture, depth and facts; the facts are written last, so that their presence means complete."""
        return [self.out / f"{self.seed:06d}_{self.kind}{ending}" for ending in ENDINGS]

    def complete(self) -> bool:
        """Whether all files are whole, at this size; pixels are not decoded."""
        picture, depth, facts = self.files
        try:
            return _picture_size(picture) == _depth_size(depth) == _noted_size(facts) == self.size
        except (OSError, ValueError, EOFError):
            return False

    def other_size(self) -> tuple[int, int] | None:
        """``(height, width)`` of an existing whole picture of another size; None if there is none."""
        try:
            size = _picture_size(self.files[0])
        except (OSError, ValueError):
            return None
        return None if size == self.size else size


def _picture_size(path: Path) -> tuple[int, int] | None:
    """``(height, width)`` of a JPEG; None if its end is missing."""
    from PIL import Image

    from patchwrap.io.decode import no_bomb_limit

    with path.open("rb") as stream:
        stream.seek(-2, os.SEEK_END)
        whole = stream.read() == b"\xff\xd9"
    with no_bomb_limit(), Image.open(path) as picture:
        return (picture.height, picture.width) if whole else None


def _depth_size(path: Path) -> tuple[int, ...]:
    """Shape of an array on disk, whose header must fit the file's size."""
    import numpy as np

    return np.load(path, mmap_mode="r").shape


def _noted_size(path: Path) -> tuple[object, object] | None:
    """Height and width of the facts."""
    about = json.loads(path.read_text(encoding="utf-8"))
    return (about.get("height"), about.get("width")) if isinstance(about, dict) else None


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser(
        "scenes",
        help="render generated pictures with exact depth",
        description="Render generated scenes: X.jpg, X.npy (float32 z in metres, the sky is inf), X.json (seed, kind, "
        "intrinsics). Frames that are complete at this size are left alone, so a stopped run goes on; damaged ones are "
        "drawn again. Exit codes: 0 all done, 1 a frame cannot be written, 2 nothing begun (usage), 130 interrupted. "
        "The kind of a scene follows from its position in the run, not from its seed: give the same --seed and --kinds "
        "again. Needs the extra [scenes] and OpenGL (Debian: libegl1 libgl1-mesa-dri libgles2).",
    )
    parser.set_defaults(run=run)
    parser.add_argument("-o", "--out", type=nonempty_path, required=True, help="output folder")
    parser.add_argument("--count", type=int, default=12, help="how many frames (default: %(default)s)")
    parser.add_argument("--size", default="1920x1080", metavar="WIDTHxHEIGHT", help="(default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the first scene, which has the first kind (default: %(default)s)"
    )
    parser.add_argument(
        "--kinds",
        help="comma-separated kinds, taken in turn (default: all but playground and workshop, kept for tests)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace frames of another size")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: all cores)")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks of errors")


def run(args: argparse.Namespace) -> int:
    """Draw what is missing; see ``main`` for the exit codes.

    Raises:
        OptionError: for an impossible size, kind or count, or if frames of another size exist.
        OutputError: if the folder cannot be written.
    """
    orders = _orders(args)
    missing = [order for order in orders if not order.complete()]
    if not missing:
        return 0
    if not args.overwrite:
        _check_sizes(missing)
    check_folder(args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    processes = min(args.jobs, len(missing))
    # Software OpenGL would take all cores in each process.
    os.environ.setdefault("LP_NUM_THREADS", str(max(1, args.jobs // processes)))
    try:
        with workers(processes) as pool, StepBar(args.quiet) as bar:
            tasks = [pool.submit(_draw, order) for order in missing]
            for done, task in enumerate(as_completed(tasks), start=1):
                bar(done, len(missing), task.result())
    except OutputError as error:  # only a drawn frame is written
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _check_sizes(orders: list[Order]) -> None:
    """Refuse to replace frames of another size.

    Raises:
        OptionError: naming the first of them.
    """
    for order in orders:
        if (size := order.other_size()) is not None:
            height, width = size
            raise OptionError(f"{str(order.files[0])!r} exists at {width}x{height}; take another -o, or --overwrite")


def _orders(args: argparse.Namespace) -> list[Order]:
    from patchwrap.scenes import TRAINING_KINDS, known_kinds

    kinds = known_kinds([kind.strip() for kind in args.kinds.split(",")]) if args.kinds else TRAINING_KINDS
    if args.count < 1 or args.jobs < 1:
        raise OptionError(f"--count {args.count} and --jobs {args.jobs} must be 1 or more.")
    if args.seed < 0:
        raise OptionError(f"--seed is {args.seed}; give 0 or more.")
    size = parse_size(args.size)
    seeds = range(args.seed, args.seed + args.count)
    return [Order(args.out, seed, kinds[n % len(kinds)], size) for n, seed in enumerate(seeds)]


@cache
def _renderer() -> Any:
    """One for each process, since its shaders take longer to compile than a small frame to draw."""
    from patchwrap.scenes import Renderer

    return Renderer()


def _draw(order: Order) -> str:
    from PIL import Image

    from patchwrap.io.encode import write_npy
    from patchwrap.io.files import remove, replacing, write_json
    from patchwrap.scenes import build_scene

    frame = _renderer().render(build_scene(order.seed, order.kind), order.size)
    picture, depth, facts = order.files
    # Old facts would vouch for a mixture of old and new files if this were interrupted.
    remove(facts)
    with replacing(picture) as stream:
        Image.fromarray(frame.image).save(stream, "JPEG", quality=95)
    write_npy(depth, frame.depth)
    height, width = order.size
    about = {"seed": order.seed, "kind": order.kind, "width": width, "height": height, "patchwrap": __version__}
    write_json(facts, about | {"intrinsics": asdict(frame.intrinsics), "unit": "m", "sky": "inf in the .npy"})
    return picture.name
