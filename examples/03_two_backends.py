"""One backend for the whole image, another for the tiles: a global model's layout with a sharp model's detail.

Run it: ``python examples/03_two_backends.py examples/street_photo.jpg``

Needs: ``pip install . ./backends/native``

The result keeps the convention of ``coarse``; both meet in the space where one is affine to the other.
"""

import sys

import patchwrap
from patchwrap import DepthBatch, Images


def lower_is_nearer(images: Images) -> DepthBatch:
    """Stand in for a model with a good idea of the whole: the ground comes towards the camera."""
    ramp = 0.1 + images.new_ones(images.shape[2]).cumsum(0) / images.shape[2]
    return ramp[:, None].expand(len(images), 1, *images.shape[2:])


layout = patchwrap.wrap_callable(lower_is_nearer, convention="inverse_depth:affine", processing=(288, 384))
fused = patchwrap.predict(sys.argv[1], coarse=layout, fine="native", plan="3x3")
print(f"{fused.convention} from {fused.options['coarse']} and {fused.options['fine']}")
