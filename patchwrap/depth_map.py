"""The result of a prediction: values, their convention, and conversions to pictures, depth, points and files."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Shaped
from numpy import ndarray
from numpy.typing import DTypeLike

from patchwrap import scratch
from patchwrap.convention import DepthConvention
from patchwrap.depth_files import Writing, files_of
from patchwrap.errors import ConventionError, ImageError, OptionError
from patchwrap.intrinsics import focal_px
from patchwrap.io import Photo, color_limits, color_table, paint, read_image
from patchwrap.resampling import interpolate_in_bands, stride
from patchwrap.types import CoarseMap, Mask, Picture, Points, Values

DEFAULT_FOV = 60.0
_SAMPLES = 1_000_000


@dataclass(frozen=True, eq=False)
class DepthMap:
    """A depth map together with what its numbers mean.

    Args:
        values: ``(height, width)`` at the photo's own size; may be memory-mapped.
        convention: space and ambiguity of ``values`` and ``coarse_map``.
        valid: ``(height, width)``, False where ``values`` mean nothing.
        coarse_map: the whole-image prediction at the backend's own resolution.
        confidence_map: what ``confidence`` is at its own resolution, or None.
        focal: focal length in pixels of ``values``' grid, None where unknown.
        focal_is_estimate: whether the backend estimated it.
        timings: seconds by step.
        options: what was effectively used, JSON-able.
    """

    values: Values
    convention: DepthConvention
    valid: Mask
    coarse_map: Float32[ndarray, "rows columns"]
    confidence_map: Float32[ndarray, "canvas_rows canvas_columns"] | None = None
    focal: float | None = None
    focal_is_estimate: bool = False
    timings: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        backend = f", from {self.options['coarse']}" if "coarse" in self.options else ""
        low = np.min(self.values, where=self.valid, initial=np.inf)
        high = np.max(self.values, where=self.valid, initial=-np.inf)
        between = f"{low:.3g} to {high:.3g} {self.convention.unit or ''}".rstrip() if low <= high else "nothing valid"
        return f"DepthMap({self.size[1]}x{self.size[0]} pixels, {self.convention}{backend}, {between})"

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Shaped[ndarray, "height width"]:
        """Return the values, NaN where invalid as in the files; for ``numpy.asarray``.

        Raises:
            OptionError: for ``copy=False``, since NaN is not written into ``values``.
        """
        if copy is False:
            raise OptionError("copy=False is not possible for a depth map, as invalid values become NaN; take .values")
        values = scratch.array(self.size)
        for rows in scratch.bands(len(values)):
            values[rows] = np.where(self.valid[rows], self.values[rows], np.nan)
        return values if dtype is None else values.astype(dtype, copy=False)

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` in pixels."""
        return self.values.shape[0], self.values.shape[1]

    @cached_property
    def coarse(self) -> Values:
        """The whole-image prediction on the grid of ``values``, resized bilinearly; same convention."""
        if self.coarse_map.shape == self.values.shape:
            return self.coarse_map
        return interpolate_in_bands(_as_tensor(self.coarse_map), self.size)

    @cached_property
    def confidence(self) -> Values | None:
        """Confidence of each value in [0, 1], on the grid of ``values``.

        The mean over all tiles at a pixel, weighted by their blending windows, of a product: how well the tile as a
        whole fits the coarse map, how well it agrees with it at this pixel, and the backend's own confidence, if it
        predicts one. 0 means that no tile supports the value and the coarse map shows through. Without tiles it is the
        backend's own confidence, or None.
        """
        return None if self.confidence_map is None else interpolate_in_bands(_as_tensor(self.confidence_map), self.size)

    def to_depth(self) -> Values:
        """Return distances that grow away from the camera, NaN where invalid.

        Metres for a metric convention, an unknown but common unit for a ``scale`` one. Inverse depth is
        inverted; where it is not positive there is no distance and the result is NaN.

        Raises:
            ConventionError: for an ``affine`` convention, whose unknown shift makes every ratio of
                distances unknown, and for heights.
        """
        depth = scratch.array(self.size)
        for rows in scratch.bands(len(depth)):
            depth[rows] = _distances(self.values[rows], self.valid[rows], self.convention)
        return depth

    def colorize(self, colormap: str = "Spectral") -> Picture:
        """Return a colour picture, ``(height, width, 3)``; near is the warm end in every convention.

        Colours are spread over inverse depth, where near detail shows, between the 1st and the 99th
        percentile of the valid pixels; an affine depth is spread over depth. Invalid pixels are black.

        Args:
            colormap: a name that ``cmap`` knows (Spectral, turbo, inferno, gray, …); with ``_r`` near
                is the cold end.

        Raises:
            OptionError: if there is no colour map of that name.
        """
        picture = scratch.array((*self.size, 3), np.uint8)
        self._paint(picture, self.values, self.valid, colormap)
        return picture

    def compare(self, colormap: str = "Spectral") -> Picture:
        """Return coarse (left) and fused (right) in the same colours, ``(height, 2 width, 3)``."""
        height, width = self.size
        picture = scratch.array((height, 2 * width, 3), np.uint8)
        self._paint(picture[:, :width], self.coarse, None, colormap)
        self._paint(picture[:, width:], self.values, self.valid, colormap)
        return picture

    def horizontal_fov(self, fov: float | None = None) -> tuple[float, str]:
        """Return the horizontal field of view in degrees and where it comes from.

        Args:
            fov: overrides what the map knows, in degrees between 0 and 180.

        Returns:
            Degrees, and ``given``, ``known`` (the photo's EXIF or the prediction's ``fov``), ``estimated`` (by the
            backend) or ``assumed`` (60 degrees).

        Raises:
            OptionError: if ``fov`` is not between 0 and 180.
        """
        if fov is not None:
            if not 0 < fov < 180:
                raise OptionError(f"fov is {fov:g} degrees; give a value between 0 and 180")
            return fov, "given"
        if self.focal is None:
            return DEFAULT_FOV, "assumed"
        source = "estimated" if self.focal_is_estimate else "known"
        return math.degrees(2 * math.atan(self.size[1] / 2 / self.focal)), source

    def to_point_cloud(self, image: object = None, fov: float | None = None, max_points: int | None = None) -> Points:
        """Back-project every valid pixel with the pinhole model.

        Where the focal length is unknown and no ``fov`` is given, a horizontal field of view of 60
        degrees is assumed, see ``horizontal_fov``.

        Args:
            image: the photo the colours come from, anything ``read_image`` takes, of this map's size;
                None takes the colours of ``colorize``.
            fov: horizontal field of view in degrees.
            max_points: subsample rows and columns evenly so that at most about this many points remain.

        Returns:
            Points ``(n, 3)`` with x right, y down and z forward, in metres or the convention's unknown
            unit, and their sRGB colours ``(n, 3)``.

        Raises:
            ConventionError: as ``to_depth``.
            ImageError: if the photo is not of this map's size.
            OptionError: if ``fov`` is not between 0 and 180 or ``max_points`` is less than 1.
        """
        if max_points is not None and max_points < 1:
            raise OptionError(f"max_points is {max_points}; give 1 or more, or None for all points")
        height, width = self.size
        focal = focal_px(width, self.horizontal_fov(fov)[0])
        step = stride(height * width, max_points)
        z = _distances(self.values[::step, ::step], self.valid[::step, ::step], self.convention)
        x = (np.arange(0, width, step, dtype=np.float32) + 0.5 - width / 2) / focal
        y = (np.arange(0, height, step, dtype=np.float32) + 0.5 - height / 2) / focal
        points = np.stack([z * x[None, :], z * y[:, None], z], axis=-1)
        keep = np.isfinite(z) & (z > 0)
        return points[keep].astype(np.float32), self._colours(self._photo(image), step)[keep]

    def save(
        self,
        path: str | PathLike[str],
        formats: Iterable[str] = ("npy", "png"),
        image: object = None,
        *,
        colormap: str = "Spectral",
        fov: float | None = None,
        save_coarse: bool = False,
    ) -> list[Path]:
        """Write this map to disk, each file atomically; until all are there, the JSON sidecar says ``unfinished``.

        Args:
            path: either a stem, to which ``_depth.npy``, ``_depth.png``, ``_color.jpg``, ``_depth.tiff``,
                ``_points.ply``, ``_points.glb``, ``_confidence.png`` (8 bits) and ``_depth.json`` are added;
                or one file that ends in .npy, .png (16 bits), .jpg (colours), .tiff, .ply or .glb, and then
                ``formats`` is not read.
            formats: one or several of npy, png, color, tiff, ply, glb and confidence.
            image: the photo, for the colours of a point cloud.
            colormap: for the colour pictures.
            fov: horizontal field of view in degrees, for point clouds.
            save_coarse: also ``_coarse.npy`` (own resolution) and ``_compare.jpg`` (coarse beside fused); not with the
                name of one file.

        Returns:
            The files written; existing ones are replaced.

        Raises:
            OutputError: if a file cannot be written.
            OptionError: if ``path`` is a folder or has the suffix of a format that is not written, if a format, the
                colour map or ``fov`` is impossible, if ``save_coarse`` comes with the name of one file, or if there is
                no confidence to save or no point for a GLB, which cannot be empty.
            ConventionError: if a point cloud of an affine map is requested.
            ImageError: if the photo of a point cloud cannot be read or is not of this map's size.
        """
        return self.save_as(files_of(path, formats, save_coarse), image, colormap=colormap, fov=fov)

    def save_as(
        self,
        targets: Mapping[str, Path],
        image: object = None,
        *,
        colormap: str = "Spectral",
        fov: float | None = None,
        name: str | None = None,
        without: Collection[Path] = (),
    ) -> list[Path]:
        """Write exactly these files; ``save`` calls this with the names it has derived.

        Args:
            targets: file of each output, keyed as in ``patchwrap.outputs.OUTPUTS``.
            image: the photo, for the colours of a point cloud.
            colormap: for the colour pictures.
            fov: horizontal field of view in degrees, for point clouds.
            name: what the sidecar calls the photo.
            without: an earlier map's files of kinds that this one lacks; they are deleted.

        Returns:
            The files written, in the order of writing.
        """
        Writing(self, image, colormap, fov).write_all(targets, name, without)
        return list(targets.values())

    def _nearness(self, values: Values) -> Values:
        """Values that grow towards the camera: inverse depth, or negated depth if a shift is unknown."""
        if self.convention.near_is_large:
            return values
        if self.convention.ambiguity == "affine":
            return -values
        return _inverse(values)

    def _paint(self, picture: Picture, values: Values, valid: Mask | None, colormap: str) -> None:
        """Fill a picture with the colours of a map of its size, band by band."""
        limits, table = self._limits(), color_table(colormap)
        for rows in scratch.bands(len(picture)):
            nearness = self._nearness(values[rows])
            known = np.isfinite(nearness) if valid is None else np.isfinite(nearness) & valid[rows]
            picture[rows] = paint(nearness, known, limits, table)

    def _limits(self) -> tuple[float, float]:
        """Colour limits: percentiles of the fused map, so that coarse and fused can be compared."""
        step = stride(self.values.size, _SAMPLES)
        sample = self._nearness(self.values[::step, ::step])
        return color_limits(sample[self.valid[::step, ::step]])

    def _photo(self, image: object) -> Photo | None:
        """The photo of a point cloud's colours, if one is given."""
        if image is None:
            return None
        photo = read_image(image)
        if photo.size != self.size:
            raise ImageError(
                f"{photo.name!r} is {photo.size[1]}x{photo.size[0]} pixels, but the depth map is "
                f"{self.size[1]}x{self.size[0]}; give the photo that was predicted"
            )
        return photo

    def _colours(self, photo: Photo | None, step: int) -> Picture:
        """Colours of every ``step``-th row and column."""
        if photo is None:
            picture = np.zeros((*self.values[::step, ::step].shape, 3), np.uint8)
            self._paint(picture, self.values[::step, ::step], self.valid[::step, ::step], "Spectral")
            return picture
        return replace(photo, pixels=photo.pixels[::step, ::step]).to_uint8()


def _as_tensor(values: Float32[ndarray, "rows columns"]) -> CoarseMap:
    return torch.from_numpy(values if values.flags.writeable else values.copy())


def _distances(values: Values, valid: Mask, convention: DepthConvention) -> Values:
    _check_distances(convention)
    if convention.space == "inverse_depth":
        values = _inverse(values)
    return np.where(valid, values, np.float32(np.nan))


def _inverse(values: Values) -> Values:
    with np.errstate(divide="ignore"):
        return np.where(values > 0, 1 / values, np.float32(np.nan))


def _check_distances(convention: DepthConvention) -> None:
    if convention.space == "height":
        raise ConventionError(f"{convention} maps hold heights above ground, not distances; use .values")
    if convention.ambiguity == "affine":
        raise ConventionError(
            f"{convention} values have an unknown shift, so no distances follow from them, not even relative "
            "ones; use .values as they are, or take a backend whose ambiguity is metric or scale"
        )
