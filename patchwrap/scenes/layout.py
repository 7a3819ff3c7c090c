"""Keeps things on the ground out of each other; never knows what they are."""

import numpy as np
from jaxtyping import Float

from patchwrap.scenes.placement import Number, Values


class Layout:
    """Discs that are taken, as ``(x, y)`` and radius in metres."""

    def __init__(self) -> None:
        self._discs: list[tuple[float, float, float]] = []

    def claim(self, at: Values, radius: Number) -> bool:
        """Take a disc unless it touches one that is taken; returns whether it is taken now."""
        x, y = (float(v) for v in np.asarray(at, float)[:2])
        free = all((x - u) ** 2 + (y - v) ** 2 >= (radius + r) ** 2 for u, v, r in self._discs)
        if free:
            self._discs.append((x, y, float(radius)))
        return free

    def find(
        self, rng: np.random.Generator, low: Values, high: Values, radius: Number, tries: int = 12
    ) -> Float[np.ndarray, "3"] | None:
        """A free disc with its middle between two corners, as a point on the ground; None if all tries fail."""
        for _ in range(tries):
            at = rng.uniform(np.minimum(low, high), np.maximum(low, high))
            if self.claim(at, radius):
                return np.array([*at, 0.0])
        return None
