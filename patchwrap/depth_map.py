"""The result of a prediction: values, their convention, and conversions to pictures, depth, points and files."""

import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy import ndarray

import patchwrap
from patchwrap import scratch
from patchwrap.convention import DepthConvention
from patchwrap.errors import ConventionError, ImageError, OptionError
from patchwrap.io import (
    CONFIDENCE_FORMULA,
    Photo,
    Quantization,
    color_limits,
    color_table,
    paint,
    quantize,
    read_image,
    write_confidence,
    write_json,
    write_npy,
    write_picture,
    write_png16,
    write_points,
    write_tiff,
)
from patchwrap.outputs import named_in, named_output, output_paths, told_by
from patchwrap.resampling import interpolate_in_bands
from patchwrap.types import CoarseMap, Mask, Picture, Values

DEFAULT_FOV = 60.0
MAX_SAVED_POINTS = 2_000_000
_SAMPLES = 1_000_000

Points = tuple[Float32[ndarray, "n 3"], UInt8[ndarray, "n 3"]]
"""Points in the camera's axes and their sRGB colours."""


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
        timings: seconds by step.
        options: what was effectively used, JSON-able.
    """

    values: Values
    convention: DepthConvention
    valid: Mask
    coarse_map: Float32[ndarray, "rows columns"]
    confidence_map: Float32[ndarray, "canvas_rows canvas_columns"] | None = None
    focal: float | None = None
    timings: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

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
            Degrees, and ``given``, ``known`` (the photo's EXIF or the prediction's ``fov``) or
            ``assumed`` (60 degrees).

        Raises:
            OptionError: if ``fov`` is not between 0 and 180.
        """
        if fov is not None:
            if not 0 < fov < 180:
                raise OptionError(f"fov is {fov:g} degrees; give a value between 0 and 180")
            return fov, "given"
        if self.focal is None:
            return DEFAULT_FOV, "assumed"
        return math.degrees(2 * math.atan(self.size[1] / 2 / self.focal)), "known"

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
        focal = width / 2 / math.tan(math.radians(self.horizontal_fov(fov)[0]) / 2)
        step = _step(height * width, max_points)
        z = _distances(self.values[::step, ::step], self.valid[::step, ::step], self.convention)
        x = (np.arange(0, width, step, dtype=np.float32) + 0.5 - width / 2) / focal
        y = (np.arange(0, height, step, dtype=np.float32) + 0.5 - height / 2) / focal
        points = np.stack([z * x[None, :], z * y[:, None], z], axis=-1)
        keep = _in_front(z)
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
        _check_names_file(path)
        path = Path(path)
        if save_coarse and named_output(path):
            raise OptionError(
                f"{str(path)!r} names one file, and save_coarse writes two more. Give a name without its suffix, such "
                f"as {str(path.with_suffix(''))!r}, and formats"
            )
        targets = named_output(path) or output_paths(path, formats, save_coarse)
        return self.save_as(targets, image, colormap=colormap, fov=fov)

    def save_as(
        self,
        targets: Mapping[str, Path],
        image: object = None,
        *,
        colormap: str = "Spectral",
        fov: float | None = None,
        name: str | None = None,
    ) -> list[Path]:
        """Write exactly these files; ``save`` calls this with the names it has derived.

        Args:
            targets: file of each output, keyed as in ``patchwrap.outputs.OUTPUTS``.
            image: the photo, for the colours of a point cloud.
            colormap: for the colour pictures.
            fov: horizontal field of view in degrees, for point clouds.
            name: what the sidecar calls the photo.

        Returns:
            The files written, in the order of writing.
        """
        self._check_request(set(targets), colormap)
        photo = self._photo(image) if {"ply", "glb"} & set(targets) else None
        scale = quantize(self.values, self.valid, self.convention)
        sidecar = self._sidecar(scale, fov, name)
        # If this is interrupted, the files must be known as patchwrap's, but no sidecar may describe a mixture of old
        # and new ones.
        if "json" in targets:
            sidecar |= _vouched_for(targets)
            begun = {key: sidecar[key] for key in ("image", "versions", "earlier", "files")}
            write_json(targets["json"], begun | {"unfinished": True})
        for key, path in targets.items():
            if key in ("ply", "glb"):
                sidecar["points"] = self._write_points(key, path, photo, fov)
            elif key in ("color", "compare"):
                sidecar[key] = self._write_picture(key, path, colormap)
            elif key != "json":
                self._write(key, path, scale)
        if "confidence" in targets:
            sidecar["confidence"] = {"formula": CONFIDENCE_FORMULA, "meaning": _CONFIDENCE}
        if "json" in targets:
            write_json(targets["json"], sidecar)
        return list(targets.values())

    def _check_request(self, keys: set[str], colormap: str) -> None:
        """Raise before the first file is written."""
        if keys & {"color", "compare"}:
            color_table(colormap)
        if keys & {"ply", "glb"}:
            _check_distances(self.convention)
        if "glb" in keys and not self._has_points():
            raise OptionError(
                "this map has no valid pixel in front of the camera, and a GLB file cannot be empty. Leave the format "
                "out, or take ply"
            )
        if "confidence" in keys and self.confidence_map is None:
            raise OptionError(
                "this map has no confidence: it was made without tiles, by a backend that predicts none. Leave the "
                "format out, or predict with tiles, by a plan such as 2x2"
            )

    def _has_points(self) -> bool:
        """Whether a saved point cloud has any."""
        step = _step(self.values.size, MAX_SAVED_POINTS)
        z = _distances(self.values[::step, ::step], self.valid[::step, ::step], self.convention)
        return bool(_in_front(z).any())

    def _write(self, key: str, path: Path, scale: Quantization) -> None:
        match key:
            case "npy":
                write_npy(path, self.values, self.valid)
            case "png":
                write_png16(path, self.values, self.valid, scale, {"convention": str(self.convention)})
            case "tiff":
                write_tiff(path, self.values, self.valid)
            case "confidence":
                assert self.confidence is not None
                write_confidence(path, self.confidence)
            case "coarse":
                write_npy(path, self.coarse_map)
            case _:
                raise AssertionError(f"no writer for {key!r}, which patchwrap.outputs lists")

    def _write_picture(self, key: str, path: Path, colormap: str) -> dict[str, int]:
        height, width = write_picture(path, self.colorize(colormap) if key == "color" else self.compare(colormap))
        return {"width": width, "height": height}

    def _write_points(self, key: Any, path: Path, image: Photo | None, fov: float | None) -> dict[str, int]:
        points, colours = self.to_point_cloud(image, fov, MAX_SAVED_POINTS)
        write_points(path, points, colours, key)
        return {"written": len(points), "every_nth_row_and_column": _step(self.values.size, MAX_SAVED_POINTS)}

    def _sidecar(self, scale: Quantization, fov: float | None, name: str | None) -> dict[str, Any]:
        """All that is needed to use the files without knowing patchwrap."""
        height, width = self.size
        return {
            "image": name,
            "width": width,
            "height": height,
            "convention": str(self.convention),
            "meaning": _MEANING[self.convention.space] + " " + _KNOWN[self.convention.ambiguity],
            "unit": self.convention.unit,
            "minimum": scale.minimum,
            "maximum": scale.maximum,
            "valid_fraction": float(np.count_nonzero(self.valid)) / self.valid.size,
            "png16": {"formula": scale.formula, "scale": scale.scale, "offset": scale.offset, "invalid": 0},
            "camera": self._camera(fov),
            "coarse": {"width": self.coarse_map.shape[1], "height": self.coarse_map.shape[0]},
            "options": self.options,
            "timings": self.timings,
            "versions": _versions(),
        }

    def _camera(self, fov: float | None) -> dict[str, Any]:
        """Field of view in degrees, where it is from, and the focal length in pixels."""
        degrees, source = self.horizontal_fov(fov)
        focal = self.size[1] / 2 / math.tan(math.radians(degrees) / 2)
        return {"horizontal_fov": degrees, "source": source, "focal_px": focal}

    def _nearness(self, values: Values) -> Values:
        """Values that grow towards the camera: inverse depth, or negated depth if a shift is unknown."""
        if self.convention.near_is_large:
            return values
        if self.convention.ambiguity == "affine":
            return -values
        with np.errstate(divide="ignore"):
            return np.where(values > 0, 1 / values, np.float32(np.nan))

    def _paint(self, picture: Picture, values: Values, valid: Mask | None, colormap: str) -> None:
        """Fill a picture with the colours of a map of its size, band by band."""
        limits, table = self._limits(), color_table(colormap)
        for rows in scratch.bands(len(picture)):
            nearness = self._nearness(values[rows])
            known = np.isfinite(nearness) if valid is None else np.isfinite(nearness) & valid[rows]
            picture[rows] = paint(nearness, known, limits, table)

    def _limits(self) -> tuple[float, float]:
        """Colour limits: percentiles of the fused map, so that coarse and fused can be compared."""
        step = _step(self.values.size, _SAMPLES)
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


