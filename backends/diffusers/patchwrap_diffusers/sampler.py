"""Denoises latents from a start to a result. All randomness comes in from outside."""

from collections.abc import Callable
from dataclasses import dataclass

from patchwrap_diffusers.network import Network
from patchwrap_diffusers.noise import Noise
from patchwrap_diffusers.schedule import Latents, Schedule


@dataclass(frozen=True)
class Sampler:
    """What every way of denoising needs.

    Args:
        network: says what is noise.
        schedule: the steps.
        noise: what to start from.
        members: trajectories a picture, each from noise of its own.
    """

    network: Network
    schedule: Schedule
    noise: Noise
    members: int

    def __call__(
        self, pictures: Latents, latents: Latents, fresh: Callable[[int], Latents], first: int = 0
    ) -> Latents:
        """Take every step from ``first`` on.

        Args:
            pictures: latents of the pictures.
            latents: at the noise level of step ``first``.
            fresh: noise that is added before a step, where the schedule adds any.
            first: index of a step.
        """
        for index in range(first, len(self.schedule)):
            output = self.network.denoise(pictures, latents, self.schedule.time(index))
            latents = self.schedule.step(index, output, latents, fresh)
        return latents
