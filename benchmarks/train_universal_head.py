"""Train the universal head: on the native trio without its own head, a small transformer, and simulated backbones.

The head that ships is made by ``python benchmarks/train_universal_head.py -o HEAD.safetensors --cache FOLDER``, twice
again with ``--start-from`` the last one. It learns from 80 procedural scenes of 1280x720 with exact depth: seeds from
500000, which no network has learned from and no benchmark measures on; five of them select. Backbones are frozen and
predict each scene by 2x2 and 3x3 tiles: the native trio, the transformer that ``train_depth_anything.py`` made, where
that lies in its place, and four simulated ones of other conventions and sizes, whose maps are the truth, spoilt: three
as much as the networks here are, one less, as larger ones are. The loss is that of ``patchwrap finetune``: truth, and
agreement of 2x2 tiles on depth and features; 8 tiles a step, 0.6 to 0.9 seconds, for ``--minutes``. Two cores take
beside these 15 minutes once for scenes and predictions (10 GB). What backbones predict and the training's state are
kept: an interrupted run goes on when called again in the same way. ``--leave-out`` trains without one of them, to be
tested on it, as ``heads.py`` does. The card tells how the head that ships differs: its first training had 32 scenes,
an earlier transformer and more weight on agreement, the second knew no sharper backbone, and the last had a rate of
.0007. Two of the scenes that selected in the second and the last, 500005_garden and 500019_hall, are among those that
the first learned from.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

import patchwrap
from patchwrap.cli.training_bar import TrainingBar
from patchwrap.datasets import SampleSource
from patchwrap.datasets.heldout import cache_folder, generated_samples
from patchwrap.finetune import SimulatedBackend
from patchwrap.finetune.runner import SCENES_FROM, finetune, state_file
from patchwrap.finetune.simulated import Faults
from patchwrap.size import parse_size

TRANSFORMER = Path(__file__).parent / "checkpoints" / "depth-anything-small"
SIMULATED = {
    "simulated": ("depth:scale", (240, 320)),
    "simulated-inverse": ("inverse_depth:affine", (256, 256)),
    "simulated-metric": ("depth:metric", (224, 384)),
}
"""Convention and processing size of each simulated backbone; ``--leave-out`` leaves out all of them together."""

SHARP = "simulated-sharp"
SLIGHT = Faults(1.5, 0.6, 0.12, 0.06, 0.15, 0.08, 0.8, 0.03, 0.01)
"""Smaller errors, about half as large, of a backbone that is better than the networks here."""


def main(arguments: list[str] | None = None) -> None:
    """Render, predict, train, write the head and its card."""
    options = parser(__doc__).parse_args(arguments)
    if options.short:
        shorten(options)
    torch.set_num_threads(options.threads)
    samples = scenes(options)
    known = backbones(options, samples) | {SHARP: _sharp(options, samples)}
    chosen = {name: one for name, one in known.items() if not name.startswith(options.leave_out)}
    if not chosen:
        raise SystemExit("every backbone is left out.")
    print(f"training on {', '.join(chosen)}")
    taught = list(chosen.values())
    train_head(taught, samples, options.out, options, universal=True, start_from=options.start_from)
    print(f"{options.out}: {options.out.stat().st_size / 2**20:.2f} MiB")


def train_head(
    taught: Any, samples: Sequence[SampleSource], out: Path, options: argparse.Namespace, **settings: Any
) -> None:
    """Train a head for one backbone or several; ``settings`` replace those of ``how``."""
    with TrainingBar(options.short, state_file(out)) as progress:
        finetune(
            taught,
            samples,
            out,
            cache=options.cache,
            device=options.device,
            progress=progress.told,
            on_step=progress.report,
            **(how(options) | settings),
        )


def scenes(options: argparse.Namespace) -> Sequence[SampleSource]:
    """Scenes to train on, rendered where there are none yet."""
    with Console(stderr=True).status("") as status:
        return generated_samples(
            options.scenes,
            options.size,
            options.scenes_cache,
            lambda done, total: status.update(f"rendering scene {done} of {total}"),
            SCENES_FROM,
        )


def backbones(options: argparse.Namespace, known: Sequence[SampleSource]) -> dict[str, Any]:
    """All backbones, by name.

    Args:
        options: where checkpoints lie.
        known: scenes whose true depth the simulated backbones need.
    """
    found: dict[str, Any] = {"native": patchwrap.load_backend(options.native)}
    if options.transformer.exists():
        found["transformer"] = patchwrap.load_backend("transformers", options.transformer)
    for seed, (name, (convention, processing)) in enumerate(SIMULATED.items()):
        size = (processing[0] // 3, processing[1] // 3) if options.short else processing
        found[name] = SimulatedBackend(known, convention, size, seed)
    return found


def _sharp(options: argparse.Namespace, known: Sequence[SampleSource]) -> SimulatedBackend:
    return SimulatedBackend(known, "inverse_depth:affine", (102, 135) if options.short else (308, 406), 3, SLIGHT)


def how(options: argparse.Namespace) -> dict[str, Any]:
    """Options of ``finetune`` that all trainings here share."""
    return {
        "steps": options.steps,
        "minutes": options.minutes,
        "plans": tuple(options.plans.split(",")),
        "batch_size": options.batch_size,
        "held_out": max(1, options.scenes // 16),
        "epoch": options.epoch,
        "consistency_weight": options.consistency_weight,
        "patience": 100,
    }


def shorten(options: argparse.Namespace) -> None:
    """Set the options for a short run: tiny scenes and a few steps."""
    options.scenes, options.size, options.plans = 2, (136, 240), "2x2"
    options.steps, options.minutes = 2, None


def parser(description: str | None, minutes: float = 30.0) -> argparse.ArgumentParser:
    """The options, which ``heads.py`` has too, with other minutes."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("-o", "--out", type=Path, default=Path("universal.safetensors"), help="the head, .safetensors")
    made.add_argument("--native", default="native", metavar="NAME", help="NAME or NAME=CHECKPOINT of the trio")
    text = "checkpoint of a small transformer, left out where there is none"
    made.add_argument("--transformer", type=Path, default=TRANSFORMER, metavar="FOLDER", help=text)
    made.add_argument("--leave-out", default="none of them", metavar="NAME", help="train without this backbone")
    made.add_argument("--start-from", type=Path, metavar="HEAD", help="a head whose training goes on")
    made.add_argument("--scenes", type=int, default=80, help="how many scenes (default: %(default)s)")
    made.add_argument("--size", type=parse_size, default=(720, 1280), help="WIDTHxHEIGHT of the scenes")
    made.add_argument("--plans", default="2x2,3x3", help="tile plans (default: %(default)s)")
    made.add_argument("--minutes", type=float, default=minutes, help="of steps alone (default: %(default)s)")
    made.add_argument("--steps", type=int, default=4000, help="at most so many (default: %(default)s)")
    made.add_argument("--epoch", type=int, default=150, help="steps between evaluations (default: %(default)s)")
    text = "weight of agreement: more costs edges (default: %(default)s)"
    made.add_argument("--consistency-weight", type=float, default=0.3, metavar="W", help=text)
    made.add_argument("--batch-size", type=int, default=8)
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--device", default="cpu")
    made.add_argument("--cache", type=Path, help="keeps what backbones predict")
    made.add_argument("--scenes-cache", type=Path, default=cache_folder(), help="keeps the scenes")
    made.add_argument("--short", action="store_true", help="tiny scenes and two steps, to see that it runs")
    return made


if __name__ == "__main__":
    main()
