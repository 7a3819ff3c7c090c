"""Fingerprints of results: they differ when other weights, code or options would give another result."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from patchwrap.bench.combination import HEAD_FILE, Combination
from patchwrap.probe_picture import probe_picture
from patchwrap.source_digest import source_digest

MEASURING = ("patchwrap.bench.protocol", "patchwrap.bench.consistency")
"""Modules that measure, with everything that they import."""


def fingerprint(combination: Combination, facts: dict[str, Any]) -> str:
    """Digest of everything but the image that a row's result depends on.

    Args:
        combination: the row; it predicts one small picture for this.
        facts: further facts that the result depends on, JSON-able.
    """
    options = {key: str(value) for key, value in combination.options.items()}
    told = json.dumps([facts, options, _head(options), measuring(), behaviour(combination)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _head(options: dict[str, str]) -> str | None:
    """Digest of a head's file; ``behaviour`` does not depend on the head if the backend refuses the small picture."""
    path = Path(options.get("head", ""))
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.suffix == HEAD_FILE else None


def behaviour(combination: Combination) -> list[str]:
    """Predict the probe picture, and return sixteen means of the map with three digits.

    Three digits, so that another order of summation gives the same.
    """
    try:
        values = combination.predict(probe_picture(), plan="2x2").values
    except Exception as error:  # a backend may refuse this small picture and accept real photos
        return [type(error).__name__]
    height, width = (side // 4 for side in values.shape)
    means = values[: 4 * height, : 4 * width].reshape(4, height, 4, width).mean(axis=(1, 3), dtype=np.float64)
    return [f"{mean:.3g}" for mean in means.ravel()]


@cache
def measuring() -> str:
    """Digest of the code that measures."""
    return source_digest(*MEASURING)
