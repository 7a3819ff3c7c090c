"""A backend whose tiles are the truth, which shows the most that tiles can gain over a map of the whole image."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import torch

from patchwrap.datasets import SampleSource
from patchwrap.errors import BackendContractError
from patchwrap.finetune import SimulatedBackend
from patchwrap.finetune.simulated import FAULTLESS
from patchwrap.spec import Movable, TileView, Traits, fine_of
from patchwrap.types import DepthBatch, Images
from patchwrap.wrapping import wrap


class Undoubted:
    """A head that leaves tiles unchanged and keeps them from being drawn to the coarse map, whose errors they lack."""

    drawn, fuser, wants_features, knows_tiles = "never", "poisson", False, True

    def refine(self, view: TileView) -> DepthBatch:
        """Return the tile as it was fitted to the coarse map."""
        return view.aligned


class TrueTiles:
    """Predicts the whole image by a backend, and tiles without error at the size that backend would.

    Its tiles are fitted to the whole image as all are, by scale, shift and plane, and fused as all are.

    Args:
        backend: that predicts the whole image; all remaining errors are its own.
        samples: photos with true depth.
    """

    def __init__(self, backend: Any, samples: Sequence[SampleSource]) -> None:
        self.whole = wrap(backend)
        self.convention, self.processing = self.whole.convention, self.whole.processing
        traits = Traits.of(self.whole)
        self.multiple, self.free_aspect, self.mirror = traits.multiple, traits.free_aspect, traits.mirror
        network = fine_of(self.whole) or self.whole
        self.fine = SimulatedBackend(samples, str(self.convention), network.processing, faults=FAULTLESS)
        self.head = Undoubted()

    def predict(self, images: Images) -> DepthBatch:
        """Predict the whole image by the backend."""
        # A mirrored image is recognised by its mirror image, so that the tiles stay those of the photo.
        for seen in (images, images.flip(-1)):
            with suppress(BackendContractError):
                self.fine.predict(seen)
                break
        return self.whole.predict(images)

    def to(self, device: torch.device, dtype: torch.dtype) -> "TrueTiles":
        """Move the backend if it can be moved."""
        if isinstance(self.whole, Movable):
            self.whole.to(device, dtype)
        return self
