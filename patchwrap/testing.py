"""For tests of backends: the contract every backend keeps, and a fake whose answers are known.

``check_backend`` is what a plugin's own test calls; ``PaintedBackend`` reads depth that was painted
into a picture and distorts it as real models do.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor

from patchwrap.convention import DepthConvention
from patchwrap.errors import BackendContractError
from patchwrap.resampling import input_size
from patchwrap.spec import Backend, Movable, fine_of
from patchwrap.tile_runner import ask, checked
from patchwrap.tile_view import CONTEXT, TileView
from patchwrap.types import DepthBatch, Images
from patchwrap.wrapping import check_backend_facts


def check_backend(backend: Backend, sizes: tuple[tuple[int, int], ...] = ((1080, 1920), (640, 480))) -> None:
    """Check that a backend keeps its contract; call it from the backend's own test.

    Args:
        backend: what to check.
        sizes: ``(height, width)`` of photos whose input sizes are tried.

    Raises:
        BackendContractError: if a declaration or a returned map breaks the contract.
        AssertionError: if predictions are all invalid, depend on their batch neighbours, are constant, or are others
            after the backend was in half precision for a while.
    """
    name = type(backend).__name__
    check_backend_facts(backend, name)
    for size in sizes:
        _check_predictions(backend, name, _pictures(backend, size))
        _check_answers(backend, _pictures(backend, size))
    if isinstance(backend, Movable):
        _check_return(backend, name, _pictures(backend, sizes[0]))
    if (fine := fine_of(backend)) is not None and fine is not backend:
        check_backend(fine, sizes)


def _pictures(backend: Backend, size: tuple[int, int]) -> Images:
    """Two pictures at the size at which a photo of a size is seen."""
    multiple, free = getattr(backend, "multiple", 1), getattr(backend, "free_aspect", True)
    height, width = input_size(size, backend.processing, multiple, free)
    photos = np.stack([painted_photo(height, width), painted_photo(height, width)[:, ::-1]])
    return torch.from_numpy(photos).permute(0, 3, 1, 2).contiguous()


def _check_predictions(backend: Backend, name: str, images: Images) -> None:
    before = images.clone()
    with torch.no_grad():
        both = checked(name, backend.predict(images), images)
        one = checked(name, backend.predict(images[:1]), images[:1])
    assert torch.equal(before, images), f"{name}.predict changes its input."
    assert both.isfinite().any(), f"{name}.predict returned no finite value."
    valid = both[0].isfinite() & one[0].isfinite()
    spread = both[0][valid].std()
    assert spread > 0, f"{name}.predict returned a constant map."
    gap = (both[0][valid] - one[0][valid]).abs().max()
    assert gap <= 1e-3 * both[0][valid].abs().max(), f"{name}: a map depends on its batch neighbours (by {gap})."


@torch.no_grad()
def _check_answers(backend: Backend, images: Images) -> None:
    """With its confidence, and with its features, where it has them."""
    for with_features in (False, True):
        ask(backend, images, with_features)


@torch.no_grad()
def _check_return(backend: Any, name: str, images: Images) -> None:
    """One backend serves many calls: what one of them asked for must not cost later ones their precision."""
    maps = []
    for dtypes in ((torch.float32,), (torch.bfloat16, torch.float32)):
        for dtype in dtypes:
            backend.to(torch.device("cpu"), dtype)
            predicted = _predicted_in(dtype, backend, name, images[:1])
        maps.append(predicted.nan_to_num())
    same = torch.equal(*maps)
    assert same, f"{name}.to() comes back from bfloat16 rounded. Keep the weights: patchwrap.precision.Precision."


def _predicted_in(dtype: torch.dtype, backend: Any, name: str, images: Images) -> DepthBatch:
    try:
        return checked(name, backend.predict(images), images)
    except RuntimeError as error:
        raise BackendContractError(
            f"{name}.predict fails after to(cpu, {dtype}): {error}. Images stay float32: bring them to the number type "
            "of the weights inside predict."
        ) from error


def painted_photo(height: int = 240, width: int = 400) -> Float32[ndarray, "height width 3"]:
    """A grey photo whose brightness is the inverse depth: a plane, a box and a thin bar; values in [0.2, 1]."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    grey = 0.2 + 0.4 * y + 0.2 * x
    grey[height // 3 : height // 2, width // 4 : width // 3] += 0.2
    grey[:, 5 * width // 8 : 5 * width // 8 + 3] += 0.15
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)


def bare_view(images: Images, coarse: DepthBatch, aligned: DepthBatch, **parts: Tensor | None) -> TileView:
    """Tiles as a fusion head sees them, alone in the world: believed, in agreement, surrounded by a flat map.

    Args:
        images: RGB in [0, 1].
        coarse: the coarse map under each tile.
        aligned: the aligned tiles.
        parts: others of the view's parts.
    """
    count = len(images)
    plain: dict[str, Any] = {
        "confidence": torch.ones_like(aligned),
        "disagreement": torch.zeros_like(aligned),
        "context": torch.zeros(count, 4, *CONTEXT),
        "centre": torch.zeros(count),
        "spread": torch.ones(count),
    }
    return TileView(images, coarse, aligned, **(plain | parts))


class PaintedBackend:
    """Reads painted inverse depth; each image gets a scale and shift of its own, after the first also a tilt.

    Args:
        convention: what to return.
        distort: strength of the distortion; 0 is exact.
        seed: draws the distortions.
    """

    processing = (60, 100)

    def __init__(self, convention: str = "inverse_depth:affine", distort: float = 0.0, seed: int = 0) -> None:
        self.convention = DepthConvention.parse(convention)
        self.distort = distort
        self.calls: list[tuple[int, ...]] = []
        self._draw = torch.Generator().manual_seed(seed)

    def predict(self, images: Images) -> DepthBatch:
        """Read and distort; the shape of every batch is kept in ``calls``."""
        self.calls.append(tuple(images.shape))
        values = images.mean(1, keepdim=True)
        if self.convention.ambiguity == "affine":
            return self._distorted(values)
        inverse = values if self.convention.space == "inverse_depth" else values.reciprocal()
        return inverse * torch.exp(self.distort * self._normal(len(images), 1))

    def _distorted(self, values: DepthBatch) -> DepthBatch:
        scale, shift, v, u = self._normal(len(values), 4).split(1, dim=1)
        y, x = (torch.linspace(-1, 1, n) for n in values.shape[2:])
        tilt = 0.1 * (len(self.calls) > 1) * (v * y[:, None] + u * x[None, :])
        return values * torch.exp(self.distort * scale) + self.distort * (shift + tilt)

    def _normal(self, batch: int, numbers: int) -> Float[Tensor, "batch numbers 1 1"]:
        return torch.randn(batch, numbers, 1, 1, generator=self._draw)
