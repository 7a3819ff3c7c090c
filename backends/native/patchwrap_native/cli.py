"""``patchwrap-native``: render scenes, train the trio, evaluate a checkpoint. Imports torch only to do work."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from patchwrap import OptionError, PatchwrapError

STAGES = ("coarse", "fine", "fusion")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; None for the real ones.

    Returns:
        0, 2 after a PatchwrapError, or 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except PatchwrapError as error:
        print(f"patchwrap-native: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("patchwrap-native", description="Make the native backend's weights.")
    verbs = parser.add_subparsers(required=True, metavar="render | train | evaluate")
    _add_render(verbs.add_parser("render", help="render scenes into shards; finished shards are left alone"))
    _add_train(verbs.add_parser("train", help="train coarse, fine and fusion network; goes on when interrupted"))
    _add_evaluate(verbs.add_parser("evaluate", help="measure a checkpoint on held-out shards, as JSON"))
    return parser


def _add_render(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("-o", "--out", type=Path, required=True, help="folder of the shards")
    verb.add_argument("--scenes", type=int, default=4800, help="how many scenes (default: %(default)s)")
    verb.add_argument("--first-seed", type=int, default=0, help="seeds from 1000000 on are held out from training")
    verb.add_argument("--pairs", type=int, default=2, help="pairs of overlapping tiles a scene (default: %(default)s)")
    verb.add_argument("--per-shard", type=int, default=64, help="scenes per shard (default: %(default)s)")
    verb.add_argument("--supersample", type=int, default=2, help="samples per pixel and axis (default: %(default)s)")
    verb.add_argument("--processes", type=int, default=2, help="how many render at once (default: %(default)s)")
    kinds = "of scenes, as in street,room (default: all that networks are trained on)"
    verb.add_argument("--kinds", type=_kinds, default=(), help=kinds)
    verb.add_argument("--minutes", type=float, default=1e6, help="begin no shard later than this")
    verb.set_defaults(run=_render)


def _add_train(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--shards", type=Path, required=True, help="folder of rendered scenes")
    verb.add_argument("--held-out", type=Path, required=True, help="folder of rendered held-out scenes")
    verb.add_argument("-o", "--out", type=Path, required=True, help="folder for checkpoints, weights and card")
    verb.add_argument("--minutes", type=float, default=60.0, help="of training; evaluations add to it (default: 60)")
    verb.add_argument("--steps", type=int, help="at most so many steps per stage")
    verb.add_argument("--batch-size", type=int, default=16, help="(default: %(default)s)")
    verb.add_argument("--rate", type=float, default=1.0, help="factor on the learning rates; less forgets less")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--device", default="cpu", help="auto, cpu, cuda … (default: %(default)s)")
    verb.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    verb.add_argument("--encoder", help="plain or timm:NAME (default: that of --start-from, else plain)")
    stages = f"networks that are trained, among {','.join(STAGES)} (default: all)"
    verb.add_argument("--stages", type=_stages, default=STAGES, help=stages)
    verb.add_argument("--start-from", type=Path, help="checkpoint whose networks training goes on from")
    verb.set_defaults(run=_train)


def _add_evaluate(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--held-out", type=Path, required=True, help="folder of rendered held-out scenes")
    verb.add_argument("--checkpoint", type=Path, help="default: the weights that ship")
    verb.set_defaults(run=_evaluate)


def _stages(text: str) -> tuple[str, ...]:
    stages = tuple(name for name in STAGES if name in text.split(","))
    if len(stages) != len(text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} is not made of the stages {', '.join(STAGES)} only.")
    return stages


def _kinds(text: str) -> tuple[str, ...]:
    from patchwrap.scenes import known_kinds

    try:
        return known_kinds(text.split(","))
    except OptionError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from problem


def _render(options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from patchwrap_native.rendering import RenderJob, render

    names = ("out", "scenes", "first_seed", "pairs", "per_shard", "supersample", "processes", "kinds")
    job = RenderJob(**{name: getattr(options, name) for name in names})
    with Progress(console=Console(stderr=True)) as bars:
        bar = bars.add_task("shards", total=None)
        render(
            job,
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
            seconds=60 * options.minutes,
        )


def _train(options: argparse.Namespace) -> None:
    from patchwrap_native.console import TrainingConsole
    from patchwrap_native.recipe import Recipe, train

    recipe = Recipe(**{name: value for name, value in vars(options).items() if name != "run"})
    with TrainingConsole() as console:
        path = train(recipe, console.report)
    print(path)


def _evaluate(options: argparse.Namespace) -> None:
    from patchwrap_native.evaluation import evaluate

    print(json.dumps(evaluate(options.held_out, options.checkpoint), indent=1))
