"""A picture with its true depth in memory, in the same form for every data set."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from patchwrap.convention import DepthConvention
from patchwrap.errors import ConventionError, ImageError
from patchwrap.intrinsics import Intrinsics
from patchwrap.io import Photo
from patchwrap.resampling import nearest_pixels, resize_photo
from patchwrap.tiling import Size, Tile
from patchwrap.types import Mask, Values

METRIC = DepthConvention("depth", "metric")
NEAREST = 1e-3
"""Lower limit in metres of evaluated depth, unless a data set's papers use another one."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture of a data set.

    Args:
        name: unique in its data set.
        photo: the picture.
        depth: true depth at the picture's size: NaN where unknown, inf in the sky; None without ground truth.
        convention: of the depth; z-depth in metres in every public data set here.
        sky: mask of the sky; None if the data set has none.
        intrinsics: pinhole parameters in the picture's pixels, or None.
        source: the picture's file, or None.
        crop: the part of the picture that the data set's papers evaluate; None for all of it.
        limits: range of depth that they evaluate, the upper limit excluded, in the depth's unit.
        edges: depth edges drawn by hand, if the data set has them.
        focal_times_baseline: pixels times metres, of the stereo rig whose disparity the depth was computed from; None
            where it is not from disparity.

    Raises:
        ImageError: if a map does not have the picture's size.
    """

    name: str
    photo: Photo
    depth: Values | None
    convention: DepthConvention = METRIC
    sky: Mask | None = None
    intrinsics: Intrinsics | None = None
    source: Path | None = None
    crop: Tile | None = None
    limits: tuple[float, float] = (NEAREST, math.inf)
    edges: Mask | None = None
    focal_times_baseline: float | None = None

    def __post_init__(self) -> None:
        for title, values in (("depth", self.depth), ("sky mask", self.sky), ("edges", self.edges)):
            if values is not None and values.shape != self.size:
                raise ImageError(
                    f"{str(self.source or self.name)!r} is {self.size[1]}x{self.size[0]} pixels, its {title} "
                    f"{'x'.join(map(str, values.shape[::-1]))}; give a {title} of the photo's size"
                )

    @property
    def size(self) -> Size:
        """``(height, width)`` in pixels."""
        return self.photo.size

    @property
    def valid(self) -> Mask:
        """Mask of known depth; false in the sky, and everywhere without ground truth."""
        if self.depth is None:
            return np.zeros(self.size, bool)
        known = np.isfinite(self.depth)
        return known if self.convention.ambiguity == "affine" else known & (self.depth > 0)

    @property
    def evaluated(self) -> Mask:
        """Mask of the pixels that the data set's papers evaluate: known depth within the limits and inside the crop."""
        evaluated = self.valid
        if self.depth is not None:
            evaluated &= (self.depth >= self.limits[0]) & (self.depth < self.limits[1])
        if self.crop is not None:
            inside = np.zeros(self.size, bool)
            inside[self.crop.slices] = True
            evaluated &= inside
        return evaluated

    @property
    def has_depth(self) -> bool:
        """Whether there is true depth."""
        return self.depth is not None

    @property
    def max_depth(self) -> float:
        """Depth below which the data set's papers evaluate, in the depth's unit."""
        return self.limits[1]

    @cached_property
    def stamp(self) -> str:
        """Digest of the picture, its maps, and which pixels are evaluated."""
        digest = sha256(repr((str(self.convention), self.crop, self.limits, self.focal_times_baseline)).encode())
        for name, values in ({"pixels": self.photo.pixels} | self._maps()).items():
            digest.update(f"{name} {values.dtype} {values.shape}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()[:16]

    def read(self) -> "Sample":
        """Itself: it is read already."""
        return self

    @property
    def truth(self) -> Values | None:
        """True metres where they count: inf where the sky is, NaN where they do not; None without depth.

        Raises:
            ConventionError: if the depth is no metres.
        """
        if self.depth is None:
            return None
        if self.convention != METRIC:
            raise ConventionError(f"{self.name!r} has depth as {self.convention}; needed is {METRIC}")
        return np.where(self.evaluated | np.isinf(self.depth), self.depth, np.float32(np.nan))

    @property
    def disparity(self) -> Values | None:
        """The rig's disparity in this picture's pixels: 0 in the sky, NaN where unknown; None without a rig."""
        if self.depth is None or self.focal_times_baseline is None:
            return None
        known = np.where(self.valid | np.isinf(self.depth), self.depth, np.float32(np.nan))
        return np.float32(self.focal_times_baseline) / known

    def cut(self, part: Tile) -> "Sample":
        """The same of a part of the picture, whatever of the evaluation crop lies in it.

        Args:
            part: inside the picture.
        """
        maps = {name: values[part.slices] for name, values in self._maps().items()}
        pixels = np.ascontiguousarray(self.photo.pixels[part.slices])
        return replace(
            self,
            photo=replace(self.photo, pixels=pixels),
            intrinsics=self.intrinsics and _moved(self.intrinsics, part),
            crop=self.crop and _shared(self.crop, part),
            **maps,
        )

    def resized(self, size: Size) -> "Sample":
        """The same at another size: the picture filtered, of the maps the nearest values, for means mix near and far.

        Args:
            size: ``(height, width)`` in pixels.
        """
        places = nearest_pixels(self.size, size)
        maps = {name: values[places] for name, values in self._maps().items()}
        down, across = (n / old for n, old in zip(size, self.size))
        return replace(
            self,
            photo=replace(self.photo, pixels=np.asarray(resize_photo(self.photo.pixels, size))),
            intrinsics=self.intrinsics and _scaled(self.intrinsics, down, across),
            crop=self.crop and _stretched(self.crop, down, across),
            focal_times_baseline=self.focal_times_baseline and self.focal_times_baseline * across,
            **maps,
        )

    def tensors(self) -> dict[str, Tensor | str]:
        """What ``torch.utils.data.default_collate`` makes batches of, the same keys for every sample.

        Returns:
            ``image`` (3, height, width) in [0, 1]; ``depth`` (1, height, width), 0 where it is not valid; ``valid``,
            ``evaluated`` and ``sky``, likewise, bool; ``focal`` in pixels, NaN where unknown; ``name``.
        """
        valid = self.valid
        depth = np.where(valid, 0 if self.depth is None else self.depth, 0).astype(np.float32)
        sky = np.zeros(self.size, bool) if self.sky is None else self.sky
        return {
            "image": torch.from_numpy(self.photo.to_float32()).permute(2, 0, 1).contiguous(),
            "depth": torch.from_numpy(depth)[None],
            "valid": torch.from_numpy(valid)[None],
            "evaluated": torch.from_numpy(self.evaluated)[None],
            "sky": torch.from_numpy(np.ascontiguousarray(sky))[None],
            "focal": torch.tensor(self.intrinsics.fx if self.intrinsics else math.nan),
            "name": self.name,
        }

    def _maps(self) -> dict[str, Any]:
        maps = {"depth": self.depth, "sky": self.sky, "edges": self.edges}
        return {name: values for name, values in maps.items() if values is not None}


def _moved(intrinsics: Intrinsics, part: Tile) -> Intrinsics:
    return replace(intrinsics, cx=intrinsics.cx - part.left, cy=intrinsics.cy - part.top)


def _scaled(intrinsics: Intrinsics, down: float, across: float) -> Intrinsics:
    return Intrinsics(intrinsics.fx * across, intrinsics.fy * down, intrinsics.cx * across, intrinsics.cy * down)


def _shared(crop: Tile, part: Tile) -> Tile:
    top, left = max(crop.top, part.top), max(crop.left, part.left)
    height, width = min(crop.bottom, part.bottom) - top, min(crop.right, part.right) - left
    return Tile(top - part.top, left - part.left, max(height, 0), max(width, 0))


def _stretched(crop: Tile, down: float, across: float) -> Tile:
    top, bottom = round(crop.top * down), round(crop.bottom * down)
    left, right = round(crop.left * across), round(crop.right * across)
    return Tile(top, left, bottom - top, right - left)


def collate(samples: Sequence[Sample]) -> dict[str, Any]:
    """Make a batch of samples of one size; for a ``DataLoader``'s ``collate_fn``.

    Returns:
        What ``Sample.tensors`` gives, with a first axis ``batch``; names as a list.
    """
    return default_collate([sample.tensors() for sample in samples])
