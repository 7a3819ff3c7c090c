"""Which backend is worth its time? Each alone and in tiles, on the same images with known depth, as one web page.

Run it: ``python examples/07_compare_backends.py generated:4@1920x1080 report``

Needs: ``pip install ".[scenes]" ./backends/native`` and, for generated scenes, ``apt-get install libegl1
libgl1-mesa-dri libgles2``

The first argument is held-out scenes, or any data of the table "Data" in the README. Any two backends go into the
mapping: names, or objects such as the one of ``02_wrap_anything.py``.
"""

import sys

import patchwrap

data, out = sys.argv[1:3]
contestants = {
    "trio": "native",
    "lower is nearer": patchwrap.wrap_callable(
        lambda images: images.new_ones(len(images), *images.shape[2:]).cumsum(1), "inverse_depth:affine", (288, 384)
    ),
}
report = patchwrap.bench(contestants, data, plans=["2x2"], baselines=[], measures="quick", out=out)
for row in report.rows:
    if row.error:
        print(f"{row.title:50} failed: {row.error}")
        continue
    found = report.tables["own"][row.key]
    seconds = found.get("seconds", found["seconds_cold"])  # of one image alone nothing is known but the first call
    print(f"{row.title:50} AbsRel {found['abs_rel'].estimate.mean:.3f} in {seconds.estimate.mean:.2f} s")
print(f"{out}/report.html")
