"""A fusion head of your own, trained on photos alone, so that a backend's tiles agree.

Run it: ``python examples/06_finetune_a_head.py my/photos head.safetensors 200``

Needs: ``pip install ".[finetune]" ./backends/native``

A dozen photos do, a hundred are better; 200 steps take some minutes on a CPU. Photos with depth beside them (see
"Data" in the README) teach a head more: leave ``truth=False`` out.
"""

import sys
from pathlib import Path

import patchwrap

photos, out, steps = sys.argv[1:4]
endings = {".jpg", ".jpeg", ".png"}
photo = min(path for path in Path(photos).iterdir() if path.suffix.lower() in endings)
head = patchwrap.finetune("native", photos, out, steps=int(steps), truth=False, start_from="universal")
best = min(head.card.training["history"]["scores"], key=lambda scores: scores["score"])
print(f"tiles of held-out photos disagree by {best['ce']:.4f} map spreads, without a head by {best['plain_ce']:.4f}")

patchwrap.predict(photo, "native", head=out).save(photo.stem)
