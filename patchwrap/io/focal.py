"""Read the focal length of a photo from its EXIF block; it is never guessed."""

import math

from PIL import Image

_EXIF_BLOCK = 0x8769
_FOCAL_LENGTH = 0x920A
_FOCAL_LENGTH_35MM = 0xA405
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
_PLANE_X_RESOLUTION = 0xA20E
_PLANE_UNIT = 0xA210
_MILLIMETRES = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
_FILM_DIAGONAL = math.hypot(36, 24)
# From a 160 degree fisheye to a 1200 mm telephoto lens; values outside are recording errors.
_PLAUSIBLE = (0.08, 50.0)


def focal_fraction(picture: Image.Image) -> float | None:
    """Return the focal length as a fraction of the longer side, or None if EXIF lacks it.

    ``FocalLengthIn35mmFilm`` is read by the diagonal (CIPA DCG-001; Depth Pro's ``fpx_from_f35`` does the
    same): 43.27 mm of film are the picture's diagonal. Else ``FocalLength`` times
    ``FocalPlaneXResolution`` gives it in sensor pixels. A photo cropped later keeps its camera's EXIF
    numbers, so the result is then too small: pass the field of view yourself.

    Args:
        picture: of any orientation, since the longer side stays the longer side.

    Example:
        >>> picture = Image.new("RGB", (4000, 3000))
        >>> picture.getexif().get_ifd(0x8769)[0xA405] = 28
        >>> round(focal_fraction(picture), 3)
        0.809
    """
    try:
        tags = picture.getexif().get_ifd(_EXIF_BLOCK)
        fraction = _from_film(tags, picture.size) or _from_sensor(tags, picture.size)
    except Exception:  # a broken EXIF block does not make the photo unusable
        return None
    return fraction if fraction and _PLAUSIBLE[0] <= fraction <= _PLAUSIBLE[1] else None


def _number(tags: dict[int, object], tag: int) -> float:
    value = float(tags.get(tag) or 0)  # type: ignore[arg-type]  # a wrong type raises, the caller catches
    return value if math.isfinite(value) else 0.0


def _from_film(tags: dict[int, object], size: tuple[int, int]) -> float:
    return _number(tags, _FOCAL_LENGTH_35MM) * math.hypot(*size) / _FILM_DIAGONAL / max(size)


def _from_sensor(tags: dict[int, object], size: tuple[int, int]) -> float:
    unit = _MILLIMETRES.get(int(_number(tags, _PLANE_UNIT)) or 2, 0.0)
    resolution = _number(tags, _PLANE_X_RESOLUTION)
    if not unit or not resolution:
        return 0.0
    focal_px = _number(tags, _FOCAL_LENGTH) / unit * resolution
    # The resolution counts pixels of the original picture, which may have been scaled since.
    original = max(_number(tags, _PIXEL_WIDTH), _number(tags, _PIXEL_HEIGHT)) or max(size)
    return focal_px / original
