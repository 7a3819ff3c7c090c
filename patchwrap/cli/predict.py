"""``patchwrap predict``: pictures in, depth files out."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchwrap.cli.arguments import (
    DEFAULT_BACKEND,
    DEVICE,
    PLANS,
    ROLES,
    nonempty,
    nonempty_path,
    overlap,
    positive,
    words,
)
from patchwrap.cli.backend_options import add_backend_options, backend_options, check_known, check_role, requested
from patchwrap.cli.earlier_results import facts_of, split_by_existing
from patchwrap.cli.inputs import Job, Task, find_jobs, targets_of, unreadable
from patchwrap.cli.output_checks import check_folder, check_sources
from patchwrap.cli.report import Reporter, escape
from patchwrap.cli.signals import interrupted
from patchwrap.dtypes import DTYPES
from patchwrap.errors import OptionError
from patchwrap.fusers import AUTO, FUSERS
from patchwrap.outputs import FORMATS, exists, has_mark
from patchwrap.suffixes import HEIF, HEIF_ADVICE

if TYPE_CHECKING:
    from patchwrap.depth_map import DepthMap
    from patchwrap.engine import Engine
    from patchwrap.predict_options import PredictOptions

_DECISIVE = ("plan", "overlap", "fuser", "detail", "head", "mirror", "seed", "fov", "dtype")
"""Options of ``patchwrap.predict`` that decide what is predicted; they have the same names here."""
_SEE_CODES = "Exit codes: 0 all done, 1 some images failed, 2 nothing begun (usage), 130 interrupted."


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser(
        "predict", help="predict depth of pictures", description="Predict depth.", epilog=_SEE_CODES
    )
    parser.set_defaults(run=run)
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="picture, folder (searched) or quoted glob")
    parser.add_argument("-o", "--out", type=nonempty_path, required=True, help="folder; sub-folders are mirrored")
    _add_model_options(parser)
    _add_tile_options(parser)
    _add_output_options(parser)
    _add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Predict every picture; see ``main`` for the exit codes.

    Raises:
        PatchwrapError: before anything is computed, for impossible options and unusable outputs.
    """
    _check_options(args)
    jobs, faults = find_jobs(args.inputs, args.out)
    all_tasks = targets_of(jobs, args.out, args.formats, args.save_coarse)
    check_sources(all_tasks)
    tasks = all_tasks[args.shard]
    found = split_by_existing(tasks, args.skip_existing, args.overwrite, _asked(args))
    _tell_unreadable(args)
    _warn_of_changes(found.changed, args)
    with Reporter(len(tasks) + len(faults), args.quiet, args.verbose, args.json) as reporter:
        for name, fault in faults:
            reporter.failed(name, OptionError(fault))
        if not any(exists(job.source) for job in jobs) and (tasks or faults):
            _explain_missing(tasks, reporter)
            return 2
        _report_complete(found.complete, reporter)
        if found.todo:
            check_folder(args.out)
            engine = _build_engine(args, reporter)
            for job, targets in found.todo:
                _do(job, targets, engine, args, reporter)
        return 1 if reporter.failures else 0


def _report_complete(tasks: Sequence[Task], reporter: Reporter) -> None:
    """Report the pictures that are skipped since all their files exist."""
    for job, targets in tasks:
        existing = {key: path for key, path in targets.items() if exists(path)}
        reporter.finished(job.source, "skipped, all its files exist", "skipped", outputs=_names(existing))


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("backend")
    text = "NAME or NAME=CHECKPOINT, see patchwrap backends"
    group.add_argument("--backend", type=nonempty, metavar="B", help=f"{text} (default: {DEFAULT_BACKEND})")
    group.add_argument("--coarse", type=nonempty, metavar="B", help="another backend for the whole picture")
    group.add_argument("--fine", type=nonempty, metavar="B", help="another backend for the tiles")
    for role in ROLES:
        add_backend_options(group, role)
    group.add_argument("--device", default="auto", help=DEVICE)
    group.add_argument("--dtype", default="float32", choices=DTYPES, help="of the networks; 16 bits for GPUs")
    group.add_argument("--seed", type=int, default=0, help="of random tiles and random networks")
    text = (
        "horizontal field of view, in landscape 2*atan(18/f) with f the 35-mm-equivalent focal length in mm (default: "
        "from EXIF, or from a backend that estimates it)"
    )
    group.add_argument("--fov", type=float, metavar="DEGREES", help=text)


