"""Pictures in, files out: reading photos, colouring maps and writing results atomically."""

from patchwrap.io.color import color_limits, color_table, paint
from patchwrap.io.encode import (
    CONFIDENCE_FORMULA,
    POINT_AXES,
    Quantization,
    quantize,
    write_confidence,
    write_npy,
    write_picture,
    write_png16,
    write_points,
    write_tiff,
)
from patchwrap.io.files import remove, replacing, replacing_together, write_json
from patchwrap.io.photo import Photo, is_batch, read_image, read_images, unit_pixels

__all__ = [
    "CONFIDENCE_FORMULA",
    "POINT_AXES",
    "Photo",
    "Quantization",
    "color_limits",
    "color_table",
    "is_batch",
    "paint",
    "quantize",
    "read_image",
    "read_images",
    "remove",
    "replacing",
    "replacing_together",
    "unit_pixels",
    "write_confidence",
    "write_json",
    "write_npy",
    "write_picture",
    "write_png16",
    "write_points",
    "write_tiff",
]
