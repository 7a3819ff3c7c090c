"""Focal length of a photo, known or estimated, and the metric scale that some backends derive from it."""

from math import inf, nan

from patchwrap.convention import DepthConvention
from patchwrap.errors import BackendContractError
from patchwrap.intrinsics import focal_px
from patchwrap.io import Photo
from patchwrap.predict_options import FOVS
from patchwrap.spec import Backend, MetricWithFocal, name_of
from patchwrap.types import FieldsOfView


def relative_focal(photo: Photo, fov: float | None) -> float | None:
    """Focal length as a fraction of the photo's longer side; None if unknown.

    Args:
        photo: its EXIF data may tell.
        fov: horizontal field of view in degrees, which overrides EXIF, or None.
    """
    if fov is None:
        return photo.focal
    height, width = photo.pixels.shape[:2]
    return focal_px(width, fov) / max(height, width)


def estimated_focal(photo: Photo, fov: FieldsOfView | None) -> float | None:
    """Focal length that a backend estimates, see ``relative_focal``; None without an estimate or for an absurd one.

    Args:
        photo: of the estimate.
        fov: horizontal field of view in degrees, a batch of one.
    """
    least, largest = FOVS
    return relative_focal(photo, fov.item()) if fov is not None and least <= fov <= largest else None


def metric_scale(backend: Backend, focal: float | None, estimate: float | None) -> tuple[float, DepthConvention]:
    """Factor that makes a backend's values metric, and the convention after it.

    Args:
        backend: of the coarse pass.
        focal: see ``relative_focal``.
        estimate: the focal length for which values that are metric hold, or None. For the same picture, depth in metres
            is proportional to the focal length.

    Returns:
        1 and the backend's own convention if the focal length is unknown or does not determine the scale.

    Raises:
        BackendContractError: see ``metres_per_unit``.
    """
    convention = backend.convention
    if focal is not None and estimate is not None and convention.ambiguity == "metric":
        metres = focal / estimate
    elif focal is not None and convention.ambiguity == "scale" and isinstance(backend, MetricWithFocal):
        metres = metres_per_unit(backend, focal)
    else:
        return 1.0, convention
    scale = 1 / metres if convention.space == "inverse_depth" else metres
    return scale, DepthConvention(convention.space, "metric")


def metres_per_unit(backend: MetricWithFocal, focal: float) -> float:
    """Metres per predicted unit of depth, as the backend tells them.

    Args:
        backend: predicts up to a scale.
        focal: see ``relative_focal``.

    Raises:
        BackendContractError: if it is not a positive number.
    """
    given = backend.metres_per_unit(focal)
    try:
        metres = float(given)
    except (TypeError, ValueError):
        metres = nan
    if not 0 < metres < inf:
        raise BackendContractError(
            f"{name_of(backend)}.metres_per_unit({focal:g}) returned {given!r}; expected a positive number: the "
            "metres per predicted unit of depth."
        )
    return metres