def _add_tile_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("tiles and fusion")
    group.add_argument("--plan", default="auto", help=PLANS)
    text = "least fraction of a tile shared with its neighbour, in [0, 0.9] (default: 0 for p16, otherwise .5)"
    group.add_argument("--overlap", type=overlap, metavar="F", help=text)
    text = "tiles predicted at once (default: %(default)s)"
    group.add_argument("--tile-batch-size", type=positive, default=4, metavar="N", help=text)
    group.add_argument("--tile-mode", metavar="M", help="how a diffusion backend makes tiles agree")
    text = "(default: poisson, or what the head asks for)"
    group.add_argument("--fuser", default="auto", choices=(AUTO, *FUSERS), help=text)
    text = "0: coarse map, 1: pure tiles (default: .5; .25 if no network learned from tiles; 1 if tiles are averaged)"
    group.add_argument("--detail", type=float, metavar="D", help=text)
    head = group.add_mutually_exclusive_group()
    text = "refine tiles with a fusion head: a file of patchwrap finetune's, universal (ours), or auto (the backend's)"
    head.add_argument("--head", nargs="?", const="auto", type=_head, metavar="FILE", help=text)
    text = "training-free fusion (the default)"
    head.add_argument("--no-head", dest="head", action="store_const", const=None, help=text)
    text = "align tiles to the mean of the whole picture's map and its mirror image's (default: the backend decides)"
    group.add_argument("--mirror", action=argparse.BooleanOptionalAction, help=text)
    group.add_argument("--no-tiles", action="store_true", help="coarse map only")


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "--format",
        dest="formats",
        type=_formats,
        default=["npy", "png", "color"],
        metavar="F,F",
        help=f"among {','.join(FORMATS)} (default: npy,png,color); a JSON sidecar is always written",
    )
    group.add_argument("--colormap", default="Spectral", help="of the colour picture (default: Spectral)")
    group.add_argument(
        "--save-coarse", action="store_true", help="also the coarse map, and coarse beside fused in colour"
    )
    existing = group.add_mutually_exclusive_group()
    text = "skip pictures whose files all exist and were made from the picture as it is now, with these options"
    existing.add_argument("--skip-existing", action="store_true", help=text)
    existing.add_argument("--overwrite", action="store_true", help="replace existing files")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("run")
    group.add_argument("--shard", type=_shard, default="1/1", metavar="I/N", help="do the I-th of N parts")
    group.add_argument("--json", action="store_true", help="print one JSON object per picture on stdout")
    group.add_argument("-q", "--quiet", action="store_true", help="errors only")
    group.add_argument("-v", "--verbose", action="store_true", help="show tracebacks, and why a result is made again")


def _check_options(args: argparse.Namespace) -> None:
    """Refuse what is impossible for any picture and can be told before torch is imported."""
    from patchwrap.predict_options import DEFAULTS, check_options

    check_known(_backend_names(args))
    for name, role in zip(_backend_names(args), ROLES):
        check_role(name, role, _options_of(args, role))
    check_options(DEFAULTS | _engine_options(args))


def _engine_options(args: argparse.Namespace) -> "PredictOptions":
    given: Any = {name: getattr(args, name) for name in (*_DECISIVE, "tile_batch_size", "device")}
    return given


def _build_engine(args: argparse.Namespace, reporter: Reporter) -> "Engine":
    """Check the remaining options and load the backends once for all pictures."""
    from patchwrap.engine import Engine
    from patchwrap.io import color_table

    color_table(args.colormap)
    backends = [requested(name, role, _options_of(args, role)) for name, role in zip(_backend_names(args), ROLES)]
    engine = Engine.build(*backends, tiles=not args.no_tiles, progress=reporter.tiles, **_engine_options(args))
    _check_points(args.formats, engine)
    _check_confidence(args, engine)
    return engine


def _backend_names(args: argparse.Namespace) -> tuple[str | None, str | None, str | None]:
    """Names for backend, coarse and fine; the default backend applies only without --coarse."""
    return args.backend or (None if args.coarse else DEFAULT_BACKEND), args.coarse, args.fine


def _options_of(args: argparse.Namespace, role: str) -> dict[str, Any]:
    mode = {"tile_mode": args.tile_mode} if args.tile_mode and role == _tile_role(args) else {}
    return mode | backend_options(args, role)


def _tile_role(args: argparse.Namespace) -> str:
    """Which of the backends predicts the tiles."""
    return "fine" if args.fine else "coarse" if args.coarse and not args.backend else "backend"


def _all_options(args: argparse.Namespace) -> dict[str, Any]:
    return {f"{role}_options": given for role in ROLES if (given := _options_of(args, role))}


def _check_points(formats: list[str], engine: "Engine") -> None:
    convention = engine.coarse.convention
    for name in ("ply", "glb"):
        if name in formats and (convention.ambiguity == "affine" or convention.space == "height"):
            raise OptionError(
                f"--format {name} needs distances; the backend's {convention} values give none. Leave it out"
            )


def _check_confidence(args: argparse.Namespace, engine: "Engine") -> None:
    from patchwrap.spec import PredictsConfidence

    if "confidence" in args.formats and args.no_tiles and not isinstance(engine.coarse, PredictsConfidence):
        raise OptionError("--format confidence needs tiles, as this backend gives none of its own. Drop --no-tiles")


