"""Train a small latent-diffusion depth model of Marigold's architecture from nothing but generated scenes.

Needs: ``pip install ".[scenes]" ./backends/native ./backends/diffusers`` and, for the scenes, ``apt-get install libegl1
libgl1-mesa-dri libgles2``

First render scenes to learn from and to measure on, then train; each of the three parts goes on where
it was interrupted, and if a part is given more time those after it begin anew:

    patchwrap-native render -o shards --scenes 6400
    patchwrap-native render -o heldout --scenes 128 --first-seed 1000000
    python examples/train_marigold.py --shards shards --held-out heldout -o marigold-small

The result is an ordinary diffusers folder that ``MarigoldDepthPipeline.from_pretrained`` reads. An
autoencoder of 0.7 M parameters learns to restore photos and inverse depth, and is frozen. A U-Net of
4.9 M learns v from a photo's latents and noisy depth latents; the last quarter of its time also
compares the decoded estimate with true inverse depth up to scale and shift, at every timestep.
``--start-from`` an earlier result goes on from its denoiser, best at a lower ``--rate``, and keeps its autoencoder.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from marigold.autoencoder import AutoencoderStage, Reconstruction, scale_latents, untrained_autoencoder
from marigold.denoiser import DenoiserStage, untrained_denoiser
from marigold.heldout import guesses
from marigold.pipeline import Network, save
from patchwrap.extension import digest
from patchwrap_native.budget import Budget
from patchwrap_native.console import TrainingConsole
from patchwrap_native.recipe import card_at
from patchwrap_native.shards import Shard, contents, open_shards, seeds_of
from patchwrap_native.trainer import History, Pace, Stage, Trainer

FINISH = 0.25
"""Share of the denoiser's time in which decoded pixels are part of the loss."""

PARTS = ("autoencoder", "denoiser", "finish")
"""In the order of their training."""

PACE = Pace(report_steps=50, evaluate_seconds=240.0, save_seconds=120.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, continuing an interrupted run; write the folder and its card.

    Raises:
        OptionError: if the folder holds the state of a training with other options or data.
    """
    options = _parser().parse_args(arguments)
    shards, held_out = open_shards(options.shards), open_shards(options.held_out)
    (options.out / "training").mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    with TrainingConsole() as console:
        session = Session(options, console)
        vae = session.autoencoder(shards, held_out)
        diffuse = session.denoiser(vae, shards, held_out)
    save(vae, diffuse.network, options.out)
    facts = card(options, diffuse, session.histories)
    (options.out / "card.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(options.out)


class Session:
    """Trains one part after another and records its progress.

    Args:
        options: of the command line.
        console: shows the progress.
    """

    def __init__(self, options: argparse.Namespace, console: TrainingConsole) -> None:
        self.options, self.console = options, console
        self.histories: dict[str, History] = {}

    def autoencoder(self, shards: Sequence[Shard], held_out: Sequence[Shard]) -> AutoencoderKL:
        """Train the autoencoder and set its latents' scale, or take an earlier one."""
        if folder := self.options.start_from:
            return earlier(AutoencoderKL, "vae", folder).to(self.options.device)
        size = max(1, self.options.batch_size // 4)
        stage = AutoencoderStage(
            Reconstruction(untrained_autoencoder()), shards, held_out, size, self.options.seed
        )
        self._train(stage, self.options.vae_minutes)
        scale_latents(stage.network.vae.eval(), shards)
        return stage.network.vae

    def denoiser(self, vae: AutoencoderKL, shards: Sequence[Shard], held_out: Sequence[Shard]) -> DenoiserStage:
        """Train the denoiser, in latents and then with the pixels in view."""
        size, seed, minutes = self.options.batch_size, self.options.seed, self.options.minutes
        folder = self.options.start_from
        # The autoencoder's training, whole or resumed, must not decide the first weights.
        torch.manual_seed(seed)
        network = earlier(UNet2DConditionModel, "unet", folder) if folder else untrained_denoiser()
        diffuse = DenoiserStage("denoiser", network, vae, shards, held_out, size, seed, self.options.rate)
        self._train(diffuse, (1 - FINISH) * minutes)
        finish = replace(diffuse, name="finish", rate=min(3e-4, self.options.rate), pixels=0.1)
        self._train(finish, FINISH * minutes)
        return finish

    def _train(self, stage: Stage, minutes: float) -> None:
        steps, device = self.options.steps, torch.device(self.options.device)
        budget = Budget(60 * minutes if steps is None else None, steps)
        state = self.options.out / "training" / f"{stage.name}.pt"
        trainer = Trainer(
            stage, budget, state, device, pace=PACE, memory_format=torch.contiguous_format,
            identity=identity(self.options, stage),
        )  # fmt: skip
        if trainer.progress < 1:
            # They learned from what is about to change, or would put their own older networks in its place.
            for later in PARTS[PARTS.index(stage.name) + 1 :]:
                state.with_name(f"{later}.pt").unlink(missing_ok=True)
        stage.network.load_state_dict(trainer.run(self.console.report).state_dict())
        self.histories[stage.name] = trainer.history


def earlier(network: type[Network], part: str, folder: Path) -> Network:
    """A network of an earlier result, which is stored in half precision."""
    return network.from_pretrained(folder, subfolder=part, torch_dtype=torch.float32)


def identity(options: argparse.Namespace, stage: Any) -> str:
    """What must not change when the training of a part resumes; its length and device may."""
    files = sorted(options.start_from.rglob("*.safetensors")) if options.start_from else []
    weights = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    scenes = contents(stage.shards, stage.held_out)
    return digest([stage.name, options.batch_size, options.rate, options.seed, weights, scenes])


def card(options: argparse.Namespace, stage: DenoiserStage, histories: dict[str, History]) -> dict[str, object]:
    """Describe the checkpoint."""
    parts = {"vae": stage.vae, "unet": stage.network}
    return {
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "convention": "inverse_depth:affine",
        "licence": "Apache-2.0",
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        "scenes": seeds_of(stage.shards),
        "batch_size": options.batch_size,
        "rate": options.rate,
        "seconds": {name: round(history.elapsed) for name, history in histories.items()},
        "held_out": histories["finish"].held_out[-1],
        "guesses": guesses(stage.frames),
        "history": {name: vars(history) for name, history in histories.items()},
        "started_from": card_at(options.start_from and options.start_from / "card.json"),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, required=True, help="folder of rendered scenes")
    parser.add_argument("--held-out", type=Path, required=True, help="folder of rendered held-out scenes")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the pipeline")
    parser.add_argument("--vae-minutes", type=float, default=12.0, help="for the autoencoder")
    parser.add_argument("--minutes", type=float, default=30.0, help="for the denoiser")
    parser.add_argument("--steps", type=int, help="train each part so many steps instead of minutes")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--start-from", type=Path, help="folder of an earlier pipeline to go on from")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate (default: 0.001)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
