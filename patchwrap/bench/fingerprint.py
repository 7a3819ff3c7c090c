"""Tells whether a stored result is still what would be measured now: other weights, code or options tell apart."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

import patchwrap
from patchwrap.bench.combination import HEAD_FILE, Combination

_MEASURING = ("metrics", "bench/protocol.py", "bench/consistency.py", "bench/ruler.py")


def fingerprint(combination: Combination, facts: dict[str, Any]) -> str:
    """Digest of everything that decides a row's results but the images.

    Args:
        combination: predicts one small picture for this.
        facts: whatever else decides, JSON-able.
    """
    options = {key: str(value) for key, value in combination.options.items()}
    told = json.dumps([facts, options, _head(options), measuring(), behaviour(combination)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _head(options: dict[str, str]) -> str | None:
    """Digest of a head's file: a backend that refuses the small picture shows nothing of what a head does."""
    path = Path(options.get("head", ""))
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.suffix == HEAD_FILE else None


def behaviour(combination: Combination) -> list[str]:
    """What the row makes of one small picture: sixteen means with three digits.

    With three digits, sums in another order are the same behaviour.
    """
    try:
        values = combination.predict(small_picture(), plan="2x2").values
    except Exception as error:  # a backend may well refuse this picture and no other
        return [type(error).__name__]
    height, width = (side // 4 for side in values.shape)
    means = values[: 4 * height, : 4 * width].reshape(4, height, 4, width).mean(axis=(1, 3), dtype=np.float64)
    return [f"{mean:.3g}" for mean in means.ravel()]


@cache
def measuring() -> str:
    """Digest of the code that measures."""
    digest, root = hashlib.sha256(), Path(patchwrap.__file__).parent
    for name in _MEASURING:
        for path in sorted((root / name).rglob("*.py")) if (root / name).is_dir() else [root / name]:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def small_picture() -> UInt8[np.ndarray, "height width 3"]:
    """Something that every backend sees something in, always the same."""
    blocks = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return np.kron(blocks, np.ones((24, 24, 1), np.uint8))
