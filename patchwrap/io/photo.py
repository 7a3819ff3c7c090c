"""A photo in memory, and reading one from files, arrays, tensors and PIL images."""

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from typing import TypeGuard

import numpy as np
import torch
from jaxtyping import Float32, Shaped, UInt8, UInt16
from numpy import ndarray
from PIL import Image

from patchwrap.errors import ImageError
from patchwrap.io.decode import decode_file, decode_picture, unit_floats
from patchwrap.io.limits import check_size
from patchwrap.types import Picture

_CONVERSIONS = {
    ("array", True): "by numpy.uint8(255) * array",
    ("array", False): "for instance with .astype('uint8')",
    ("tensor", True): "by 255 * tensor.byte()",
    ("tensor", False): "for instance with .byte()",
}
"""How to convert a kind of picture that holds booleans (True) or other numbers."""


@dataclass(frozen=True, eq=False)
class Photo:
    """One picture as the pipeline takes it, upright and in colour.

    Args:
        pixels: RGB, ``(height, width, 3)``; full scale is 255, 65535 or 1.0 by type.
        focal: focal length as a fraction of the longer side, None where the picture does not tell.
        name: what messages call it.
    """

    pixels: UInt8[ndarray, "height width 3"] | UInt16[ndarray, "height width 3"] | Float32[ndarray, "height width 3"]
    focal: float | None = None
    name: str = "image"

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def to_float32(self) -> Float32[ndarray, "height width 3"]:
        """Return the pixels as float32 in [0, 1]."""
        return unit_pixels(self.pixels)

    def to_uint8(self) -> Picture:
        """Return the pixels with 8 bits per channel, ``(height, width, 3)`` in 0..255."""
        if self.pixels.dtype == np.uint8:
            return self.pixels
        if self.pixels.dtype == np.uint16:
            return (self.pixels >> 8).astype(np.uint8)
        return np.rint(self.pixels * 255).astype(np.uint8)


def unit_pixels(pixels: Shaped[ndarray, "*size"]) -> Float32[ndarray, "*size"]:
    """Return pixels of any of a photo's number types as float32 in [0, 1]."""
    return pixels.astype(np.float32) / full_scale(pixels.dtype)


def full_scale(dtype: np.dtype) -> np.float32:
    """Return the number that means full brightness: 255 or 65535 for integers, 1.0 for floats."""
    return np.float32(1.0 if dtype.kind == "f" else np.iinfo(dtype).max)


