"""Simulated backends: they know the true depth of some photos and distort it as real networks do, reproducibly."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from scipy.ndimage import gaussian_filter, map_coordinates
from torch import Tensor
from torch.nn import functional as F

from patchwrap.convention import DepthConvention
from patchwrap.datasets import SampleSource
from patchwrap.digest import digest
from patchwrap.errors import BackendContractError, OptionError
from patchwrap.metrics import valid_mask
from patchwrap.resampling import resize_maps
from patchwrap.spec import TileContext, TileSource
from patchwrap.tiling import Size, Tile
from patchwrap.types import DepthBatch, Images, Map, Values

THUMBNAIL = (12, 16)
"""Rows and columns of the thumbnails by which photos are recognised."""

ALIKE = 0.02
"""Largest mean difference of two thumbnails of the same photo, in [0, 1]."""

BEYOND = 1.5
"""Depth of the sky and of pixels without truth, as a multiple of the largest known depth."""

Log = Float32[ndarray, "_ _"]


@dataclass(frozen=True)
class Faults:
    """Largest errors of a simulated network; every image and tile draws its own, up to these.

    Args:
        coarse_blur: standard deviation of the whole image's blur, in pixels of what it sees.
        tile_blur: likewise of a tile's.
        coarse_waves: largest slow error of the whole image, in natural logarithms of depth.
        tile_waves: likewise of a tile.
        scale: largest error of a tile's scale, in natural logarithms of depth.
        tilt: largest rise of a tile from its centre to a side, in natural logarithms of depth.
        wander: how far edges are displaced, in pixels.
        texture: how far brightness is mistaken for depth, in natural logarithms of depth.
        failures: share of tiles that are noise.
    """

    coarse_blur: float = 3.0
    tile_blur: float = 1.2
    coarse_waves: float = 0.25
    tile_waves: float = 0.12
    scale: float = 0.3
    tilt: float = 0.15
    wander: float = 1.5
    texture: float = 0.05
    failures: float = 0.02


FAULTLESS = Faults(*[0.0] * len(fields(Faults)))
"""A network without errors."""


class SimulatedBackend:
    """Predicts depth of known photos from their true depth; owns the loop over the tiles.

    Args:
        samples: photos with true depth.
        convention: of its values, with space ``depth`` or ``inverse_depth``.
        processing: see ``Backend``.
        seed: of the errors, together with the photo's name and the tile's position.
        faults: size of the errors.

    Raises:
        OptionError: if a sample has no depth.
    """

    multiple = 1
    free_aspect = True

    def __init__(
        self,
        samples: Sequence[SampleSource],
        convention: str = "depth:scale",
        processing: tuple[int, int] = (192, 256),
        seed: int = 0,
        faults: Faults | None = None,
    ) -> None:
        self.samples = list(samples)
        if without := [sample.name for sample in self.samples if not sample.has_depth]:
            raise OptionError(f"sample {without[0]!r} has no true depth; SimulatedBackend needs samples that have it.")
        self.convention = DepthConvention.parse(convention)
        self.processing = processing
        self.seed = seed
        self.faults = faults or Faults()
        self._known: tuple[str, Log] | None = None

    @property
    def fingerprint(self) -> str:
        """Changes when it would predict something else."""
        known = sorted((sample.name, sample.stamp) for sample in self.samples)
        return digest([str(self.convention), self.processing, self.seed, str(self.faults), known])

    @property
    def facts(self) -> dict[str, Any]:
        """What decides its predictions, for a head's card."""
        return {"seed": self.seed, "faults": asdict(self.faults), "samples": [one.stamp for one in self.samples]}

    def predict(self, images: Images) -> DepthBatch:
        """Predict whole images: blurred, with slowly varying errors.

        Raises:
            BackendContractError: if a photo is not one of its samples.
        """
        maps = [self._coarse(*self._recognised(image), (image.shape[1], image.shape[2])) for image in images]
        return torch.stack(maps)[:, None].to(images)

    def predict_tiles(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Tile, Map]]:
        """Predict tiles of the photo that was predicted last: sharp, each with its own scale, tilt and slow error.

        Raises:
            BackendContractError: if no photo was predicted before.
        """
        if self._known is None:
            raise BackendContractError("SimulatedBackend.predict_tiles needs the whole image first: call predict.")
        name, truth = self._known
        for tile in tiles:
            image = source(tile)
            size = (image.shape[2], image.shape[3])
            yield tile, self._tile(name, _cut(truth, tile, context.canvas, size), tile, image[0])

    def _coarse(self, name: str, truth: Log, size: Size) -> Map:
        rng, faults = self._draw(name), self.faults
        log = resize_maps(torch.from_numpy(truth)[None, None], size)[0, 0].numpy()
        log = gaussian_filter(log, faults.coarse_blur * rng.uniform(0.5, 1), mode="nearest")
        return self._expressed(log + faults.coarse_waves * rng.uniform(0.3, 1) * _waves(rng, size, 3), rng)

    def _tile(self, name: str, log: Log, tile: Tile, image: Float[Tensor, "3 _ _"]) -> Map:
        rng, faults, size = self._draw(name, tile), self.faults, (log.shape[0], log.shape[1])
        if rng.random() < faults.failures:
            return self._expressed(np.float32(log.mean()) + _waves(rng, size, 4), rng)
        log = _displaced(log, faults.wander * rng.random(), rng)
        log = gaussian_filter(log, faults.tile_blur * rng.uniform(0.3, 1), mode="nearest")
        down, across = (np.linspace(-1, 1, side, dtype=np.float32) for side in size)
        slope = faults.tilt * rng.uniform(-1, 1, 2)
        log = log + faults.scale * rng.uniform(-1, 1) + slope[0] * down[:, None] + slope[1] * across[None]
        grey = image.mean(0).cpu().numpy()
        log = log + faults.texture * rng.uniform(-1, 1) * (grey - gaussian_filter(grey, 8))
        return self._expressed(log + faults.tile_waves * rng.random() * _waves(rng, size, 4), rng)

    def _expressed(self, log: Float[ndarray, "_ _"], rng: np.random.Generator) -> Map:
        """Express log depth in the backend's convention, with random values for the unknowns that it leaves."""
        sign = -1.0 if self.convention.space == "inverse_depth" else 1.0
        values = np.exp(sign * log)
        if self.convention.ambiguity == "affine":
            values = values * np.exp(rng.uniform(-0.5, 0.5)) + rng.uniform(-1, 1) * values.std()
        elif self.convention.ambiguity == "scale":
            values = values * np.exp(rng.uniform(-0.2, 0.2))
        return torch.from_numpy(values.astype(np.float32))

    def _draw(self, name: str, tile: Tile | None = None) -> np.random.Generator:
        place = () if tile is None else astuple(tile)
        return np.random.default_rng([self.seed, crc32(name.encode()), *place])

    def _recognised(self, image: Float[Tensor, "3 _ _"]) -> tuple[str, Log]:
        seen = resize_maps(image[None].float().cpu(), THUMBNAIL)[0]
        apart = [float((seen - thumbnail).abs().mean()) for thumbnail in self._thumbnails]
        nearest = int(np.argmin(apart)) if apart else -1
        if nearest < 0 or apart[nearest] > ALIKE:
            self._known = None  # tiles of an unknown photo must not be those of the last one
            raise BackendContractError("SimulatedBackend knows only the photos of its samples; this is another one.")
        sample = self.samples[nearest]
        if self._known is None or self._known[0] != sample.name:
            truth = sample.read().truth
            assert truth is not None  # checked when the backend was made
            self._known = sample.name, _log(truth)
        return self._known

    @cached_property
    def _thumbnails(self) -> list[Float[Tensor, "3 _ _"]]:
        found = []
        for sample in self.samples:
            image = torch.from_numpy(sample.read().photo.to_float32()).permute(2, 0, 1)
            found.append(resize_maps(image[None], THUMBNAIL)[0])
        return found


