"""What does fusion look like? The README's picture: photo, one pass and fused side by side, and a corner of each."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import patchwrap

EXAMPLES = Path(__file__).parents[1] / "examples"
GAP = 6


def main(arguments: list[str] | None = None) -> None:
    """Predict, lay out, write a JPEG."""
    options = _parser().parse_args(arguments)
    photo = patchwrap.read_image(options.photo)
    fused = patchwrap.predict(photo, options.backend)
    maps = [photo.pixels, *colours(fused)]
    top = row([resized(one, options.width) for one in maps])
    bottom = row([resized(corner(one, options.corner), options.width) for one in maps])
    gap = np.full((GAP, top.shape[1], 3), 255, np.uint8)
    Image.fromarray(np.concatenate([top, gap, bottom])).save(options.out, quality=88)
    print(options.out)


def colours(fused: patchwrap.DepthMap) -> list[np.ndarray]:
    """Coarse and fused map in the same colours: one range for both, or their edges could not be compared."""
    both = np.concatenate([fused.coarse, fused.values])
    height = len(fused.values)
    painted = patchwrap.DepthMap(
        values=both,
        convention=fused.convention,
        valid=np.ones(both.shape, bool),
        coarse_map=both[:2, :2],
    ).colorize()
    return [painted[:height], painted[height:]]


def corner(picture: np.ndarray, where: tuple[float, float, float]) -> np.ndarray:
    """The part from (left, top) with a share of the width, in the picture's own aspect."""
    left, top, share = where
    height, width = picture.shape[:2]
    y, x = round(top * height), round(left * width)
    return picture[y : y + round(share * height), x : x + round(share * width)]


def resized(picture: np.ndarray, width: int) -> np.ndarray:
    """A picture at a width."""
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def row(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures of one size side by side."""
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path, default=EXAMPLES / "street_photo.jpg")
    parser.add_argument("--backend", default="native")
    parser.add_argument("--out", type=Path, default=EXAMPLES / "street.jpg")
    parser.add_argument("--width", type=int, default=560, help="pixels of each of the three columns")
    parser.add_argument(
        "--corner", type=float, nargs=3, default=(0.1, 0.3, 0.34), metavar=("LEFT", "TOP", "SHARE"), help="as fractions"
    )
    return parser


if __name__ == "__main__":
    main()
