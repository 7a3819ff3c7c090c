"""The picture on which backends are compared when only their behaviour can tell whether they are the same."""

import numpy as np
from jaxtyping import UInt8


def probe_picture() -> UInt8[np.ndarray, "144 192 3"]:
    """Blocks of random colours, always the same: a picture in which every backend sees something."""
    blocks = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return np.kron(blocks, np.ones((24, 24, 1), np.uint8))
