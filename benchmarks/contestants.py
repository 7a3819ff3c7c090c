"""The rows of the quality table: ways to make a depth map of a large photo with the same networks."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import patchwrap
from patchwrap import DepthBatch, DepthMap, Images

COARSE = "coarse"

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    COARSE: ("coarse only", {"tiles": False}),
    "double": ("one pass at twice the size", {"tiles": False}),
    "average": ("naive tile average", {"fuser": "average", "head": None}),
    "minmax": ("min-max match + feather", {"fuser": "minmax", "head": None}),
    "blend": ("plane fit + blend", {"fuser": "blend", "head": None}),
    "poisson": ("plane fit + screened Poisson", {"fuser": "poisson", "head": None}),
    "head": ("guided fusion network + Poisson", {"fuser": "poisson", "head": "auto"}),
}
"""Title and options of ``predict`` for each row."""


@dataclass(frozen=True)
class Contestant:
    """One row."""

    key: str
    title: str
    predict: Callable[[np.ndarray], DepthMap]


class Doubled:
    """A backend that sees the whole image at twice its preferred size."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.convention = backend.convention
        self.processing = tuple(2 * side for side in backend.processing)
        self.multiple = getattr(backend, "multiple", 1)
        self.free_aspect = getattr(backend, "free_aspect", True)

    def predict(self, images: Images) -> DepthBatch:
        """As the backend does."""
        return self.backend.predict(images)


def contestants(backend: Any, plan: str, rows: list[str] | None = None, **options: Any) -> list[Contestant]:
    """The rows a backend can take part in.

    Args:
        backend: anything ``patchwrap.predict`` takes as one.
        plan: tile plan.
        rows: keys of ``ROWS``; by default all, without the network where the backend brings none.
        options: passed on to ``patchwrap.predict``.
    """
    has_head = getattr(backend, "head", None) is not None
    chosen = rows or [key for key in ROWS if key != "head" or has_head]
    return [_contestant(key, backend, plan, options) for key in chosen]


def _contestant(key: str, backend: Any, plan: str, options: dict[str, Any]) -> Contestant:
    title, own = ROWS[key]
    chosen = Doubled(backend) if key == "double" else backend
    return Contestant(key, title, partial(patchwrap.predict, backend=chosen, plan=plan, **options, **own))


def behaviour(backend: Any) -> str:
    """Digest of what every row makes of one small picture: tells other weights or other code apart."""
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    picture = np.kron(noise, np.ones((24, 24, 1), np.uint8))
    digest = hashlib.sha256()
    for contestant in contestants(backend, "2x2"):
        values = contestant.predict(picture).values
        # Three digits: sums in another order are the same behaviour.
        digest.update(np.array2string(values[::16, ::16], precision=3, threshold=10**6).encode())
    return digest.hexdigest()[:12]
