"""Fingerprints of results: they differ when other weights, code or options would give another result."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import torch

from patchwrap.bench.combination import HEAD_FILE, Combination
from patchwrap.digest import digest
from patchwrap.probe_picture import in_blocks, probe_picture
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
    seen = [_head(options), measuring(), behaviour(combination), weights(combination.undoubled)]
    return digest([facts, options, *seen])


def _head(options: dict[str, str]) -> str | None:
    """Digest of a head's file; ``behaviour`` does not depend on the head if the backend refuses the small picture."""
    path = Path(options.get("head", ""))
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.suffix == HEAD_FILE else None


def behaviour(combination: Combination) -> list[str]:
    """Predict the probe picture, and describe the map, see ``in_blocks``.

    Returns:
        The description, or the name of the error if the backend refuses the picture.
    """
    try:
        return in_blocks(torch.from_numpy(combination.predict(probe_picture(), plan="2x2").values))
    except Exception as error:  # a backend may refuse this small picture and accept real photos
        return [type(error).__name__]


def weights(backend: Any) -> list[str | None]:
    """Digests of the weights of a backend and of its tile backend, see ``weights_digest``."""
    return [weights_digest(part) for part in (backend, fine_of(backend)) if part is not None]


@cache
def measuring() -> str:
    """Digest of the code that measures."""
    return source_digest(*MEASURING)
