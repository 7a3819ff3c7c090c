"""A pretrained transformer depth model, wrapped in one line: tile-level detail, the meaning of its numbers kept.

Run it: ``python examples/04_wrap_a_pretrained_model.py examples/street_photo.jpg depth-anything-v2-small``

Needs: ``pip install . ./backends/transformers``

The second argument is a short name (``patchwrap backends`` lists them), a hub name or a local folder. A name is
downloaded once; a folder needs no network.
"""

import sys

import patchwrap

photo, checkpoint = sys.argv[1:3]
backend = patchwrap.load_backend("transformers", checkpoint)
fused = patchwrap.predict(photo, backend)
print(f"{fused.convention} from {fused.options['tile_count']} tiles, seen at {backend.processing}")
fused.save("depth")
