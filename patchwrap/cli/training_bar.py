"""Progress of a training on stderr, how an interrupted one goes on, why it ended and which step is kept."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchwrap.cli.step_bar import StepBar

if TYPE_CHECKING:
    from patchwrap.finetune.trainer import Trainer


class TrainingBar(StepBar):
    """Progress of predictions, then of the training, with losses and the time that is left.

    Args:
        quiet: show nothing.
        state: file of an interrupted training, which goes on from it; None if that is not this process's to tell.
    """

    def __init__(self, quiet: bool, state: Path | None = None) -> None:
        super().__init__(quiet)
        self._state = state
        self._begun = False

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if isinstance(error[1], KeyboardInterrupt) and self._state and self._state.exists():
            error[1].add_note(f"the same command goes on from {self._state}")

    def told(self, done: int, total: int, text: str) -> None:
        """Show which sample is predicted next."""
        if text:
            self(done, total, text)

    def report(self, trainer: "Trainer") -> None:
        """Show the training's losses and scores, and first where one that was interrupted goes on."""
        history = trainer.history
        if not self._begun and history.step > 1 and not self.quiet:
            print(f"goes on at step {history.step}", file=sys.stderr, flush=True)
        self._begun = True
        steps = history.step, trainer.recipe.steps
        left = history.elapsed * (1 / max(trainer.progress, 1e-6) - 1)
        losses = " ".join(f"{name} {value:.3g}" for name, value in trainer.means.items())
        scores = history.scores[-1]
        held_out = f"held out: ce {scores['ce']:.4f} see {scores['see']:.4f} score {scores['score']:.3f}"
        text = f"training, {left / 60:.1f} min left; {losses} {held_out}"
        # The first step's line tells the score at the start.
        self(*steps, text, as_line=history.step in (1, scores["step"]))

    def finished(self, training: dict[str, Any], text: str) -> None:
        """Show why the training ended early, which step is kept and what was written.

        Args:
            training: of the head's card.
            text: what was written.
        """
        if not self.quiet:
            print(*_ended_early(training), _kept(training["history"]), text, sep="\n", file=sys.stderr, flush=True)


def _ended_early(training: dict[str, Any]) -> list[str]:
    """Why the training took fewer steps than it might have, in one line; nothing if it took all."""
    history, recipe = training["history"], training["recipe"]
    if history["step"] >= recipe["steps"]:
        return []
    waited = sum(row["step"] > history["best_step"] for row in history["scores"])
    why = f"no better evaluation in the last {waited} (--patience)"
    if waited < recipe["patience"]:
        why = f"{recipe['minutes']:g} minutes are over (--minutes)"
    return [f"ended at step {history['step']} of {recipe['steps']}: {why}"]


def _kept(history: dict[str, Any]) -> str:
    first = history["scores"][0]["score"]
    return f"kept: step {history['best_step']}, score {history['best']:.3f}; at the start {first:.3f}; lower is better"
