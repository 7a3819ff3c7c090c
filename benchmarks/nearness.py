"""A depth backend shown by its inverse depth, so that truth may give away a scale and a shift of it."""

import torch

from patchwrap import Backend, DepthBatch, DepthConvention, Images
from patchwrap.spec import Movable


class Nearness:
    """One over another backend's depth, known up to scale and shift: what a map that knows nothing of depth is given.

    A backend whose depth lacks a factor alone is fitted with one number to each image and a ramp with two, so that
    their errors say little about which knows more. With this the two are fitted alike.

    Args:
        backend: predicts depth, not inverse depth.
    """

    convention = DepthConvention("inverse_depth", "affine")

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.processing = backend.processing
        self.multiple = getattr(backend, "multiple", 1)
        self.free_aspect = getattr(backend, "free_aspect", True)

    def to(self, device: torch.device, dtype: torch.dtype) -> object:
        """Move the other backend."""
        return self.backend.to(device, dtype) if isinstance(self.backend, Movable) else self

    def predict(self, images: Images) -> DepthBatch:
        """Invert its depth; what is not positive becomes invalid."""
        depth = self.backend.predict(images)
        return torch.where(depth > 0, 1 / depth, torch.nan)
