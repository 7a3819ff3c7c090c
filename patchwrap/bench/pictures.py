"""Small pictures of some images and of every row's maps, for the report."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np
from PIL import Image

from patchwrap.bench.protocol import Measurement
from patchwrap.bench.report import Picture
from patchwrap.depth_map import DepthMap
from patchwrap.io import Photo, color_limits, color_table, paint, write_picture
from patchwrap.metrics import valid_mask
from patchwrap.types import Picture as Pixels
from patchwrap.types import Values

FOLDER = "pictures"
LONG_SIDE = 1600
LONGEST_NAME = 100
"""Characters of an image's name in file names, which also hold the row's key."""

LARGEST_ERROR = 0.5
"""Relative error that has the last colour."""

DEPTH_COLORS = "Spectral"
ERROR_COLORS = "viridis"


@dataclass(frozen=True)
class Album:
    """The pictures of a comparison.

    Colours show nearness (1 / metres). Their range is the middle 98 % of the image's true values, the same for every
    row; without true depth, of the row's coarse map. Invalid pixels are black.

    Args:
        report: the report's folder.
        images: names of the images that are pictured.
    """

    report: Path
    images: frozenset[str]
    _begun: set[str] = field(default_factory=set, init=False)

    def complete(self, image: str, row: str, has_truth: bool) -> bool:
        """Whether all pictures of an image and a row exist."""
        names = [photo_name(image), depth_name(image, row)]
        names += [truth_name(image), error_name(image, row)] if has_truth else []
        return image not in self.images or all((self.report / name).exists() for name in names)

    def add(
        self, image: str, row: str, photo: Photo, truth: Values | None, depth: DepthMap, found: Measurement
    ) -> None:
        """Draw a row's map of an image and its error, and once per image the photo and its true depth.

        Args:
            image: its name; images that are not pictured are ignored.
            row: the row's key.
            photo: the image.
            truth: true depth in metres, or None.
            depth: the row's map.
            found: how the map was measured, which has its units.
        """
        if image not in self.images:
            return
        table = color_table(DEPTH_COLORS)
        seen = found.coarse.nearness(depth.coarse) if truth is None else 1 / truth[valid_mask(truth)]
        limits = color_limits(seen)
        if image not in self._begun:
            self._write(photo_name(image), photo.to_uint8())
            if truth is not None:
                known = truth > 0
                self._write(truth_name(image), paint(1 / np.where(known, truth, 1), known, limits, table))
            self._begun.add(image)
        self._write(depth_name(image, row), paint(found.own.nearness(depth.values), depth.valid, limits, table))
        if truth is not None:
            self._write(error_name(image, row), _error(found.own.units(depth.values), truth))

    def picture(self, image: str, rows: list[str], has_truth: bool) -> Picture | None:
        """List the pictures of an image; None if it is not pictured, or every row failed on it."""
        depths = {row: depth_name(image, row) for row in rows if (self.report / depth_name(image, row)).exists()}
        if image not in self.images or not depths:
            return None
        errors = {row: error_name(image, row) for row in depths if has_truth}
        return Picture(image, photo_name(image), truth_name(image) if has_truth else None, depths, errors)

    def _write(self, name: str, pixels: Pixels) -> None:
        small = Image.fromarray(pixels)
        small.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
        write_picture(self.report / name, np.asarray(small))


def photo_name(image: str) -> str:
    """File name of the photo, relative to the report's folder."""
    return f"{FOLDER}/{_plain(image)}_photo.jpg"


def truth_name(image: str) -> str:
    """File name of the true depth."""
    return f"{FOLDER}/{_plain(image)}_truth.jpg"


def depth_name(image: str, row: str) -> str:
    """File name of a row's map."""
    return f"{FOLDER}/{_plain(image)}_{row}_depth.jpg"


def error_name(image: str, row: str) -> str:
    """File name of a row's relative error."""
    return f"{FOLDER}/{_plain(image)}_{row}_error.jpg"


def _plain(image: str) -> str:
    """Make a name safe for files; a changed name gets a digest, so that two names never become the same."""
    plain = re.sub(r"[^\w.-]+", "_", image, flags=re.ASCII)[:LONGEST_NAME]
    return plain if plain == image else f"{plain}_{crc32(image.encode(errors='surrogatepass')):08x}"


def error_scale() -> tuple[list[str], float]:
    """Colours of the relative error, from 0 on, in CSS notation, and the error of the last one."""
    table = color_table(ERROR_COLORS)
    stops = table[np.linspace(0, len(table) - 1, 12).astype(int)]
    return [f"rgb({red} {green} {blue})" for red, green, blue in stops], LARGEST_ERROR


def _error(depth: Values, truth: Values) -> Pixels:
    """Relative error in colours that are the same for all images; black where truth is not valid."""
    counted = valid_mask(truth)
    true = np.where(counted, truth, np.float32(1))
    return paint(np.abs(depth - true) / true, counted, (0.0, LARGEST_ERROR), color_table(ERROR_COLORS))
