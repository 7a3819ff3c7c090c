"""Backbones that are none: they know the truth of some photos and spoil it as real networks do, always alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
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
from patchwrap.datasets import Readable
from patchwrap.errors import BackendContractError
from patchwrap.finetune.recipe import digest
from patchwrap.metrics import valid_mask
from patchwrap.resampling import resize
from patchwrap.spec import TileContext, TileSource
from patchwrap.tiling import Size, Tile
from patchwrap.types import DepthBatch, Images, Map, Values

THUMBNAIL = (12, 16)
"""Rows and columns at which photos are told apart."""

ALIKE = 0.02
"""Largest mean difference of two thumbnails of one photo."""

BEYOND = 1.5
"""Sky and everything without truth lies so many times further than the furthest known pixel."""

Log = Float32[ndarray, "_ _"]


@dataclass(frozen=True)
class Faults:
    """How far a simulated network is off; every tile and image draws from zero to these.

    Args:
        coarse_blur: standard deviation of the whole image's blur, in pixels of what it sees.
        tile_blur: likewise of a tile's.
        coarse_waves: largest slow error of the whole image, in natural logarithms of depth.
        tile_waves: likewise of a tile.
        scale: largest error of a tile's scale, in natural logarithms.
        tilt: largest rise of a tile from its middle to a side, in natural logarithms.
        wander: how far edges are displaced, in pixels.
        texture: how far brightness is mistaken for depth, in natural logarithms.
        failures: share of tiles that are nonsense.
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
"""Of a network that is never off."""


