"""Train the universal head: on the native trio without its own head, a small transformer, and simulated backbones.

On procedural scenes with exact depth, others than any benchmark measures on. What the backbones predict is kept, and
an interrupted run goes on when called again. ``--leave-out`` trains without one of them, to be tested on it.
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

SIMULATED = {
    "simulated": ("depth:scale", (240, 320)),
    "simulated-inverse": ("inverse_depth:affine", (256, 256)),
    "simulated-metric": ("depth:metric", (224, 384)),
}
"""Convention and processing size of each; all of them count as one when left out."""


def main(arguments: list[str] | None = None) -> None:
    """Render, predict, train, write the head and its card."""
    options = parser(__doc__).parse_args(arguments)
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
    if options.transformer:
        found["transformer"] = patchwrap.load_backend("transformers", options.transformer)
    for seed, (name, (convention, processing)) in enumerate(SIMULATED.items()):
        found[name] = SimulatedBackend(known, convention, processing, seed)
    return found


def how(options: argparse.Namespace) -> dict[str, Any]:
    """Options of ``finetune`` that all trainings of ours share."""
    return {
        "steps": options.steps,
        "minutes": options.minutes,
        "plans": tuple(options.plans.split(",")),
        "batch_size": options.batch_size,
        "held_out": max(1, options.scenes // 8),
        "epoch": max(1, options.steps // 12),
        "patience": 100,
    }


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options, which ``heads.py`` has too."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("-o", "--out", type=Path, default=Path("universal.safetensors"), help="the head, .safetensors")
    made.add_argument("--native", default="native", metavar="NAME", help="NAME or NAME=CHECKPOINT of the trio")
    made.add_argument("--transformer", type=Path, metavar="FOLDER", help="checkpoint of a small transformer")
    made.add_argument("--leave-out", default="none of them", metavar="NAME", help="train without this backbone")
    made.add_argument("--start-from", type=Path, metavar="HEAD", help="a head whose training goes on")
    made.add_argument("--scenes", type=int, default=32, help="how many scenes (default: %(default)s)")
    made.add_argument("--size", type=parse_size, default=(720, 1280), help="WIDTHxHEIGHT of the scenes")
    made.add_argument("--plans", default="2x2,3x3", help="tile plans (default: %(default)s)")
    made.add_argument("--minutes", type=float, default=12.0, help="of training, predictions not counted (default: 12)")
    made.add_argument("--steps", type=int, default=1500, help="at most so many (default: %(default)s)")
    made.add_argument("--batch-size", type=int, default=8)
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--device", default="cpu")
    made.add_argument("--cache", type=Path, help="keeps what backbones predict")
    made.add_argument("--scenes-cache", type=Path, default=cache_folder(), help="keeps the scenes")
    return made


if __name__ == "__main__":
    main()
