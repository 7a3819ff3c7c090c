"""How small and how large a picture may be."""

from patchwrap.errors import ImageError

MIN_SIDE = 16
MAX_PIXELS = 2**30


def check_size(width: int, height: int, name: str) -> None:
    """Refuse pictures that are too small to predict or too large for memory.

    Args:
        width: in pixels.
        height: in pixels.
        name: what the message calls the picture.

    Raises:
        ImageError: below 16 pixels a side or above 2^30 pixels (a gigapixel) in all.
    """
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{name} is {width}x{height} pixels; at least {MIN_SIDE}x{MIN_SIDE} are needed")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} is {width}x{height} pixels, {width * height / 1e6:.0f} megapixels; the limit is "
            f"{MAX_PIXELS / 1e6:.0f}. Scale it down or cut it into parts"
        )
