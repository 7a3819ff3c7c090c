"""``patchwrap finetune``: train a fusion head for a backend."""

import argparse
from typing import Any

from patchwrap.cli.arguments import (
    DEFAULT_BACKEND,
    DEVICE,
    ROLES,
    nonempty,
    nonempty_path,
    positive,
    positive_number,
    seconds,
    words,
)
from patchwrap.cli.backend_options import add_backend_options, backend_options, check_known, requested
from patchwrap.cli.output_checks import check_file
from patchwrap.cli.training_bar import TrainingBar
from patchwrap.dtypes import DTYPES
from patchwrap.errors import OptionError

_EPILOG = """\
data:
  FOLDER                  photos with depth beside them: NAME.npy or NAME.npz (metres), or NAME_depth.png (16 bits
                          times --depth-scale); with --no-gt photos alone
  KIND:FOLDER             a public data set as it is downloaded (kinds: see patchwrap bench --help)
  KIND:FOLDER/list.txt    the pictures of such a folder that a text file in it lists (a split)
  generated:48@1920x1080  procedural scenes with exact depth (extra [scenes]); others than the ones bench measures on

The backend stays frozen unless --unfreeze decoder is given. An interrupted training goes on when the same command is
given again. Several processes: torchrun --nproc_per_node 2 -m patchwrap finetune ...
Needs the extra [finetune]. Exit codes: 0 trained, 1 failed, 2 nothing begun (usage), 130 interrupted.
"""