def read_image(source: object) -> Photo:
    """Read one picture.

    EXIF orientation is applied, transparency is laid over white (but for that of a PNG of 16 bits), grey becomes RGB.
    Grey pictures of 16 bits keep them; Pillow reads 16-bit *colour* PNG and TIFF files with 8 bits a channel.

    Args:
        source: a path; a PIL image; an ndarray ``(height, width)`` or ``(height, width, channels)``; a
            tensor ``(channels, height, width)`` or ``(height, width)``; channels are 1 (grey), 2 (grey and
            alpha), 3 (RGB) or 4 (RGBA). Numbers are uint8, uint16 or floats in [0, 1]. A Photo is
            returned as it is.

    Returns:
        The photo, at least 16 pixels a side.

    Raises:
        ImageError: one line that names the picture, what is wrong with it and what to do.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, str | PathLike):
        return Photo(*decode_file(source))
    if isinstance(source, Image.Image):
        return Photo(*decode_picture(source, _name_of(source)))
    if isinstance(source, torch.Tensor):
        return Photo(_normalize(_channels_last(source), "tensor"), name="tensor")
    if isinstance(source, np.ndarray):
        return Photo(_normalize(source, "array"), name="array")
    raise ImageError(
        f"cannot read a picture from a {type(source).__name__}; give a path, a PIL image, an array "
        "(height, width, 3), a tensor (3, height, width) or a list of them"
    )


def read_images(source: Iterable[object]) -> list[Photo]:
    """Read several pictures; their sizes may differ.

    Args:
        source: a list or tuple of whatever ``read_image`` takes, a tensor ``(batch, channels, height,
            width)``, or an ndarray ``(batch, height, width, channels)``.

    Raises:
        ImageError: if there is no picture, or one of them cannot be used.
    """
    found = [_read_numbered(number, item) for number, item in enumerate(source)]
    if not found:
        raise ImageError("the list of pictures is empty; give at least one")
    return found


def is_batch(source: object) -> TypeGuard[Iterable[object]]:
    """Whether this is several pictures for ``read_images`` rather than one."""
    if isinstance(source, torch.Tensor | np.ndarray):
        return source.ndim == 4
    return isinstance(source, list | tuple)


def _read_numbered(number: int, item: object) -> Photo:
    try:
        return read_image(item)
    except ImageError as error:
        raise ImageError(f"picture {number} of the list: {error}") from error


def _name_of(picture: Image.Image) -> str:
    return str(getattr(picture, "filename", "") or "PIL image")


def _check_stored(tensor: torch.Tensor) -> None:
    """Refuse tensors that are not stored pixel by pixel."""
    if tensor.is_meta:
        raise ImageError("tensor is on the device 'meta', which stores no values; give one on the CPU or a GPU")
    if tensor.layout != torch.strided:
        raise ImageError(f"tensor has the layout {tensor.layout}; give a dense one, by tensor.to_dense()")


def _channels_last(tensor: torch.Tensor) -> Shaped[ndarray, "..."]:
    _check_stored(tensor)
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:  # numpy knows no bfloat16
        tensor = tensor.float()
    if tensor.ndim == 4:
        raise ImageError("a tensor of four axes is a batch, not a picture; give its pictures one by one")
    if tensor.ndim == 3 and tensor.shape[0] not in (1, 2, 3, 4):
        raise ImageError(
            f"tensor has shape {tuple(tensor.shape)}; expected (channels, height, width) with 1 to 4 channels"
        )
    return tensor.numpy() if tensor.ndim < 3 else tensor.permute(1, 2, 0).numpy()


def _normalize(array: Shaped[ndarray, "..."], kind: str) -> Shaped[ndarray, "height width 3"]:
    """Convert any accepted array to RGB in one of the three number types."""
    _check_shape(array, kind)
    array = array[..., None] if array.ndim == 2 else array
    check_size(array.shape[1], array.shape[0], kind)
    array = _check_values(array, kind)
    if array.shape[2] in (2, 4):
        array = _over_white(array)
    rgb = np.broadcast_to(array, (*array.shape[:2], 3))
    return np.ascontiguousarray(rgb)


def _check_shape(array: Shaped[ndarray, "..."], kind: str) -> None:
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 2, 3, 4)):
        return
    cure = "one picture is (height, width) or (height, width, channels) with 1 to 4 channels"
    if kind == "array" and array.ndim == 3 and array.shape[0] in (1, 2, 3, 4):
        cure = "channels come last in an array: use array.transpose(1, 2, 0)"
    raise ImageError(f"{kind} has shape {tuple(array.shape)}; {cure}")


def _check_values(array: Shaped[ndarray, "..."], kind: str) -> Shaped[ndarray, "..."]:
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind != "f":
        how = _CONVERSIONS[kind, array.dtype.kind == "b"]
        raise ImageError(f"{kind} holds {array.dtype}; expected uint8, uint16 or floats in [0, 1]. Convert it, {how}")
    return unit_floats(array, kind)


def _over_white(array: Shaped[ndarray, "height width channels"]) -> Shaped[ndarray, "height width colours"]:
    """Composite colours over white by alpha (the last channel); colours of transparent pixels are often garbage."""
    full = full_scale(array.dtype)
    colour, alpha = array[..., :-1].astype(np.float32), array[..., -1:].astype(np.float32) / full
    mixed = colour * alpha + full * (1 - alpha)
    return (mixed if array.dtype.kind == "f" else np.rint(mixed)).astype(array.dtype)
