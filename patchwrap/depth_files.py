"""The files that a depth map becomes, and the sidecar that describes them; it computes no value of the map."""

import os
import platform
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import patchwrap
from patchwrap.errors import OptionError
from patchwrap.intrinsics import focal_px
from patchwrap.io import (
    CONFIDENCE_FORMULA,
    POINT_AXES,
    Quantization,
    color_table,
    quantize,
    remove,
    write_confidence,
    write_json,
    write_npy,
    write_picture,
    write_png16,
    write_points,
    write_tiff,
)
from patchwrap.outputs import named_in, named_output, output_paths, told_by
from patchwrap.resampling import stride
from patchwrap.types import Picture, Points

if TYPE_CHECKING:
    from patchwrap.depth_map import DepthMap

MAX_SAVED_POINTS = 2_000_000
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


def files_of(path: str | PathLike[str], formats: Iterable[str], save_coarse: bool) -> dict[str, Path]:
    """Return the file of every output that ``DepthMap.save`` is asked for.

    Raises:
        OptionError: if ``path`` is a folder or has the suffix of a format that is not written, if a format is unknown,
            or if ``save_coarse`` comes with the name of one file.
    """
    given, path = os.fspath(path), Path(path)
    if path.name not in ("", "..") and (given.endswith(("/", os.sep)) or path.is_dir()):
        raise OptionError(f"{given!r} is a folder; give a name in it, such as {str(path / 'street')!r}")
    if save_coarse and named_output(path):
        raise OptionError(
            f"{str(path)!r} names one file, and save_coarse writes two more. Give a name without its suffix, such "
            f"as {str(path.with_suffix(''))!r}, and formats"
        )
    return named_output(path) or output_paths(path, formats, save_coarse)


@dataclass(frozen=True)
class Writing:
    """What the files of one map are made of.

    Args:
        depth: the map.
        image: the photo, for the colours of a point cloud.
        colormap: for the colour pictures.
        fov: horizontal field of view in degrees, for point clouds.
    """

    depth: "DepthMap"
    image: object
    colormap: str
    fov: float | None

    def write_all(self, targets: Mapping[str, Path], name: str | None, without: Collection[Path]) -> None:
        """Write these files; see ``DepthMap.save_as``."""
        self._check(set(targets))
        sidecar = self._sidecar(name)
        # If this is interrupted, the files must be known as patchwrap's, but no sidecar may describe a mixture of old
        # and new ones.
        if "json" in targets:
            sidecar |= _vouched_for(targets)
            begun = {key: sidecar[key] for key in ("image", "versions", "earlier", "files")}
            write_json(targets["json"], begun | {"unfinished": True})
        for path in without:
            remove(path)
        for key, path in targets.items():
            sidecar |= {} if key == "json" else self._write(key, path)
        if "json" in targets:
            gone = {path.name for path in without}
            write_json(targets["json"], sidecar | {"earlier": [one for one in sidecar["earlier"] if one not in gone]})

    @cached_property
    def _scale(self) -> Quantization:
        return quantize(self.depth.values, self.depth.valid, self.depth.convention)

    @cached_property
    def _points(self) -> Points:
        return self.depth.to_point_cloud(self.image, self.fov, MAX_SAVED_POINTS)

    def _check(self, keys: set[str]) -> None:
        """Raise before the first file is written."""
        if keys & {"color", "compare"}:
            color_table(self.colormap)
        points = self._points[0] if keys & {"ply", "glb"} else ()  # raises if the map gives none
        if "glb" in keys and not len(points):
            raise OptionError(
                "this map has no valid pixel in front of the camera, and a GLB file cannot be empty. Leave the format "
                "out, or take ply"
            )
        if "confidence" in keys and self.depth.confidence_map is None:
            raise OptionError(
                "this map has no confidence: it was made without tiles, by a backend that predicts none. Leave the "
                "format out, or predict with tiles, by a plan such as 2x2"
            )

    def _write(self, key: str, path: Path) -> dict[str, Any]:
        """Write one output; return what the sidecar says of it."""
        depth = self.depth
        match key:
            case "npy":
                write_npy(path, depth.values, depth.valid)
            case "png":
                write_png16(path, depth.values, depth.valid, self._scale, {"convention": str(depth.convention)})
            case "tiff":
                write_tiff(path, depth.values, depth.valid)
            case "coarse":
                write_npy(path, depth.coarse_map)
            case "color":
                return {key: _write_picture(path, depth.colorize(self.colormap))}
            case "compare":
                return {key: _write_picture(path, depth.compare(self.colormap))}
            case "ply" | "glb":
                return {"points": self._write_points(path, key)}
            case "confidence":
                assert depth.confidence is not None
                write_confidence(path, depth.confidence)
                return {key: {"formula": CONFIDENCE_FORMULA, "meaning": _CONFIDENCE}}
            case _:
                raise AssertionError(f"no writer for {key!r}, which patchwrap.outputs lists")
        return {}

    def _write_points(self, path: Path, file_type: Literal["ply", "glb"]) -> dict[str, Any]:
        points, colours = self._points
        write_points(path, points, colours, file_type)
        step = stride(self.depth.values.size, MAX_SAVED_POINTS)
        return {"written": len(points), "every_nth_row_and_column": step, "axes": POINT_AXES}

    def _sidecar(self, name: str | None) -> dict[str, Any]:
        """All that is needed to use the files without knowing patchwrap."""
        depth, scale = self.depth, self._scale
        height, width = depth.size
        degrees, source = depth.horizontal_fov(self.fov)
        return {
            "image": name,
            "width": width,
            "height": height,
            "convention": str(depth.convention),
            "meaning": _MEANING[depth.convention.space] + " " + _KNOWN[depth.convention.ambiguity],
            "unit": depth.convention.unit,
            "minimum": scale.minimum,
            "maximum": scale.maximum,
            "valid_fraction": float(np.count_nonzero(depth.valid)) / depth.valid.size,
            "png16": {"formula": scale.formula, "scale": scale.scale, "offset": scale.offset, "invalid": 0},
            "camera": {"horizontal_fov": degrees, "source": source, "focal_px": focal_px(width, degrees)},
            "coarse": {"width": depth.coarse_map.shape[1], "height": depth.coarse_map.shape[0]},
            "options": depth.options,
            "timings": depth.timings,
            "versions": _versions(),
        }


def _write_picture(path: Path, picture: Picture) -> dict[str, int]:
    height, width = write_picture(path, picture)
    return {"width": width, "height": height}


def _vouched_for(targets: Mapping[str, Path]) -> dict[str, Any]:
    """Names of the files, and of others that the sidecar which they replace knew as patchwrap's."""
    files = {key: path.name for key, path in targets.items()}
    return {"earlier": sorted(named_in(told_by(targets["json"])) - set(files.values())), "files": files}


def _versions() -> dict[str, str]:
    return {
        "patchwrap": patchwrap.__version__,
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "numpy": np.__version__,
    }
