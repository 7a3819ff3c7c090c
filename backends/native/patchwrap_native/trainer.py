"""Trains one network within a budget: optimiser, moving average, checkpoints, exact resume. Independent of the task."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from patchwrap import TrainingError
from patchwrap.extension import read_state, save_state
from patchwrap_native.budget import Budget, learning_rate
from patchwrap_native.ema import Ema
from patchwrap_native.precision import NumberType, autocast

HOPELESS = 20
"""Consecutive steps without finite gradients after which a training fails."""


@runtime_checkable
class Stage(Protocol):
    """A training task: a network, its batches, its loss and its held-out measures."""

    name: str
    rate: float

    @property
    def network(self) -> nn.Module:
        """The network; trained in place."""
        ...

    def batch(self, step: int, progress: float) -> Any:
        """Draw the batch of a step; the same for the same step."""
        ...

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Return the loss's terms, to be summed."""
        ...

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Measure a network on held-out scenes."""
        ...


Row = dict[str, int | float]
"""A point of a curve: step, seconds and what was measured then."""


@dataclass
class History:
    """Progress and curves of a stage.

    Args:
        step: optimiser steps taken.
        elapsed: seconds trained.
        losses: one row per report: step, seconds and the mean of each term since the last.
        held_out: one row per evaluation: step, seconds and measures.
        calibration: what was subtracted from the network's log depth after training; None without calibration.
    """

    step: int = 0
    elapsed: float = 0.0
    losses: list[Row] = field(default_factory=list)
    held_out: list[Row] = field(default_factory=list)
    calibration: float | None = None


Report = Callable[[str, float, History], None]
"""Called now and then with the stage's name, its progress in [0, 1] and its history."""


MakeOptimiser = Callable[[nn.Module, float], torch.optim.Optimizer]
"""Makes an optimiser of a network's parameters, given the peak learning rate."""


def adamw(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    """The default optimiser."""
    return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)


@dataclass(frozen=True)
class Pace:
    """How often things happen, in steps or seconds of training.

    Args:
        report_steps: steps between two rows of the loss curve.
        evaluate_seconds: seconds between two evaluations; also once at the end.
        save_seconds: seconds between two checkpoints.
    """

    report_steps: int = 50
    evaluate_seconds: float = 90.0
    save_seconds: float = 120.0


