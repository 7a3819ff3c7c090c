"""Noise that depends on a seed and a key only, not on earlier draws.

A generator shared by all tiles would give other numbers for another tile batch size.
"""

from collections.abc import Callable
from hashlib import blake2b

import torch
from jaxtyping import Float
from torch import Tensor

Noise = Callable[..., Float[Tensor, "..."]]
"""Called with a shape and the key of the numbers: seed, member, step, tile."""


def gaussian(shape: tuple[int, ...], *key: object) -> Float[Tensor, "..."]:
    """Normal numbers; the same for the same key, on every machine's CPU.

    Args:
        shape: of the result.
        key: anything with a stable ``repr``.
    """
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
    return torch.randn(shape, generator=generator)


def zeros(shape: tuple[int, ...], *key: object) -> Float[Tensor, "..."]:
    """Zeros, from which a network that was fine-tuned end to end for one step starts (arXiv 2409.11355)."""
    return torch.zeros(shape)


NOISES: dict[str, Noise] = {"gaussian": gaussian, "zeros": zeros}
