"""How long a stage may train, and the learning rate over that time."""

import math
from dataclasses import dataclass

WARM_UP = 0.04
"""Share of the budget over which the learning rate rises."""


@dataclass(frozen=True)
class Budget:
    """Wall-clock seconds or, for a run that must repeat exactly, steps.

    Args:
        seconds: wall time, or None.
        steps: optimiser steps, or None; the first limit reached ends the stage.
    """

    seconds: float | None = None
    steps: int | None = None

    def progress(self, step: int, elapsed: float) -> float:
        """Share of the budget that is spent; 1 or more means that it is used up."""
        by_steps = step / self.steps if self.steps is not None else 0.0
        by_time = elapsed / self.seconds if self.seconds is not None else 0.0
        return max(by_steps, by_time)


def learning_rate(peak: float, progress: float) -> float:
    """Rise linearly over the warm-up, then fall to a hundredth along a cosine (one cycle).

    Args:
        peak: highest learning rate.
        progress: share of the budget spent, in [0, 1].
    """
    if progress < WARM_UP:
        return peak * (0.05 + 0.95 * progress / WARM_UP)
    rest = min((progress - WARM_UP) / (1 - WARM_UP), 1.0)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * rest)))
