"""Any function from images to depth becomes a backend; only the meaning of its numbers must be said.

Run it: ``python examples/02_wrap_anything.py examples/street_photo.jpg``

Put the model you have in place of ``brightness``: it gets RGB in [0, 1] of shape (batch, 3, height, width)
and returns one map an image.
"""

import sys

import patchwrap
from patchwrap import DepthBatch, Images


def brightness(images: Images) -> DepthBatch:
    """Take bright for near: no depth model at all, but it shows the door."""
    return images.mean(1, keepdim=True)


backend = patchwrap.wrap_callable(brightness, convention="inverse_depth:affine", processing=(288, 384), multiple=32)
fused = patchwrap.predict(
    sys.argv[1], backend, plan="p16", progress=lambda done, total: print(f"tile {done} of {total}")
)
print(f"{fused.convention}, difference from one pass: {abs(fused.values - fused.coarse).mean():.4f}")