class SimulatedBackend:
    """Predicts photos whose truth it knows; tiles by a loop of its own.

    Args:
        samples: photos with true depth.
        convention: of its numbers, ``depth`` or ``inverse_depth``.
        processing: see ``Backend``.
        seed: decides every error, with the photo and the tile's place.
        faults: how far it is off.
    """

    multiple = 1
    free_aspect = True

    def __init__(
        self,
        samples: Sequence[Readable],
        convention: str = "depth:scale",
        processing: tuple[int, int] = (192, 256),
        seed: int = 0,
        faults: Faults | None = None,
    ) -> None:
        self.samples = list(samples)
        self.convention = DepthConvention.parse(convention)
        self.processing = processing
        self.seed = seed
        self.faults = faults or Faults()
        self._known: tuple[str, Log] | None = None

    @property
    def fingerprint(self) -> str:
        """Changes when it would predict something else."""
        return digest([str(self.convention), self.processing, self.seed, str(self.faults)])

    def predict(self, images: Images) -> DepthBatch:
        """The whole image: blurred, with slow errors.

        Raises:
            BackendContractError: if a photo is none of its own.
        """
        maps = [self._coarse(*self._recognised(image), (image.shape[1], image.shape[2])) for image in images]
        return torch.stack(maps)[:, None].to(images)

    def predict_tiles(
        self, source: TileSource, tiles: Sequence[Tile], context: TileContext
    ) -> Iterator[tuple[Tile, Map]]:
        """Tiles of the photo that was predicted last: sharp, each with a scale, tilt and slow error of its own."""
        assert self._known is not None, "the whole image comes first"
        name, truth = self._known
        for tile in tiles:
            image = source(tile)
            size = (image.shape[2], image.shape[3])
            yield tile, self._tile(name, _cut(truth, tile, context.canvas, size), tile, image[0])

    def _coarse(self, name: str, truth: Log, size: Size) -> Map:
        rng, faults = self._draw(name), self.faults
        log = resize(torch.from_numpy(truth)[None, None], size)[0, 0].numpy()
        log = gaussian_filter(log, faults.coarse_blur * rng.uniform(0.5, 1), mode="nearest")
        return self._told(log + faults.coarse_waves * rng.uniform(0.3, 1) * _waves(rng, size, 3), rng)

    def _tile(self, name: str, log: Log, tile: Tile, image: Float[Tensor, "3 _ _"]) -> Map:
        rng, faults, size = self._draw(name, tile), self.faults, (log.shape[0], log.shape[1])
        if rng.random() < faults.failures:
            return self._told(np.float32(log.mean()) + _waves(rng, size, 4), rng)
        log = _displaced(log, faults.wander * rng.random(), rng)
        log = gaussian_filter(log, faults.tile_blur * rng.uniform(0.3, 1), mode="nearest")
        down, across = (np.linspace(-1, 1, side, dtype=np.float32) for side in size)
        slope = faults.tilt * rng.uniform(-1, 1, 2)
        log = log + faults.scale * rng.uniform(-1, 1) + slope[0] * down[:, None] + slope[1] * across[None]
        grey = image.mean(0).cpu().numpy()
        log = log + faults.texture * rng.uniform(-1, 1) * (grey - gaussian_filter(grey, 8))
        return self._told(log + faults.tile_waves * rng.random() * _waves(rng, size, 4), rng)

    def _told(self, log: Float[ndarray, "_ _"], rng: np.random.Generator) -> Map:
        """In its own convention, with what that leaves unknown drawn."""
        sign = -1.0 if self.convention.space == "inverse_depth" else 1.0
        values = np.exp(sign * log)
        if self.convention.ambiguity == "affine":
            values = values * np.exp(rng.uniform(-0.5, 0.5)) + rng.uniform(-1, 1) * values.std()
        elif self.convention.ambiguity == "scale":
            values = values * np.exp(rng.uniform(-0.2, 0.2))
        return torch.from_numpy(values.astype(np.float32))

    def _draw(self, name: str, tile: Tile | None = None) -> np.random.Generator:
        place = [] if tile is None else [tile.top, tile.left, tile.height, tile.width]
        return np.random.default_rng([self.seed, crc32(name.encode()), *place])

    def _recognised(self, image: Float[Tensor, "3 _ _"]) -> tuple[str, Log]:
        seen = resize(image[None].float().cpu(), THUMBNAIL)[0]
        apart = [float((seen - thumbnail).abs().mean()) for thumbnail in self._thumbnails]
        nearest = int(np.argmin(apart)) if apart else -1
        if nearest < 0 or apart[nearest] > ALIKE:
            raise BackendContractError("SimulatedBackend knows only the photos whose truth it was given.")
        sample = self.samples[nearest]
        if self._known is None or self._known[0] != sample.name:
            truth = sample.read().truth
            assert truth is not None, f"{sample.name} has no truth"
            self._known = sample.name, _log(truth)
        return self._known

    @cached_property
    def _thumbnails(self) -> list[Float[Tensor, "3 _ _"]]:
        found = []
        for sample in self.samples:
            pixels: Any = sample.read().photo.pixels
            full = 255 if pixels.dtype == np.uint8 else 65535 if pixels.dtype == np.uint16 else 1
            image = torch.from_numpy(pixels.astype(np.float32) / full).permute(2, 0, 1)
            found.append(resize(image[None], THUMBNAIL)[0])
        return found


def _log(truth: Values) -> Log:
    valid = valid_mask(truth)
    far = BEYOND * float(truth[valid].max()) if valid.any() else 1.0
    return np.log(np.where(valid, truth, far)).astype(np.float32)


def _cut(truth: Log, tile: Tile, canvas: Size, size: Size) -> Log:
    """A tile of the truth, averaged to a size."""
    down, across = truth.shape[0] / canvas[0], truth.shape[1] / canvas[1]
    rows = slice(round(tile.top * down), round(tile.bottom * down))
    part = np.ascontiguousarray(truth[rows, round(tile.left * across) : round(tile.right * across)])
    return resize(torch.from_numpy(part)[None, None], size)[0, 0].numpy()


def _waves(rng: np.random.Generator, size: Size, count: int) -> Log:
    """Smooth noise of about so many waves across, within about -1 to 1."""
    grid = torch.from_numpy(rng.uniform(-1, 1, (1, 1, count + 1, count + 1)).astype(np.float32))
    return F.interpolate(grid, size, mode="bicubic", align_corners=True)[0, 0].numpy()


def _displaced(log: Log, pixels: float, rng: np.random.Generator) -> Log:
    """Every pixel read a little beside itself, neighbours alike."""
    size = (log.shape[0], log.shape[1])
    places = np.indices(size, np.float32) + pixels * np.stack([_waves(rng, size, 12) for _ in range(2)])
    return map_coordinates(log, places, order=1, mode="nearest").astype(np.float32)
