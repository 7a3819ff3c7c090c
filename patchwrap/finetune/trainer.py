"""Trains within a number of steps: optimiser, schedule, moving average, selection, exact resume."""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from patchwrap.errors import TrainingError
from patchwrap.finetune.draw import Drawer, Group, TileBatch
from patchwrap.finetune.objective import terms
from patchwrap.finetune.pipeline_views import PipelineViews
from patchwrap.finetune.processes import Processes
from patchwrap.finetune.recipe import Recipe
from patchwrap.finetune.selection import Score, Shown, score, totals
from patchwrap.finetune.trainee import Trainee, own_state
from patchwrap.training_state import read_state, save_state

LARGEST_GRADIENT = 10.0
FIRST_SCALE = 2.0**10
"""Initial loss scale in float16, growing while gradients stay finite; torch's 2^16 overflows in consistency terms."""
HOPELESS = 20
"""Consecutive steps without finite gradients after which a training fails."""


@dataclass
class History:
    """The course of a training.

    Args:
        step: optimiser steps taken.
        elapsed: seconds trained.
        not_finite: steps that were skipped because their gradients were not finite.
        in_a_row: skipped steps since the last one that was not.
        losses: one row per evaluation: step, seconds and the mean of each term since the last.
        scores: one row per evaluation: step, seconds and measures on held-out images.
        best: the best score's value; None before the first evaluation.
        best_step: step of the best score.
    """

    step: int = 0
    elapsed: float = 0.0
    not_finite: int = 0
    in_a_row: int = 0
    losses: list[dict[str, int | float]] = field(default_factory=list)
    scores: list[dict[str, int | float]] = field(default_factory=list)
    best: float | None = None
    best_step: int = 0


Tensors = tuple[Tensor, ...] | list[Tensor]

OnStep = Callable[["Trainer"], None]
"""Called after every step, or after every evaluation."""