class Trainer:
    """Trains a stage, resuming from its checkpoint if there is one.

    Args:
        stage: what to train.
        budget: how long.
        checkpoint: the training state's file (weights, moving average, optimiser, history).
        device: where.
        precision: see ``precision.autocast``.
        pace: how often to report, evaluate and save.
        optimiser: makes the optimiser, all of whose groups take the same learning rate.
        memory_format: of the weights. Channels last is quicker for convolutions, but not for group norms in bfloat16.
        identity: of the training; the state of another one is refused.

    Raises:
        CheckpointError: if the checkpoint is damaged.
        OptionError: if it is another training's.
    """

    def __init__(
        self,
        stage: Stage,
        budget: Budget,
        checkpoint: Path,
        device: torch.device,
        precision: NumberType = "auto",
        pace: Pace | None = None,
        optimiser: MakeOptimiser = adamw,
        memory_format: torch.memory_format = torch.channels_last,
        identity: str = "",
    ) -> None:
        self.stage, self.budget, self.checkpoint, self.identity = stage, budget, checkpoint, identity
        self.device, self.precision, self.pace = device, precision, pace or Pace()
        self.network = stage.network.to(device, memory_format=memory_format)  # type: ignore[call-overload]
        self.ema = Ema(self.network)
        self.optimiser = optimiser(self.network, stage.rate)
        self.history = History()
        self._sums: list[dict[str, Tensor]] = []
        self._skipped = 0
        self._coming: Future[Any]
        if checkpoint.exists():
            self._resume()

    @property
    def progress(self) -> float:
        """Share of the budget spent."""
        return self.budget.progress(self.history.step, self.history.elapsed)

    def run(self, report: Report | None = None) -> nn.Module:
        """Train until the budget is spent.

        Args:
            report: called with the progress.

        Returns:
            The moving average of the network, ready for use.

        Raises:
            TrainingError: if ``HOPELESS`` steps in a row have no finite gradients.
        """
        with ThreadPoolExecutor(1) as worker:
            self._train(worker, report)
        self._finish(report)
        return self.ema.network

    def _train(self, worker: ThreadPoolExecutor, report: Report | None) -> None:
        saved = evaluated = self.history.elapsed
        self._draw_ahead(worker)
        while self.progress < 1:
            self._timed_step(worker)
            now = self.history.elapsed
            if self.history.step % self.pace.report_steps == 0:
                self._report(report)
            if now - evaluated > self.pace.evaluate_seconds:
                self._evaluate()
                evaluated = now
            if now - saved > self.pace.save_seconds:
                self.save()
                saved = now

    def _draw_ahead(self, worker: ThreadPoolExecutor) -> None:
        """Prepare the next batch in a thread during the current step."""
        self._coming = worker.submit(self.stage.batch, self.history.step, min(self.progress, 1.0))

    def _timed_step(self, worker: ThreadPoolExecutor) -> None:
        start = time.perf_counter()
        batch, progress = self._coming.result(), min(self.progress, 1.0)
        self.history.step += 1
        self._draw_ahead(worker)
        self._step(batch, progress)
        self.ema.update(self.network, self.history.step)
        self.history.elapsed += time.perf_counter() - start

    def _step(self, batch: Any, progress: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.stage.rate, progress)
        self.network.train()
        buffers = [buffer.clone() for buffer in self.network.buffers()]
        with autocast(self.device, self.precision):
            terms = self.stage.losses(batch)
        total = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        if torch.isfinite(norm) and self._finite_buffers():
            self.optimiser.step()
            self._skipped = 0
            self._sums.append({name: term.detach() for name, term in terms.items()})
        else:
            self._skip(buffers)

    def _finite_buffers(self) -> bool:
        finite = [buffer.isfinite().all() for buffer in self.network.buffers()]
        return not finite or bool(torch.stack(finite).all())

    @torch.no_grad()
    def _skip(self, buffers: Sequence[Tensor]) -> None:
        """Undo a batch without finite gradients, which would spoil the statistics and, through them, the average.

        Args:
            buffers: of the network before this batch, such as the means and variances of batch norms.
        """
        for buffer, before in zip(self.network.buffers(), buffers):
            buffer.copy_(before)
        self._skipped += 1
        if self._skipped >= HOPELESS:
            raise TrainingError(
                f"the loss of {self.stage.name!r} was not finite {HOPELESS} steps in a row, up to step "
                f"{self.history.step}. Lower the rate (now {self.stage.rate:g}), or take precision float32."
            )

    def _report(self, report: Report | None) -> None:
        if self._sums:
            self.history.losses.append(self._now() | _means(self._sums))
            self._sums.clear()
        if report:
            report(self.stage.name, self.progress, self.history)

    def _evaluate(self) -> None:
        with torch.no_grad(), autocast(self.device, self.precision):
            self.history.held_out.append(self._now() | self.stage.evaluate(self.ema.network))

    def _now(self) -> Row:
        return {"step": self.history.step, "seconds": round(self.history.elapsed, 1)}

    def _finish(self, report: Report | None) -> None:
        rows = self.history.held_out
        # A finished training that is started again is measured already.
        if not rows or rows[-1]["step"] != self.history.step:
            self._evaluate()
        self._report(report)
        self.save()

    def save(self) -> None:
        """Write the training state atomically."""
        state = {
            "network": self.network.state_dict(),
            "ema": self.ema.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "history": vars(self.history),
            "sums": self._sums,
        }
        save_state(self.checkpoint, self.identity, state)

    def _resume(self) -> None:
        anew = "delete the folder's .pt files"  # later stages learned from earlier ones
        again = "Give the same again, with more steps or minutes if you want,"
        state = read_state(self.checkpoint, self.identity, anew, again)
        self.network.load_state_dict(state["network"])
        self.ema.network.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.history = History(**state["history"])
        self._sums = state["sums"]


def _means(rows: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    """Mean of each term over the steps that have it: one may begin late in a training, and end if that is prolonged."""
    names = dict.fromkeys(name for row in rows for name in row)
    found = {name: [row[name].cpu() for row in rows if name in row] for name in names}
    return {name: round(float(torch.stack(values).mean()), 5) for name, values in found.items()}
