"""A photo in, a detailed depth map out, and what its numbers mean.

Run it: ``python examples/01_predict.py examples/street_photo.jpg out/street``

Needs: ``pip install . ./backends/native``
"""

import sys

import patchwrap

photo, out = sys.argv[1:3]
fused = patchwrap.predict(photo, "native", fov=64.1)
height, width = fused.values.shape
print(f"{width}x{height} pixels of {fused.convention} from {fused.options['tile_count']} tiles")
for path in fused.save(out, formats=("npy", "png", "color")):
    print(path)