def _do(job: Job, targets: dict[str, Path], engine: "Engine", args: argparse.Namespace, reporter: Reporter) -> None:
    """Predict and write one picture; an error is reported and does not stop the next one."""
    start = time.perf_counter()
    try:
        depth, written = _predict(job, targets, engine, args)
    except Exception as error:
        if interrupted():
            raise KeyboardInterrupt from error
        names = " or of backend ".join(["patchwrap", *map(repr, filter(None, _backend_names(args)))])
        reporter.failed(job.source, error, names)
        return
    seconds = time.perf_counter() - start
    if len(written) < len(targets):
        reporter.warn(f"{job.source}: no confidence written, since it fits into one tile and the backend predicts none")
    height, width = depth.size
    facts: dict[str, Any] = {
        "outputs": _names(written),
        "seconds": round(seconds, 3),
        "convention": str(depth.convention),
        "unit": depth.convention.unit,
        "width": width,
        "height": height,
    }
    reporter.finished(job.source, f"{seconds:.1f} s, {targets['json']}", **facts)


def _predict(
    job: Job, targets: dict[str, Path], engine: "Engine", args: argparse.Namespace
) -> tuple["DepthMap", dict[str, Path]]:
    """Return the map and the files that were written."""
    from patchwrap.io import read_image

    start = time.perf_counter()
    # Before it is read: a photo that is replaced meanwhile must not pass for the one that was predicted.
    file = facts_of(Path(job.source)) if exists(job.source) else None
    photo = read_image(job.source)
    decode = time.perf_counter() - start
    depth = engine(photo)
    backends = dict(zip(("backend", "coarse_backend", "fine_backend"), _backend_names(args)))
    options = {**depth.options, **backends, **_all_options(args), "asked": _asked(args), "file": file}
    written = _makeable(targets, depth, args.formats)
    if len(written) < len(targets):
        options["left_out"] = sorted(set(targets) - set(written))
    depth = replace(depth, timings={"decode": decode, **depth.timings}, options=options)
    # An earlier run's would lie beside files of another prediction.
    old = [path for key, path in targets.items() if key not in written and has_mark(path)]
    depth.save_as(written, photo, colormap=args.colormap, name=job.source, without=old)
    return depth, written


def _makeable(targets: dict[str, Path], depth: "DepthMap", formats: list[str]) -> dict[str, Path]:
    """Leave out the confidence that a map lacks, unless it is the only format: then saving it is an error."""
    if depth.confidence_map is not None or set(formats) == {"confidence"}:
        return targets
    return {key: path for key, path in targets.items() if key != "confidence"}


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    """The options that affect the written values, unlike device or tile batch size."""
    names = (*_DECISIVE, "no_tiles", "colormap")
    backends: dict[str, Any] = dict(zip(("backend", "coarse", "fine"), _backend_names(args)))
    return backends | {name: getattr(args, name) for name in names} | _all_options(args)


def _tell_unreadable(args: argparse.Namespace) -> None:
    """Say how many photos in the input folders are left out."""
    counts = {} if args.quiet else unreadable(args.inputs, args.out)
    if counts:
        total = sum(counts.values())
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))
        what = f"{total} file{'s' if total > 1 else ''} left out: {kinds}"
        heic = f", or {HEIF_ADVICE} for HEIC" if any(suffix in HEIF for suffix in counts) else ""
        print(f"{what}; convert to JPEG, PNG or TIFF first{heic}", file=sys.stderr)


def _warn_of_changes(changed: dict[str, list[str]], args: argparse.Namespace) -> None:
    """Warn that results are made again; with ``-v``, say why for each."""
    if not changed or args.quiet:
        return
    print(
        f"warning: {len(changed)} of the existing results were made from other pictures or with other options and are "
        "made again" + ("" if args.verbose else "; -v says which"),
        file=sys.stderr,
    )
    for source, differences in changed.items() if args.verbose else ():
        print(escape(f"{source}: {'; '.join(differences)}"), file=sys.stderr)


def _explain_missing(tasks: list[Task], reporter: Reporter) -> None:
    from patchwrap.io import read_image

    for job, _ in tasks:
        try:
            read_image(job.source)
        except Exception as error:
            reporter.failed(job.source, error)


def _names(targets: dict[str, Path]) -> dict[str, str]:
    return {key: str(path) for key, path in targets.items()}


def _formats(text: str) -> list[str]:
    names = words(text)
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(FORMATS)}")
    return names


def _shard(text: str) -> slice:
    """``I/N`` as every N-th, beginning with the I-th."""
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with 1 <= I <= N, such as 2/8")
    return slice(int(index) - 1, None, int(count))


def _head(text: str) -> str:
    if text not in ("auto", "universal") and not text.endswith(".safetensors"):
        why = "is no .safetensors file; write --head universal for the packaged one, --head auto for the backend's own"
        raise argparse.ArgumentTypeError(f"{text!r} {why}, or --head after the pictures")
    if text.endswith(".safetensors") and not exists(text):
        raise argparse.ArgumentTypeError(f"there is no file {text!r}; give one of patchwrap finetune's")
    return text
