"""The whole training: three stages one after another, then the checkpoint and its card. Renders nothing."""

import json
import platform
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from patchwrap_native import checkpoint, crops
from patchwrap_native.budget import Budget
from patchwrap_native.checkpoint import Trio
from patchwrap_native.depth_stage import DepthStage
from patchwrap_native.folding import fold
from patchwrap_native.fusion_stage import FusionStage
from patchwrap_native.precision import Precision
from patchwrap_native.shards import Shard, open_shards
from patchwrap_native.trainer import History, Pace, Report, Stage, Trainer

SHARES = {"coarse": 0.45, "fine": 0.33, "fusion": 0.22}
"""Each stage's part of the time: a starved coarse network would make every later gain worthless."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training.

    Args:
        shards: folder of rendered scenes.
        held_out: folder of rendered scenes to measure on.
        out: folder for checkpoints, weights and card.
        minutes: wall time of all three stages, or None.
        steps: steps of each stage, or None; at least one of the two is given.
        batch_size: samples per step.
        seed: decides weights and batches.
        device: ``cpu``, ``cuda`` …
        precision: see ``precision.autocast``.
        encoder: ``plain`` or ``timm:NAME``.
    """

    shards: Path
    held_out: Path
    out: Path
    minutes: float | None = 60.0
    steps: int | None = None
    batch_size: int = 16
    seed: int = 0
    device: str = "cpu"
    precision: Precision = "auto"
    encoder: str = "plain"

    def budget(self, stage: str) -> Budget:
        """The limits of one stage."""
        seconds = None if self.minutes is None else 60 * self.minutes * SHARES[stage]
        return Budget(seconds, self.steps)


def train(recipe: Recipe, report: Report | None = None, pace: Pace | None = None) -> Path:
    """Train the three stages, going on where an interrupted run stopped.

    Args:
        recipe: what decides the training.
        report: told about progress.
        pace: how often to report, evaluate and save.

    Returns:
        The checkpoint, ``native.safetensors`` in the recipe's folder; ``native.json`` beside it is its card.
    """
    recipe.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    trio = Trio.untrained(recipe.encoder)
    shards, held_out = open_shards(recipe.shards), open_shards(recipe.held_out)
    histories = {}
    for name in SHARES:
        stage = _stage(name, recipe, trio, shards, held_out)
        trainer = Trainer(
            stage, recipe.budget(name), recipe.out / f"{name}.pt", torch.device(recipe.device), recipe.precision, pace
        )
        trained = trainer.run(report)
        trio = replace(trio, **{name: trained})
        histories[name] = trainer.history
    path = recipe.out / "native.safetensors"
    checkpoint.save(trio, path)
    card = make_card(recipe, trio, histories, shards, path)
    (recipe.out / "native.json").write_text(json.dumps(card, indent=1))
    return path


def _stage(name: str, recipe: Recipe, trio: Trio, shards: list[Shard], held_out: list[Shard]) -> Stage:
    device = torch.device(recipe.device)
    shared = {"batch_size": recipe.batch_size, "seed": recipe.seed, "device": device}
    if name == "coarse":
        return DepthStage(name, trio.coarse, crops.COARSE, shards, held_out, **shared)
    if name == "fine":
        # A tile's cues are the whole image's, only larger: starting from them saves most of the stage.
        trio.fine.load_state_dict(trio.coarse.state_dict())
        return DepthStage(
            name, trio.fine, crops.FINE, shards, held_out, gradient=1.0, full_from=0.5, rate=1.2e-3, **shared
        )
    frozen = [fold(network) for network in (_copy(trio.coarse), _copy(trio.fine))]
    return FusionStage(trio.fusion, *frozen, shards, held_out, **(shared | {"batch_size": recipe.batch_size // 2}))


def _copy(network: nn.Module) -> nn.Module:
    from copy import deepcopy

    return deepcopy(network).eval()


def make_card(
    recipe: Recipe, trio: Trio, histories: dict[str, History], shards: list[Shard], path: Path
) -> dict[str, object]:
    """Collect what one must know of a checkpoint.

    Args:
        recipe: what decided the training.
        trio: the trained networks.
        histories: what happened in each stage.
        shards: what was learned from.
        path: the checkpoint.
    """
    seeds = [scene["seed"] for shard in shards for scene in shard.scenes]
    return {
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "convention": "depth:scale",
        "licence": "Apache-2.0",
        "parameters": {name: sum(p.numel() for p in network.parameters()) for name, network in trio.parts.items()},
        "bytes": path.stat().st_size,
        "scenes": {"count": len(seeds), "first_seed": min(seeds), "last_seed": max(seeds)},
        "recipe": {name: str(v) if isinstance(v, Path) else v for name, v in asdict(recipe).items()},
        "stages": {name: asdict(history) for name, history in histories.items()},
        "held_out": {name: history.held_out[-1] for name, history in histories.items()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "machine": {"processor": platform.machine(), "threads": torch.get_num_threads(), "device": recipe.device},
    }
