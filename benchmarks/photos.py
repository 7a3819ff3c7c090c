"""What do the checkpoints make of real photos? A sheet with a row a photo: the photo, then coarse and fused of each.

Every checkpoint of this repository, or those given. Coarse and fused share their colours; red is near, blue is far.
The sheet is for looking: nothing is measured.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

import patchwrap
from checkpoints import CHECKPOINTS, present
from patchwrap.datasets.pairs import PHOTOS
from picture import GAP, row

TITLE = 26
"""Height of the line above the columns, in pixels."""


def main(arguments: list[str] | None = None) -> None:
    """Predict, lay out, write a JPEG."""
    options = _parser().parse_args(arguments)
    photos = [path for path in sorted(options.photos.iterdir()) if path.suffix.lower() in PHOTOS]
    if not photos:
        sys.exit(f"{options.photos} holds no photo; looked for {' '.join(PHOTOS)}.")
    there, missing = present(options.backend or CHECKPOINTS)
    size = options.width, options.height
    cells = [[fitted(patchwrap.read_image(path).to_uint8(), size)] for path in photos]
    for spec in there:
        backend = patchwrap.load_backend(spec)
        for path, line in zip(photos, cells):
            print(f"{path.name}: {name(spec)}", file=sys.stderr, flush=True)
            both = patchwrap.predict(path, backend, seed=0).compare()
            line += [fitted(one, size) for one in np.split(both, 2, axis=1)]
    titles = ["photo", *(f"{name(spec)}, {way}" for spec in there for way in ("coarse", "fused"))]
    Image.fromarray(sheet(titles, cells)).save(options.out, "JPEG", quality=88)
    for text in missing:
        print(f"Not there, and left out: {text}")
    print(options.out)


def name(spec: str) -> str:
    """A checkpoint's name in titles: ``transformers=/a/b`` is ``b``."""
    return Path(spec.rpartition("=")[2]).name


def fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture in its own aspect, as large as fits, in the middle of a white one of (width, height)."""
    return np.asarray(ImageOps.pad(Image.fromarray(picture), size, Image.Resampling.LANCZOS, "white"))


def sheet(titles: list[str], cells: list[list[np.ndarray]]) -> np.ndarray:
    """All rows below one another, with a title above each column."""
    rows = [row(line) for line in cells]
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    body = np.concatenate([part for one in rows for part in (one, gap)][:-1])
    head = Image.new("RGB", (body.shape[1], TITLE), "white")
    draw, font = ImageDraw.Draw(head), ImageFont.load_default(16)
    for column, title in enumerate(titles):
        draw.text((column * (cells[0][0].shape[1] + GAP) + 4, 4), title, "black", font)
    return np.concatenate([np.asarray(head), body])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("-o", "--out", type=Path, default=Path("photos.jpg"), help="the sheet (default: photos.jpg)")
    backend = "NAME or NAME=CHECKPOINT, may be given again; by default every checkpoint of this repository"
    parser.add_argument("--backend", action="append", help=backend)
    parser.add_argument("--width", type=int, default=480, help="most pixels of a cell, across (default: 480)")
    parser.add_argument("--height", type=int, default=320, help="most pixels of a cell, down (default: 320)")
    return parser


if __name__ == "__main__":
    main()
