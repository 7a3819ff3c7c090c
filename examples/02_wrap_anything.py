"""Any function from images to depth becomes a backend; only the meaning of its numbers must be said.

Run it: ``python examples/02_wrap_anything.py examples/street_photo.jpg``

Needs: ``pip install .``

Put your model in place of ``brightness``. It receives RGB in [0, 1] as float32, (batch, 3, height, width), on the
device of the prediction, and returns one map per image, (batch, 1, height, width); NaN and inf mark invalid pixels. A
``torch.nn.Module`` can be wrapped itself and is then moved to that device; a plain function must move its own network
to ``images.device``.
"""

import sys

import patchwrap
from patchwrap import DepthBatch, Images

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def brightness(images: Images) -> DepthBatch:
    """Take bright for near, in place of a model that was trained on normalised images."""
    mean, std = images.new_tensor((MEAN, STD))[..., None, None]
    normalised = (images - mean) / std
    return normalised.mean(1, keepdim=True)


backend = patchwrap.wrap_callable(brightness, convention="inverse_depth:affine", processing=(288, 384), multiple=32)
fused = patchwrap.predict(
    sys.argv[1], backend, plan="p16", progress=lambda done, total: print(f"tile {done} of {total}")
)
print(f"{fused.convention}, difference from one pass: {abs(fused.values - fused.coarse).mean():.4f}")