class Trainer:
    """Trains a head; continues from its state's file if there is one.

    Args:
        trainee: trained in place.
        recipe: options of the training.
        drawer: draws batches.
        held_out: groups of tiles for selection.
        processes: that train together.
        state: the training state's file.
        identity: of the training; the state of another training is refused.
        save_seconds: seconds between two writes of the state, which every evaluation of trained weights writes, too.
        views: of held-out tiles; needed if a decoder is trained.

    Raises:
        CheckpointError: if the state cannot be read.
        OptionError: if the state is another training's.
    """

    def __init__(
        self,
        trainee: Trainee,
        recipe: Recipe,
        drawer: Drawer,
        held_out: Sequence[Group],
        processes: Processes,
        state: Path,
        identity: str,
        save_seconds: float = 60.0,
        views: PipelineViews | None = None,
    ) -> None:
        self.recipe, self.drawer, self.held_out, self.processes = recipe, drawer, held_out, processes
        self.state, self.identity, self.save_seconds = state, identity, save_seconds
        self.views = views
        self.trainee = trainee.to(processes.device)
        self.trainee.network.to(memory_format=torch.channels_last)
        self.history = History()
        self.ema = AveragedModel(self.trainee, multi_avg_fn=self._average)
        self.ema.eval().requires_grad_(False)
        self.parameters = [value for value in self.trainee.parameters() if value.requires_grad]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=recipe.rate, weight_decay=0.01)
        self.schedule = LambdaLR(self.optimiser, lambda _: share_of_rate(self.progress, recipe.warm_up))
        half = recipe.precision == "float16"
        self.scaler = torch.amp.GradScaler(processes.device.type, init_scale=FIRST_SCALE, enabled=half)
        self.best: dict[str, Tensor] = {}
        self.means: dict[str, float] = {}
        self._sums: list[dict[str, Tensor]] = []
        self._coming: Future[list[TileBatch]]
        self._saved = 0.0
        if state.exists():
            self._resume()

    @property
    def averaged(self) -> Trainee:
        """The moving average of the weights."""
        return cast(Trainee, self.ema.module)

    @property
    def progress(self) -> float:
        """Share of the training that is done, in [0, 1]: by steps or by minutes, whichever is more."""
        minutes = self.recipe.minutes
        by_time = 0.0 if minutes is None else self.history.elapsed / (60 * minutes)
        return min(1.0, max(self.history.step / self.recipe.steps, by_time))

    @property
    def over(self) -> bool:
        """Whether the training has ended: by steps, by minutes, or because ``patience`` ran out."""
        waited = sum(row["step"] > self.history.best_step for row in self.history.scores)
        return self.progress >= 1 or waited >= self.recipe.patience

    @property
    def _due(self) -> bool:
        """Whether an evaluation follows this step."""
        waited = self.history.elapsed - self.history.scores[-1]["seconds"]
        by_steps = self.history.step % self.recipe.evaluate_every == 0
        return by_steps or waited >= self.recipe.evaluate_seconds or self.progress >= 1

    def run(self, on_step: OnStep | None = None, on_evaluation: OnStep | None = None) -> dict[str, Tensor]:
        """Train to the end.

        Args:
            on_step: called after every step.
            on_evaluation: called after every evaluation.

        Returns:
            The averaged weights of the best evaluation.

        Raises:
            TrainingError: if ``HOPELESS`` steps in a row have no finite gradients, or the first score is not finite.
            OutputError: if the state cannot be written.
        """
        self._saved = time.perf_counter()
        if self.history.best is None:
            self._evaluate(on_evaluation)
            self._save_in_time()
        with ThreadPoolExecutor(1) as worker:
            self._draw_ahead(worker)
            while not self.over:
                self._timed_step(worker)
                if self._due:
                    self._evaluate(on_evaluation)
                if on_step:
                    on_step(self)
                self._save_in_time()
        return self.best

    def _save_in_time(self) -> None:
        """Save the state after an evaluation of trained weights, and if the last time is long enough ago."""
        evaluated = self.history.scores[-1]["step"] == self.history.step > 0
        if evaluated or time.perf_counter() - self._saved >= self.save_seconds:
            self.save()
            self._saved = time.perf_counter()

    def _draw_ahead(self, worker: ThreadPoolExecutor) -> None:
        """Read the next step's batches while this one is computed."""
        step = self.history.step
        self._coming = worker.submit(
            lambda: [
                self.drawer.draw(step, part, self.processes.index) for part in range(self.recipe.accumulate)
            ]
        )

    def _timed_step(self, worker: ThreadPoolExecutor) -> None:
        start = time.perf_counter()
        batches = self._coming.result()
        self.history.step += 1
        self._draw_ahead(worker)
        self._step(batches)
        # All processes must compute the same progress.
        spent = self.processes.mean(torch.tensor(time.perf_counter() - start, device=self.processes.device))
        self.history.elapsed += float(spent)

    def _step(self, batches: Sequence[TileBatch]) -> None:
        self.trainee.train()
        self.optimiser.zero_grad(set_to_none=True)
        for batch in batches:
            moved = batch.to(self.processes.device)
            with autocast(self.processes.device, self.recipe.precision):
                refined, features = self.trainee(moved)
                found = terms(moved, refined, features, self.recipe)
            total = torch.stack([value.float() for value in found.values()]).sum() / len(batches)
            self.scaler.scale(total).backward()
            self._sums.append({name: value.detach() for name, value in found.items()})
        self._share_gradients()
        self.scaler.unscale_(self.optimiser)
        norm = nn.utils.clip_grad_norm_(self.parameters, LARGEST_GRADIENT)
        self._count(bool(norm.isfinite()), len(batches))
        if norm.isfinite():
            self.scaler.step(self.optimiser)
            self.ema.update_parameters(self.trainee)
            self.schedule.step()
        self.scaler.update()

    def _count(self, finite: bool, batches: int) -> None:
        self.history.in_a_row = 0 if finite else self.history.in_a_row + 1
        self.history.not_finite += not finite
        if not finite:
            del self._sums[-batches:]
        if self.history.in_a_row >= HOPELESS:
            raise TrainingError(
                f"The loss was not finite {HOPELESS} steps in a row, up to step {self.history.step}. Lower the rate "
                f"(now {self.recipe.rate:g}), or take precision float32."
            )

    def _share_gradients(self) -> None:
        """Average the gradients over the processes, all parameters in one call."""
        if self.processes.count == 1:
            return
        for value in self.parameters:
            value.grad = torch.zeros_like(value) if value.grad is None else value.grad
        flat = self.processes.mean(torch.cat([value.grad.flatten() for value in self.parameters]))  # type: ignore[union-attr]
        for value, part in zip(self.parameters, flat.split([value.numel() for value in self.parameters])):
            value.grad = part.view_as(value)

    def _average(self, mine: Tensors, theirs: Tensors, count: Tensor | int) -> None:
        """Update the exponential moving average, whose decay rises over the first steps."""
        steps = int(count)  # once for all weights, since a GPU is waited for
        decay = min(self.recipe.ema, (1 + steps) / (10 + steps))
        torch._foreach_lerp_(mine, theirs, 1 - decay)

    def _evaluate(self, on_evaluation: OnStep | None) -> None:
        found = self.measure(self.averaged)
        if self.history.best is None and not math.isfinite(found.value):
            raise TrainingError(
                "The held-out images cannot be scored: before training a measure is already not finite "
                f"(consistency {found.ce:g}, edges {found.see:g}, error {found.error:g}). Select by other images."
            )
        if self.history.best is None or found.value < self.history.best:
            self.history.best, self.history.best_step = found.value, self.history.step
            self.best = dict(own_state(self.averaged))
        self.means = _means(self._sums)
        now = {"step": self.history.step, "seconds": round(self.history.elapsed, 1)}
        self.history.losses.append(now | self.means)
        self.history.scores.append(now | asdict(found) | {"score": found.value})
        self._sums.clear()
        if on_evaluation:
            on_evaluation(self)

    @torch.no_grad()
    def measure(self, trainee: Trainee) -> Score:
        """Score held-out tiles; each process measures its share of them.

        With a trained decoder the pipeline predicts and aligns all tiles of the held-out photos again. Shares are
        contiguous, so that hardly any photo is predicted by two processes.
        """
        trainee.eval()
        index, count, number = self.processes.index, self.processes.count, len(self.held_out)
        mine = self.held_out[index * number // count : (index + 1) * number // count]
        device, with_truth = self.processes.device, self.recipe.truth
        with autocast(device, self.recipe.precision):
            sums = totals(mine, lambda batch: trainee.refine(batch.view)[0], device, with_truth, self._shown(trainee))
        return score(self.processes.sum(sums), with_truth)

    def _shown(self, trainee: Trainee) -> Shown | None:
        backend, views = trainee.backend, self.views
        if backend is None:
            return None
        assert views is not None
        views.begin()
        return lambda group: views.view(group, backend)

    @property
    def _parts(self) -> dict[str, Any]:
        """What has a state of its own, by its name in the file."""
        names = ("trainee", "ema", "optimiser", "schedule", "scaler")
        return {name: getattr(self, name) for name in names}

    def save(self) -> None:
        """Write the training state atomically.

        Raises:
            OutputError: if it cannot be written.
        """
        if not self.processes.first:
            return
        state = {name: part.state_dict() for name, part in self._parts.items()}
        state |= {"history": asdict(self.history), "best": self.best, "sums": self._sums}
        save_state(self.state, self.identity, state)

    def _resume(self) -> None:
        state = read_state(self.state, self.identity)
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        self.history, self.best, self._sums = History(**state["history"]), state["best"], state["sums"]


def share_of_rate(progress: float, warm_up: float) -> float:
    """Learning rate over its highest value: a linear warm-up, then a cosine down to a hundredth.

    Args:
        progress: share of the training that is done, in [0, 1].
        warm_up: share of the training over which the rate rises.
    """
    if progress < warm_up:
        return 0.05 + 0.95 * progress / warm_up
    rest = min((progress - warm_up) / max(1 - warm_up, 1e-9), 1.0)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * rest))


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Autocast to a shorter number type; with ``float32`` a context that does nothing.

    Casts of weights are not kept: inside a caller's autocast they would last until that ends, beyond many steps.
    """
    dtype, enabled = getattr(torch, precision), precision != "float32"
    return torch.autocast(device.type, dtype, enabled=enabled, cache_enabled=False)


def _means(rows: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    names = {name for row in rows for name in row}
    found = {name: [row[name].cpu() for row in rows if name in row] for name in sorted(names)}
    return {name: round(float(torch.stack(values).mean()), 5) for name, values in found.items()}
