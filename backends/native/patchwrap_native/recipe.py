"""The whole training: three stages one after another, then the checkpoint and its card. Renders nothing."""

import hashlib
import json
import math
import platform
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from patchwrap import OptionError, OutputError
from patchwrap.extension import check_seed, digest, usable_device, write_json
from patchwrap_native import checkpoint, crops
from patchwrap_native.budget import Budget
from patchwrap_native.calibration import calibrate
from patchwrap_native.checkpoint import Trio
from patchwrap_native.depth_stage import DepthStage
from patchwrap_native.folding import fold
from patchwrap_native.fusion_stage import FusionStage
from patchwrap_native.precision import NumberType
from patchwrap_native.shards import Shard, contents, open_shards, seeds_of
from patchwrap_native.trainer import History, Pace, Report, Stage, Trainer
from patchwrap_native.unet import UNet

SHARES = {"coarse": 0.50, "fine": 0.27, "fusion": 0.23}
"""Each stage's share of the time. Most goes to the coarse network, on which the later stages depend."""


@dataclass(frozen=True)
class Recipe:
    """All settings of a training.

    Args:
        shards: folder of rendered scenes.
        held_out: folder of rendered scenes to measure on.
        out: folder for checkpoints, weights and card.
        minutes: time of the steps of all stages, to which evaluations add, or None.
        steps: steps of each stage, or None; at least one of the two is given.
        batch_size: samples per step.
        rate: factor on each stage's peak learning rate; below 1, training goes on from weights and forgets less.
        seed: decides weights and batches.
        device: ``auto``, ``cpu``, ``cuda`` …
        precision: see ``precision.autocast``.
        encoder: ``plain`` or ``timm:NAME``; None is that of ``start_from``, else ``plain``.
        start_from: checkpoint whose networks training goes on from; None starts from random weights.
        stages: which networks are trained; the others stay as they are in ``start_from``. Without that, the coarse
            one alone, also serving for tiles, coarse and fine, or all.

    Raises:
        OptionError: for a number out of range.
    """

    shards: Path
    held_out: Path
    out: Path
    minutes: float | None = 60.0
    steps: int | None = None
    batch_size: int = 16
    rate: float = 1.0
    seed: int = 0
    device: str = "cpu"
    precision: NumberType = "auto"
    encoder: str | None = None
    start_from: Path | None = None
    stages: tuple[str, ...] = tuple(SHARES)

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.steps is None and self.minutes is None:
            raise OptionError("neither minutes nor steps is given. Give one of them or both.")
        if self.steps is not None and self.steps < 1:
            raise OptionError(f"steps {self.steps} is less than 1.")
        if self.batch_size < 2:
            raise OptionError(f"batch_size {self.batch_size} is less than 2: the fusion network learns from pairs.")
        for name in ("minutes", "rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise OptionError(f"{name} {value} is not a number above 0.")

    def budget(self, stage: str) -> Budget:
        """The limits of one stage."""
        share = SHARES[stage] / sum(SHARES[name] for name in self.stages)
        seconds = None if self.minutes is None else 60 * self.minutes * share
        return Budget(seconds, self.steps)


def train(recipe: Recipe, report: Report | None = None, pace: Pace | None = None) -> Path:
    """Train the three stages, resuming where an interrupted run stopped.

    Args:
        recipe: its settings.
        report: called with the progress.
        pace: how often to report, evaluate and save.

    Returns:
        The checkpoint, ``native.safetensors`` in the recipe's folder; ``native.json`` beside it is its card.

    Raises:
        CheckpointError: if a checkpoint or the state in the folder is damaged.
        OptionError: if the folder holds the state of another training, the device cannot be used, the encoder is not
            that of ``start_from``, a network would be trained on untrained ones or lose what it learned, or a scene is
            both among the shards and held out.
        OutputError: if the folder cannot be written.
        TrainingError: if the loss stays non-finite.
    """
    recipe = replace(recipe, device=str(usable_device(recipe.device)))
    _make_folder(recipe.out)
    torch.manual_seed(recipe.seed)
    trio = _begun(recipe)
    recipe = replace(recipe, encoder=str(trio.coarse.options["encoder"]))
    shards, held_out = open_shards(recipe.shards), open_shards(recipe.held_out)
    _check_apart(recipe, shards, held_out)
    histories = {}
    for name in recipe.stages:
        stage = _stage(name, recipe, trio, shards, held_out)
        stage.rate *= recipe.rate
        identity = _identity(recipe, name, shards, held_out)
        histories[name] = _train_stage(stage, recipe, identity, report, pace)
    if recipe.start_from is None and "fine" not in recipe.stages:
        trio.fine.load_state_dict(trio.coarse.state_dict())
    path = recipe.out / "native.safetensors"
    checkpoint.save(trio, path)
    card = make_card(recipe, trio, histories, shards, path)
    write_json(recipe.out / "native.json", card)
    return path


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {str(folder)!r}: {error.strerror or error}") from error


def _check_apart(recipe: Recipe, shards: list[Shard], held_out: list[Shard]) -> None:
    """Check that no scene is both trained on and measured on."""
    learned, measured = (
        {(scene["seed"], scene["kind"]) for shard in part for scene in shard.scenes} for part in (shards, held_out)
    )
    if shared := sorted(learned & measured):
        seed, kind = shared[0]
        raise OptionError(
            f"{len(shared)} scenes of {str(recipe.held_out)!r} are also in {str(recipe.shards)!r}, such as seed {seed} "
            f"({kind}); measured on, they would look better than new ones. Render others to hold out: "
            f"patchwrap-native render --first-seed 1000000 -o FOLDER"
        )


def _begun(recipe: Recipe) -> Trio:
    """The networks before training."""
    _check_kept(recipe)
    if recipe.start_from is None:
        _check_stages(recipe)
        return Trio.untrained(recipe.encoder or "plain")
    trio = checkpoint.load(recipe.start_from)
    own = trio.coarse.options["encoder"]
    if recipe.encoder not in (None, own):
        raise OptionError(
            f"{str(recipe.start_from)!r} has the encoder {own!r}, not {recipe.encoder!r}. Leave encoder out, or begin "
            "with random weights: without start_from."
        )
    return trio


def _check_kept(recipe: Recipe) -> None:
    """Check that the folder holds no training of a network that is not trained now."""
    for name in SHARES:
        if name not in recipe.stages and (recipe.out / f"{name}.pt").exists():
            raise OptionError(
                f"{str(recipe.out)!r} holds the training of the {name} network, which stages "
                f"{', '.join(recipe.stages)} leave out: the new checkpoint would not be made "
                f"from it. Train all of {', '.join(SHARES)}, or take another -o."
            )


def _check_stages(recipe: Recipe) -> None:
    """Check that random networks are trained in turn."""
    if recipe.stages != tuple(SHARES)[: len(recipe.stages)]:
        raise OptionError(
            f"stages {', '.join(recipe.stages)} leave out an earlier one, without which a network is built on random "
            f"ones. Give a checkpoint to start from, or train all of {', '.join(SHARES)}."
        )


def _identity(recipe: Recipe, name: str, shards: list[Shard], held_out: list[Shard]) -> str:
    """What must not change when a stage's training resumes; its length, device and later stages may."""
    options = {name: getattr(recipe, name) for name in ("batch_size", "rate", "seed", "precision", "encoder")}
    start = recipe.start_from and hashlib.sha256(recipe.start_from.read_bytes()).hexdigest()
    earlier = recipe.stages[: recipe.stages.index(name)]
    return digest([options, start, earlier, contents(shards, held_out)])


def _stage(name: str, recipe: Recipe, trio: Trio, shards: list[Shard], held_out: list[Shard]) -> Stage:
    size, seed, device = recipe.batch_size, recipe.seed, torch.device(recipe.device)
    if name == "coarse":
        coarse = DepthStage(name, trio.coarse, crops.COARSE, shards, held_out, size, seed, device=device)
        # A network that was trained before gains nothing from small samples.
        return replace(coarse, full_from=0.2 if recipe.start_from else coarse.full_from)
    if name == "fine":
        fine = DepthStage(name, trio.fine, crops.FINE, shards, held_out, size, seed, device=device)
        # The cues in a tile are those of the whole image, only larger: starting from the coarse network saves time.
        if recipe.start_from is None or _judges_tiles_better(trio.coarse, fine):
            trio.fine.load_state_dict(trio.coarse.state_dict())
        return replace(fine, full_from=0.3 if recipe.start_from else 0.5, rate=1.2e-3)
    frozen = fold(deepcopy(trio.coarse)), fold(deepcopy(trio.fine))
    return FusionStage(trio.fusion, *frozen, shards, held_out, size // 2, seed, device=device)


@torch.no_grad()
def _judges_tiles_better(coarse: UNet, fine: DepthStage) -> bool:
    """Whether the newly trained coarse network predicts tiles better than the earlier fine one."""
    networks = [network.to(fine.device).eval() for network in (coarse, fine.network)]
    of_coarse, of_fine = (fine.measured(network, fine.training_views()) for network in networks)
    # Views without a valid pixel have no such measure and decide nothing.
    return of_coarse.get("abs_rel_scaled", math.inf) < of_fine.get("abs_rel_scaled", math.inf)


def _train_stage(
    stage: Stage, recipe: Recipe, identity: str, report: Report | None, pace: Pace | None
) -> History:
    """Train a stage's network in place; it ends as the moving average, calibrated if it predicts depth."""
    state = recipe.out / f"{stage.name}.pt"
    device = torch.device(recipe.device)
    budget = recipe.budget(stage.name)
    trainer = Trainer(stage, budget, state, device, recipe.precision, pace, identity=identity)
    stage.network.load_state_dict(trainer.run(report).state_dict())
    stage.network.eval()
    if isinstance(stage, DepthStage):
        _calibrate(stage, trainer.history)
    return trainer.history


def _calibrate(stage: DepthStage, history: History) -> None:
    history.calibration = calibrate(stage.network, stage.training_views())
    # Measured after calibration: the card describes the network that is written.
    with torch.no_grad():
        measured = stage.evaluate(stage.network)
    history.held_out.append({"step": history.step, "seconds": round(history.elapsed, 1)} | measured)


def make_card(
    recipe: Recipe, trio: Trio, histories: dict[str, History], shards: list[Shard], path: Path
) -> dict[str, object]:
    """The card of a checkpoint: its data, settings, curves and measures.

    Args:
        recipe: the settings of the training.
        trio: the trained networks.
        histories: the curves of each stage.
        shards: the training data.
        path: the checkpoint.
    """
    return {
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "convention": "depth:scale",
        "licence": "Apache-2.0",
        "parameters": {name: sum(p.numel() for p in network.parameters()) for name, network in trio.parts.items()},
        "bytes": path.stat().st_size,
        "scenes": seeds_of(shards),
        "recipe": {name: v.resolve().name if isinstance(v, Path) else v for name, v in asdict(recipe).items()},
        "stages": {name: asdict(history) for name, history in histories.items()},
        "held_out": {name: history.held_out[-1] for name, history in histories.items()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "machine": {"processor": platform.machine(), "threads": torch.get_num_threads(), "device": recipe.device},
        "started_from": card_at(recipe.start_from and recipe.start_from.with_suffix(".json")),
    }


def card_at(path: Path | None) -> dict[str, object] | None:
    """The card of the checkpoint that training started from, if there is one: its curves precede the new ones."""
    return json.loads(path.read_text()) if path and path.is_file() else None