def _log(truth: Values) -> Log:
    valid = valid_mask(truth)
    far = BEYOND * float(truth[valid].max()) if valid.any() else 1.0
    return np.log(np.where(valid, truth, far)).astype(np.float32)


def _cut(truth: Log, tile: Tile, canvas: Size, size: Size) -> Log:
    """True log depth of a tile, averaged to a size."""
    down, across = truth.shape[0] / canvas[0], truth.shape[1] / canvas[1]
    rows = slice(round(tile.top * down), round(tile.bottom * down))
    part = np.ascontiguousarray(truth[rows, round(tile.left * across) : round(tile.right * across)])
    return resize_maps(torch.from_numpy(part)[None, None], size)[0, 0].numpy()


def _waves(rng: np.random.Generator, size: Size, count: int) -> Log:
    """Smooth noise of about so many waves across, within about -1 to 1."""
    grid = torch.from_numpy(rng.uniform(-1, 1, (1, 1, count + 1, count + 1)).astype(np.float32))
    return F.interpolate(grid, size, mode="bicubic", align_corners=True)[0, 0].numpy()


def _displaced(log: Log, pixels: float, rng: np.random.Generator) -> Log:
    """Displace a map smoothly by up to about so many pixels."""
    size = (log.shape[0], log.shape[1])
    places = np.indices(size, np.float32) + pixels * np.stack([_waves(rng, size, 12) for _ in range(2)])
    return map_coordinates(log, places, order=1, mode="nearest").astype(np.float32)
