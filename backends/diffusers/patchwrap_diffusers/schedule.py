"""The noise levels between start and result, and the step from one to the next. Stateless."""

from collections.abc import Callable
from copy import copy
from typing import Any

import torch
from diffusers import LCMScheduler
from jaxtyping import Float
from torch import Tensor

from patchwrap import OptionError
from patchwrap.extension import one_line

Latents = Float[Tensor, "batch channels rows columns"]


class Schedule:
    """A checkpoint's own scheduler at a number of steps.

    Args:
        scheduler: DDIM or LCM.
        steps: how many, at least 1.
        spacing: DDIM's ``timestep_spacing`` instead of the checkpoint's own: ``leading``, ``linspace``, ``trailing``.

    Raises:
        OptionError: if the scheduler does not support that number of steps, or would not start from noise.
    """

    def __init__(self, scheduler: Any, steps: int, spacing: Any = None) -> None:
        self.consistency = isinstance(scheduler, LCMScheduler)
        if spacing is not None and (self.consistency or spacing not in ("leading", "linspace", "trailing")):
            raise OptionError(f"spacing {spacing!r} is not leading, linspace or trailing; an LCMScheduler has none.")
        changes = {} if spacing is None else {"timestep_spacing": spacing}
        self._scheduler = type(scheduler).from_config(scheduler.config, **changes)
        try:
            self._scheduler.set_timesteps(steps)
        except (ValueError, ZeroDivisionError, TypeError) as error:
            raise OptionError(f"this scheduler does not support steps {steps!r}: {one_line(error)}") from error
        times = self._scheduler.timesteps
        # For some numbers of steps, such as 61, diffusers' trailing spacing has one time too many, -1.
        self._scheduler.timesteps = times[times >= 0]
        self._check_start(steps)

    def __len__(self) -> int:
        return len(self._scheduler.timesteps)

    def time(self, index: int) -> Tensor:
        """The step's time for the network: 999 is pure noise, 0 almost none."""
        return self._scheduler.timesteps[index]

    def first(self, strength: float) -> int:
        """The first step if denoising starts from an estimate, of which ``strength`` decides how much may change.

        Args:
            strength: share of the steps to take, in (0, 1].
        """
        return len(self) - max(round(strength * len(self)), 1)

    def noised(self, clean: Latents, noise: Latents, index: int) -> Latents:
        """Add noise to latents up to the level at which a step begins."""
        return copy(self._scheduler).add_noise(clean, noise, self.time(index).reshape(1))

    def step(self, index: int, output: Latents, latents: Latents, fresh: Callable[[int], Latents]) -> Latents:
        """Go from one noise level to the next.

        Args:
            index: of the step, from 0.
            output: of the network.
            latents: that the network was given.
            fresh: returns the noise that a consistency model adds before step ``index``.
        """
        # A copy, because an LCMScheduler counts its steps, and other latents may be at another step.
        scheduler, time, last = copy(self._scheduler), self.time(index), index + 1 == len(self)
        if self.consistency:
            # The scheduler's own noise would depend on the batch, so it is discarded together with its generator.
            clean = scheduler.step(output, time, latents, generator=torch.Generator(latents.device)).denoised
            return clean if last else self.noised(clean, fresh(index + 1), index + 1)
        result = scheduler.step(output, time, latents)
        if last or self._is_next(index):
            return result.prev_sample
        level = scheduler.alphas_cumprod[time]
        noise = (latents - level.sqrt() * result.pred_original_sample) / (1 - level).sqrt()
        return self.noised(result.pred_original_sample, noise, index + 1)

    def _is_next(self, index: int) -> bool:
        """Whether the level that DDIM's step leads to is the one where the next step begins.

        It goes down by 1000 // steps, which is another level where steps do not divide 1000
        (https://github.com/huggingface/diffusers/issues/9261).
        """
        stride = self._scheduler.config.num_train_timesteps // len(self)
        return int(self.time(index)) - stride == int(self.time(index + 1))

    def _check_start(self, steps: int) -> None:
        time, trained = int(self.time(0)), self._scheduler.config.num_train_timesteps
        if time >= trained:
            raise OptionError(
                f"steps {steps} with {self._scheduler.config.timestep_spacing!r} spacing begins at time {time}, but "
                f"the scheduler's last is {trained - 1}. Take fewer steps, or spacing='trailing'."
            )
        if self._scheduler.alphas_cumprod[time] > 0.5:
            raise OptionError(
                f"steps {steps} with {self._scheduler.config.timestep_spacing!r} spacing begins at time {time}, where "
                "hardly any noise is expected, but starts from noise. Take more steps, or spacing='trailing'."
            )
