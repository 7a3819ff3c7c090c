"""Fingerprints of results: they differ when other weights, code or options would give another result."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from patchwrap.bench.combination import HEAD_FILE, Combination, Doubled
from patchwrap.probe_picture import probe_picture
from patchwrap.source_digest import source_digest
from patchwrap.spec import fine_of
from patchwrap.weights_digest import weights_digest

MEASURING = ("patchwrap.bench.protocol", "patchwrap.bench.consistency")
"""Modules that measure, with everything that they import."""


def fingerprint(combination: Combination, facts: dict[str, Any]) -> str:
    """Digest of everything but the image that a row's result depends on.

    Args:
        combination: the row; it predicts one small picture for this.
        facts: further facts that the result depends on, JSON-able.
    """
    options = {key: str(value) for key, value in combination.options.items()}
    # The weights after the behaviour: before its first prediction, a network may be in another number type.
    seen = [_head(options), measuring(), behaviour(combination), weights(combination.backend)]
    told = json.dumps([facts, options, *seen], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _head(options: dict[str, str]) -> str | None:
    """Digest of a head's file; ``behaviour`` does not depend on the head if the backend refuses the small picture."""
    path = Path(options.get("head", ""))
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.suffix == HEAD_FILE else None


def behaviour(combination: Combination) -> list[str]:
    """Predict the probe picture, and describe the map in sixteen blocks.

    Returns:
        The mean of every block, then the mean absolute differences of its vertical and of its horizontal neighbours,
        which tell apart maps that differ in detail only. Three digits, and differences in steps of a ten thousandth
        of the largest value, so that another order of summation gives the same. The name of the error if the backend
        refuses the picture.
    """
    try:
        values = combination.predict(probe_picture(), plan="2x2").values
    except Exception as error:  # a backend may refuse this small picture and accept real photos
        return [type(error).__name__]
    height, width = (side // 4 for side in values.shape)
    blocks = values[: 4 * height, : 4 * width].reshape(4, height, 4, width).astype(np.float64)
    relative = blocks / max(np.abs(blocks).max(), 1e-12)
    steps = [np.abs(np.diff(relative, axis=axis)).mean(axis=(1, 3)) for axis in (1, 3)]
    return [f"{mean:.3g}" for mean in blocks.mean(axis=(1, 3)).ravel()] + [f"{step:.4f}" for step in np.ravel(steps)]


def weights(backend: Any) -> list[str | None]:
    """Digests of the weights of a backend and of its tile backend, see ``weights_digest``."""
    if isinstance(backend, Doubled):
        backend = backend.backend
    return [weights_digest(part) for part in (backend, fine_of(backend)) if part is not None]


@cache
def measuring() -> str:
    """Digest of the code that measures."""
    return source_digest(*MEASURING)
