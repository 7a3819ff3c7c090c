"""The recurring array types, shapes written as words (executed in the tests by jaxtyping and beartype)."""

from jaxtyping import Bool, Float, Float32, UInt8
from numpy import ndarray
from torch import Tensor

Images = Float[Tensor, "batch 3 height width"]
"""RGB in [0, 1]."""

DepthBatch = Float[Tensor, "batch 1 height width"]
"""Values in some DepthConvention; non-finite means invalid."""

ConfidenceBatch = Float[Tensor, "batch 1 height width"]
"""How sure a backend is of each value, in [0, 1], larger is surer."""

FieldsOfView = Float[Tensor, "batch"]
"""Horizontal fields of view of whole images, in degrees."""

Map = Float[Tensor, "height width"]
"""One map of values, in whatever space the context names."""

CoarseMap = Float[Tensor, "rows columns"]
"""The coarse map at its own sampling."""

Features = Float[Tensor, "batch _ _ _"]
"""Decoder features (batch, channels, rows, columns), at any fraction of the images' resolution."""

Values = Float32[ndarray, "height width"]
"""One map as returned to the user."""

Mask = Bool[ndarray, "height width"]
"""One boolean per pixel."""

Picture = UInt8[ndarray, "height width 3"]
"""An sRGB picture."""

Points = tuple[Float32[ndarray, "n 3"], UInt8[ndarray, "n 3"]]
"""Points in the camera's axes and their sRGB colours."""
