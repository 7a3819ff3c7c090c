"""Canonical depth: what the networks regress, and how it becomes metres. Numbers only, no networks.

A network cannot know the field of view, and 40 to 90 degrees make metres ambiguous by a factor of 2.4. It
therefore regresses the depth that a camera of one fixed focal length would have needed for the same
picture (Metric3D, arXiv 2307.10984): ``z_canonical = z * FOCAL / f``, f in pixels of the network's input.
"""

import torch

FOCAL = 500.0
"""The canonical focal length, in pixels of the network's own input."""

FURTHEST = 1000.0
"""Canonical depth that predictions are clamped to; sky lies here, in canonical metres."""

SKY = 400.0
"""Sky is pushed beyond this canonical depth by a hinge, in canonical metres."""

VALID_METRES = 200.0
"""True depth beyond this many metres is not regressed, only known to be at least as far."""


def unit_of(longer: int | torch.SymInt) -> float | torch.SymFloat:
    """Predicted units per canonical metre for an input whose longer side has so many pixels.

    The unit is chosen such that ``metres = units * focal``, focal as a fraction of the longer side L:
    ``z = z_canonical * f / FOCAL`` with ``f = focal * L``, hence ``units = z_canonical * L / FOCAL``. So
    the same constant turns predictions at every input size into metres.
    """
    return longer / FOCAL
