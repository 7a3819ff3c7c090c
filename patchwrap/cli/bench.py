"""``patchwrap bench``: compare backends, plans, fusers and heads on the same images."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from patchwrap.cli.arguments import (
    DEFAULT_BACKEND,
    DEVICE,
    PLANS,
    nonempty,
    nonempty_path,
    positive,
    positive_number,
    words,
)
from patchwrap.cli.output_checks import check_folder
from patchwrap.cli.step_bar import StepBar
from patchwrap.dtypes import DTYPES
from patchwrap.errors import BackendNotFoundError
from patchwrap.fusers import AUTO, FUSERS

_EPILOG = """\
data:
  generated:24@3840x2160  held-out generated scenes with exact depth (extra [scenes]); kept on disk
  generated:8@3840x2160:playground+workshop
                          such scenes of these kinds, here the two that no network is trained on
  FOLDER                  photos NAME.jpg, .png ... with depth beside them: NAME.npy or NAME.npz (metres, array
                          'depth'), as patchwrap scenes writes, or NAME_depth.png (16 bits times --depth-scale);
                          or photos alone, which are measured as far as that goes without truth
  KIND:FOLDER             a public data set as it is downloaded: unrealstereo4k, mvssynth, middlebury2014, eth3d,
                          booster, nyuv2, kitti, hypersim, diode, ibims1, sintel, spring (extra [datasets]); the kind
                          may be left out if the folder's layout tells it
  KIND:FOLDER/list.txt    the pictures of such a folder that a text file in it lists (a split)

A run in the same -o folder goes on where the last one stopped. Exit codes: 0 all done, 1 some rows or images
failed, 2 nothing begun (usage), 130 interrupted.
"""


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser(
        "bench",
        help="compare backends, plans, fusers and heads on the same images",
        description="Measure every combination on the same images by the same protocol, with a single pass, a single "
        "pass at twice the size, the naive tile average and min-max matching beside.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    _add_what(parser)
    _add_how(parser)
    parser.add_argument("-o", "--out", type=nonempty_path, required=True, help="folder of the report")
    parser.add_argument("--pictures", type=int, default=6, metavar="N", help="images with pictures (default: 6)")
    parser.add_argument("--json", action="store_true", help="print the report's JSON instead of its tables")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress and no tables")
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks of errors")


def run(args: argparse.Namespace) -> int:
    """Compare; see ``main`` for the exit codes.

    Raises:
        PatchwrapError: before anything is measured, for impossible options, unusable data and outputs.
    """
    _check_backends(args.backends, args.quiet)
    check_folder(args.out)
    from patchwrap.bench.runner import bench
    from patchwrap.bench.storage import JSON
    from patchwrap.bench.tables import show

    names = ("plans", "fusers", "heads", "baselines", "out", "count", "seed", "depth_scale", "pictures", "measures")
    options = {name: getattr(args, name) for name in (*names, "tile_batch_size", "device", "dtype")}
    with _tracebacks(args.verbose), StepBar(args.quiet) as bar:
        report = bench(args.backends, args.data, progress=bar, **options)
    if args.json:
        print(json.dumps(json.loads((args.out / JSON).read_text("utf-8"))))
    elif not args.quiet:
        show(report)
    if not args.quiet:
        print(f"{args.out}: {', '.join(sorted(path.name for path in args.out.glob('report.*')))}", file=sys.stderr)
    return 1 if report.left_out or any(row.error for row in report.rows) else 0


@contextmanager
def _tracebacks(wanted: bool) -> Iterator[None]:
    """Log tracebacks of failed rows and images if ``-v`` is given."""
    log, handler = logging.getLogger("patchwrap"), logging.StreamHandler()
    if wanted:
        log.addHandler(handler)
        log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


def _add_what(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is compared")
    names = "NAME or NAME=CHECKPOINT"
    group.add_argument("--backends", type=words, default=[DEFAULT_BACKEND], metavar="B,B", help=names)
    group.add_argument("--plans", type=words, default=["auto"], metavar="P,P", help=f"none, {PLANS}")
    group.add_argument("--fusers", type=words, default=["auto"], metavar="F,F", help=", ".join((AUTO, *FUSERS)))
    text = "none, auto (the backend's own fusion head), universal (ours), files of patchwrap finetune's"
    group.add_argument("--heads", type=words, default=["none"], metavar="H,H", help=text)
    text = "fusers beside every plan, or none (default: average,minmax)"
    group.add_argument("--baselines", type=_words_or_none, default=["average", "minmax"], metavar="F,F", help=text)
    text = (
        "quick leaves out D3R and drawn edges, which need the extra [bench] and ten seconds a map at 3840x2160 "
        "(default: all)"
    )
    group.add_argument("--measures", choices=("all", "quick"), default="all", help=text)
    group.add_argument("--device", default="auto", help=DEVICE)
    group.add_argument("--dtype", default="float32", choices=DTYPES, help="of the networks; 16 bits for GPUs")
    group.add_argument("--tile-batch-size", type=positive, default=4, metavar="N", help="tiles at once")


def _add_how(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("images")
    text = "see below (default: generated, that is generated:12@1920x1080)"
    group.add_argument("--data", type=nonempty, default="generated", help=text)
    group.add_argument("--count", type=positive, metavar="N", help="use at most N images")
    group.add_argument("--seed", type=int, default=0, help="of which those are, and of random tiles and networks")
    text = "metres of one step of a plain folder's PNG"
    group.add_argument("--depth-scale", type=positive_number, default=0.001, metavar="M", help=text)


def _check_backends(names: list[str], quiet: bool) -> None:
    """Fail before torch is imported if no name is known; tell of a few unknown ones before anything is measured.

    Not if ``quiet``: they are told again when it is their turn.
    """
    from patchwrap.plugins import find_backend

    unknown = []
    for name in names:
        try:
            find_backend(name.partition("=")[0])
        except BackendNotFoundError as error:
            unknown.append(error)
    if len(unknown) == len(names):
        raise unknown[0]
    for error in () if quiet else unknown:
        print(f"warning: {error}", file=sys.stderr, flush=True)


def _words_or_none(text: str) -> list[str]:
    return [] if text == "none" else words(text)
