"""Train the universal head: on the native trio without its own head, a small transformer, and simulated backbones.

The head that ships is made by ``python benchmarks/train_universal_head.py -o HEAD.safetensors --cache FOLDER``. It
learns from 32 procedural scenes of 1280x720 with exact depth: seeds from 500000, which no network has learned from
and no benchmark measures on; two of them select. Backbones are frozen and predict each scene by 2x2 and 3x3 tiles:
the native trio, the transformer that ``train_depth_anything.py`` made, where that lies in its place, and three
simulated ones of other conventions and sizes, whose maps are the truth, spoilt. The loss is that of ``patchwrap
finetune``: truth, and agreement of 2x2 tiles on depth and features; 8 tiles a step, 0.6 to 0.9 seconds, for
``--minutes``. All in all two cores take 20 minutes: 3 for scenes and predictions (5 GB), 13 for steps, the rest for
evaluations. What backbones predict and the training's state are kept: an interrupted run goes on when called again
in the same way. ``--leave-out`` trains without one of them, to be tested on it, as ``heads.py`` does.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

import patchwrap
from patchwrap.bench.heldout import cache_folder, generated_samples
from patchwrap.cli.finetune import Progress
from patchwrap.datasets import Readable
from patchwrap.finetune import SimulatedBackend
from patchwrap.finetune.runner import SCENES_FROM, finetune
from patchwrap.size import parse_size

TRANSFORMER = Path(__file__).parent / "checkpoints" / "depth-anything-small"
SIMULATED = {
    "simulated": ("depth:scale", (240, 320)),
    "simulated-inverse": ("inverse_depth:affine", (256, 256)),
    "simulated-metric": ("depth:metric", (224, 384)),
}
"""Convention and processing size of each; all of them count as one when left out."""


def main(arguments: list[str] | None = None) -> None:
    """Render, predict, train, write the head and its card."""
    options = parser(__doc__).parse_args(arguments)
    if options.short:
        shorten(options)
    torch.set_num_threads(options.threads)
    samples = scenes(options)
    chosen = {name: one for name, one in backbones(options, samples).items() if not name.startswith(options.leave_out)}
    if not chosen:
        raise SystemExit("every backbone is left out.")
    print(f"training on {', '.join(chosen)}")
    with Progress(quiet=False) as progress:
        finetune(
            list(chosen.values()),
            samples,
            options.out,
            universal=True,
            start_from=options.start_from,
            cache=options.cache,
            device=options.device,
            told=progress.told,
            report=progress.report,
            **how(options),
        )
    print(f"{options.out}: {options.out.stat().st_size / 2**20:.2f} MiB")


def scenes(options: argparse.Namespace) -> Sequence[Readable]:
    """Scenes to train on, rendered where there are none yet."""
    with Console(stderr=True).status("") as status:
        return generated_samples(
            options.scenes,
            options.size,
            options.scenes_cache,
            lambda done, total: status.update(f"rendering scene {done} of {total}"),
            SCENES_FROM,
        )


def backbones(options: argparse.Namespace, known: Sequence[Readable]) -> dict[str, Any]:
    """All there are, by name.

    Args:
        options: where checkpoints lie.
        known: scenes that simulated backbones must know.
    """
    found: dict[str, Any] = {"native": patchwrap.load_backend(options.native)}
    if options.transformer.exists():
        found["transformer"] = patchwrap.load_backend("transformers", options.transformer)
    for seed, (name, (convention, processing)) in enumerate(SIMULATED.items()):
        size = (processing[0] // 3, processing[1] // 3) if options.short else processing
        found[name] = SimulatedBackend(known, convention, size, seed)
    return found


def how(options: argparse.Namespace) -> dict[str, Any]:
    """Options of ``finetune`` that all trainings of ours share."""
    return {
        "steps": options.steps,
        "minutes": options.minutes,
        "plans": tuple(options.plans.split(",")),
        "batch_size": options.batch_size,
        "held_out": max(1, options.scenes // 16),
        "epoch": options.epoch,
        "patience": 100,
    }


def shorten(options: argparse.Namespace) -> None:
    """Tiny scenes and a few steps: to see that it runs."""
    options.scenes, options.size, options.plans = 2, (136, 240), "2x2"
    options.steps, options.minutes = 2, None


def parser(description: str | None, minutes: float = 13.0) -> argparse.ArgumentParser:
    """The options, which ``heads.py`` has too, with other minutes."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("-o", "--out", type=Path, default=Path("universal.safetensors"), help="the head, .safetensors")
    made.add_argument("--native", default="native", metavar="NAME", help="NAME or NAME=CHECKPOINT of the trio")
    text = "checkpoint of a small transformer, left out where there is none"
    made.add_argument("--transformer", type=Path, default=TRANSFORMER, metavar="FOLDER", help=text)
    made.add_argument("--leave-out", default="none of them", metavar="NAME", help="train without this backbone")
    made.add_argument("--start-from", type=Path, metavar="HEAD", help="a head whose training goes on")
    made.add_argument("--scenes", type=int, default=32, help="how many scenes (default: %(default)s)")
    made.add_argument("--size", type=parse_size, default=(720, 1280), help="WIDTHxHEIGHT of the scenes")
    made.add_argument("--plans", default="2x2,3x3", help="tile plans (default: %(default)s)")
    made.add_argument("--minutes", type=float, default=minutes, help="of steps alone (default: %(default)s)")
    made.add_argument("--steps", type=int, default=4000, help="at most so many (default: %(default)s)")
    made.add_argument("--epoch", type=int, default=150, help="steps between evaluations (default: %(default)s)")
    made.add_argument("--batch-size", type=int, default=8)
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--device", default="cpu")
    made.add_argument("--cache", type=Path, help="keeps what backbones predict")
    made.add_argument("--scenes-cache", type=Path, default=cache_folder(), help="keeps the scenes")
    made.add_argument("--short", action="store_true", help="tiny scenes and two steps, to see that it runs")
    return made


if __name__ == "__main__":
    main()
