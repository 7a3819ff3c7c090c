"""A global model for the whole picture with another one for the tiles: metres of the first, detail of the second.

Run it: ``python examples/05_coarse_and_fine.py examples/street_photo.jpg depth-pro depth-anything-v2-small``

Needs: ``pip install . ./backends/transformers``

Both arguments are short names, hub names or folders. A large slow model need see the picture only once, and a
small fast one may know nothing of metres: its tiles are fitted to the first one's map.
"""

import sys

import patchwrap

photo, large, small = sys.argv[1:4]
fused = patchwrap.predict(photo, coarse=f"transformers={large}", fine=f"transformers={small}", plan="p16")
nearest, furthest = fused.values.min(), fused.values.max()
print(f"{fused.convention} from {nearest:.1f} to {furthest:.1f}, {fused.options['tile_count']} tiles")
fused.save("depth")