def register(subparsers: Any) -> None:
    """Add the verb and its options."""
    parser = subparsers.add_parser(
        "finetune",
        help="train a fusion head for a backend",
        description="Train a light fusion head so that overlapping tiles agree and come nearer to the truth.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    _add_what(parser)
    _add_how(parser)
    _add_losses(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks of errors")


def run(args: argparse.Namespace) -> int:
    """Train; see ``main`` for the exit codes.

    Raises:
        PatchwrapError: for impossible options, unusable data and outputs.
    """
    check_known((*_named(args), args.coarse, args.fine))
    check_file(args.out, ".safetensors", args.overwrite, ", or --start-from it to go on with another -o")
    from patchwrap.finetune.processes import Processes
    from patchwrap.finetune.recipe import Recipe
    from patchwrap.finetune.runner import finetune, state_file

    recipe = {name: getattr(args, name) for name in Recipe.__dataclass_fields__ if hasattr(args, name)}
    given = ("start_from", "count", "depth_scale", "cache", "device", "dtype", "tile_batch_size")
    backend, coarse, fine = _backends(args)
    first = Processes(args.device).first
    with TrainingBar(args.quiet or not first, state_file(args.out) if first else None) as progress:
        head = finetune(
            backend,
            args.data,
            args.out,
            coarse=coarse,
            fine=fine,
            save_seconds=args.save_every,
            progress=progress.told,
            on_step=progress.report,
            **{name: getattr(args, name) for name in given},
            **(recipe | {"truth": not args.no_gt, "plans": tuple(args.plans)}),
        )
        progress.finished(head.card.training, f"{args.out} and {args.out.with_suffix('.json').name}")
    return 0


def _named(args: argparse.Namespace) -> list[str]:
    """The values of --backend; the default applies only without --coarse."""
    return args.backend or ([] if args.coarse else [DEFAULT_BACKEND])


def _backends(args: argparse.Namespace) -> tuple[Any, Any, Any]:
    """Backend or backends, coarse and fine."""
    names = _named(args)
    if len(names) != 1 and (options := backend_options(args)):
        raise OptionError(
            f"{', '.join(options)} given for --backend, of which there are {len(names)}. Give one; several are loaded "
            "in Python: patchwrap.finetune([patchwrap.load_backend(...), ...], ...)"
        )
    coarse, fine = (requested(getattr(args, role), role, backend_options(args, role)) for role in ("coarse", "fine"))
    several = [requested(name, "backend", backend_options(args)) for name in names]
    if not several:
        return coarse, None, fine  # --coarse alone serves both passes
    return several[0] if len(several) == 1 else several, coarse, fine


def _add_what(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is trained on what")
    text = f"NAME or NAME=CHECKPOINT (default: {DEFAULT_BACKEND}); repeated, one head is trained for all"
    group.add_argument("--backend", action="append", type=nonempty, metavar="B", help=text)
    group.add_argument("--coarse", type=nonempty, metavar="B", help="another backend for the whole image")
    group.add_argument("--fine", type=nonempty, metavar="B", help="another backend for the tiles")
    for role in ROLES:
        add_backend_options(group, role)
    group.add_argument("--data", type=nonempty, required=True, help="see below")
    group.add_argument("-o", "--out", type=nonempty_path, required=True, metavar="FILE", help="the head, .safetensors")
    group.add_argument("--overwrite", action="store_true", help="replace an existing head")
    text = "a head whose training goes on, or universal"
    group.add_argument("--start-from", type=nonempty_path, metavar="HEAD", help=text)
    group.add_argument("--count", type=positive, metavar="N", help="use at most N images")
    group.add_argument("--held-out", type=positive, metavar="N", help="images kept for selection (default: an eighth)")
    text = "metres of one step of a 16-bit depth PNG"
    group.add_argument("--depth-scale", type=positive_number, default=0.001, metavar="M", help=text)
    place = "finetune in patchwrap's cache folder, on Linux ~/.cache/patchwrap"
    text = f"keeps what the backend predicts (default: {place})"
    group.add_argument("--cache", type=nonempty_path, metavar="DIR", help=text)
    text = "tile plans of predict except auto, slide and +rN, each with tiles of one size (default: 2x2,3x3)"
    group.add_argument("--plans", type=words, default=["2x2", "3x3"], metavar="P,P", help=text)


def _add_how(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument("--steps", type=positive, default=1000, metavar="N", help="(default: 1000)")
    group.add_argument("--minutes", type=float, metavar="M", help="train no longer than this")
    group.add_argument("--batch-size", type=positive, default=8, metavar="N", help="tiles at once (default: 8)")
    group.add_argument("--accumulate", type=positive, default=1, metavar="N", help="batches a step (default: 1)")
    group.add_argument("--rate", type=float, default=1e-3, metavar="R", help="highest learning rate (default: 0.001)")
    group.add_argument("--precision", choices=DTYPES, default="float32", help="of the head's multiplications")
    text = "steps between evaluations (default: a tenth of the training)"
    group.add_argument("--epoch", type=positive, metavar="N", help=text)
    text = "evaluations without a better one that end the training (default: 10)"
    group.add_argument("--patience", type=positive, default=10, metavar="N", help=text)
    text = "between two writes of the state, which evaluations write, too (default: 60)"
    group.add_argument("--save-every", type=seconds, default=60.0, metavar="SECONDS", help=text)
    group.add_argument("--seed", type=int, default=0, help="decides every batch")
    group.add_argument("--device", default="auto", help=f"{DEVICE}; mps needs torch 2.13 or newer")
    group.add_argument("--dtype", default="float32", choices=DTYPES, help="of the backend's networks; 16 bits for GPUs")
    group.add_argument("--tile-batch-size", type=positive, default=4, metavar="N", help="tiles predicted at once")


def _add_losses(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is asked for")
    group.add_argument("--no-gt", action="store_true", help="photos alone: agreement, anchored to the frozen result")
    text = (
        "which tiles are compared where they overlap: group: 2x2 neighbours with each other; pair: two at a time; none "
        "(default: group)"
    )
    group.add_argument("--consistency", choices=("group", "pair", "none"), default="group", help=text)
    text = "what they are compared by: depth, or also the head's features (default: depth+features)"
    group.add_argument("--agree-on", choices=("depth", "depth+features"), default="depth+features", help=text)
    text = "factor on the consistency terms (default: 1)"
    group.add_argument("--consistency-weight", type=float, default=1.0, metavar="W", help=text)
    text = "what an untrained head returns: the weighted mean of all tiles, or each aligned tile (default: agreed)"
    group.add_argument("--begin", choices=("agreed", "aligned"), default="agreed", help=text)
    group.add_argument("--guidance", action="store_true", help="show the head the backend's decoder features")
    text = "decoder also trains the tile backend's decoder, which slows evaluations (default: none)"
    group.add_argument("--unfreeze", choices=("none", "decoder"), default="none", help=text)
