"""Digests of a backend's weights, which tell checkpoints of one class apart whatever they are called."""

from collections.abc import Iterator
from hashlib import sha256

import torch
from torch import Tensor

from patchwrap.spec import Backend, Trainable, networks_of

SAMPLES = 64
"""Numbers of each tensor that ``weights_sample`` reads: another checkpoint differs in almost all of them."""


def weights_digest(backend: Backend) -> str | None:
    """Digest all weights within reach, byte by byte.

    Args:
        backend: a module, an object with modules or their ``Precision`` as attributes, or one that has
            ``trainable_parameters``.

    Returns:
        Sixteen hexadecimal digits; None if no weights are within reach.
    """
    return _digest(_weights(backend))


def weights_sample(backend: Backend) -> str | None:
    """Digest a few numbers of each tensor, quickly enough for every prediction.

    Returns:
        Sixteen hexadecimal digits; None if no weights are within reach, or if they are in half precision, which rounds
        those of one checkpoint to other numbers.
    """
    weights = list(_weights(backend))
    if any(value.is_floating_point() and value.dtype != torch.float32 for value in weights):
        return None
    return _digest(iter([value[:: max(1, len(value) // SAMPLES)] for value in weights]))


def _weights(backend: Backend) -> Iterator[Tensor]:
    """Parameters and buffers of all modules within reach, flat."""
    parts = networks_of(backend)
    own: list[Tensor] = [value for part in parts for value in (*part.parameters(), *part.buffers())]
    if not parts and isinstance(backend, Trainable):
        own = list(backend.trainable_parameters())
    # Each once: a backend may hold one network under several attributes, such as a compiled one.
    yield from (value.detach().reshape(-1) for value in {id(value): value for value in own}.values())


def _digest(weights: Iterator[Tensor]) -> str | None:
    digest, count = sha256(), 0
    for value in weights:
        digest.update(value.cpu().contiguous().view(torch.uint8).numpy().data)
        count += 1
    return digest.hexdigest()[:16] if count else None