def _vouched_for(targets: Mapping[str, Path]) -> dict[str, Any]:
    """Names of the files, and of others that the sidecar which they replace knew as patchwrap's."""
    files = {key: path.name for key, path in targets.items()}
    return {"earlier": sorted(named_in(told_by(targets["json"])) - set(files.values())), "files": files}


def _check_names_file(path: str | PathLike[str]) -> None:
    """Refuse a folder, beside which the files would be written."""
    if Path(path).name not in ("", "..") and (os.fspath(path).endswith(("/", os.sep)) or Path(path).is_dir()):
        raise OptionError(f"{os.fspath(path)!r} is a folder; give a name in it, such as {str(Path(path, 'street'))!r}")


_CONFIDENCE = (
    "How far to believe each value: 0 where no tile confirms the whole-image prediction, 1 where all tiles agree "
    "with it and the backend is sure."
)
_MEANING = {
    "depth": "Values grow with distance along the optical axis.",
    "inverse_depth": "Values are one over distance along the optical axis: large is near.",
    "height": "Values are heights above ground.",
}
_KNOWN = {
    "metric": "They are absolute.",
    "scale": "They are right up to one unknown factor for the whole picture.",
    "affine": "They are right up to one unknown factor and one unknown shift for the whole picture.",
}


def _as_tensor(values: Float32[ndarray, "rows columns"]) -> CoarseMap:
    return torch.from_numpy(values if values.flags.writeable else values.copy())


def _distances(values: Values, valid: Mask, convention: DepthConvention) -> Values:
    _check_distances(convention)
    if convention.space == "inverse_depth":
        with np.errstate(divide="ignore"):
            values = np.where(values > 0, 1 / values, np.float32(np.nan))
    return np.where(valid, values, np.float32(np.nan))


def _in_front(z: Values) -> Mask:
    return np.isfinite(z) & (z > 0)


def _check_distances(convention: DepthConvention) -> None:
    if convention.space == "height":
        raise ConventionError(f"{convention} maps hold heights above ground, not distances; use .values")
    if convention.ambiguity == "affine":
        raise ConventionError(
            f"{convention} values have an unknown shift, so no distances follow from them, not even relative "
            "ones; use .values as they are, or take a backend whose ambiguity is metric or scale"
        )


def _step(pixels: int, limit: int | None) -> int:
    """Stride over rows and columns that leaves at most about ``limit`` pixels."""
    return 1 if limit is None or pixels <= limit else math.ceil(math.sqrt(pixels / limit))


def _versions() -> dict[str, str]:
    return {
        "patchwrap": patchwrap.__version__,
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "numpy": np.__version__,
    }
