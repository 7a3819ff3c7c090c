"""Denoises latents from a start to a result. All noise is passed in."""

from collections.abc import Callable
from dataclasses import dataclass

from patchwrap_diffusers.network import Network
from patchwrap_diffusers.noise import Noise
from patchwrap_diffusers.schedule import Latents, Schedule


@dataclass(frozen=True)
class Sampler:
    """Network, steps and noise of a denoising run.

    Args:
        network: predicts the noise.
        schedule: the steps.
        noise: to start from.
        members: trajectories per picture, each from its own noise.
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
            fresh: returns the noise to add before a step, if the schedule adds any.
            first: index of a step.
        """
        for index in range(first, len(self.schedule)):
            output = self.network.denoise(pictures, latents, self.schedule.time(index))
            latents = self.schedule.step(index, output, latents, fresh)
        return latents
