"""What the values of a depth map mean. Imports no torch: plugins declare it before anything heavy is imported."""

from dataclasses import dataclass
from typing import Literal, get_args

from patchwrap.errors import ConventionError

Space = Literal["depth", "inverse_depth", "height"]
Ambiguity = Literal["metric", "scale", "affine"]


@dataclass(frozen=True)
class DepthConvention:
    """The meaning of depth values: their space and what is unknown about them.

    It travels with every map: alignment and fusion read it and never guess it.

    Args:
        space: ``depth`` grows with distance, ``inverse_depth`` is one over depth
            (disparity), ``height`` is metres above ground (canopy models).
        ambiguity: ``metric`` (metres, nothing unknown), ``scale`` (one unknown factor)
            or ``affine`` (unknown scale and shift).

    Raises:
        ConventionError: if space or ambiguity is not one of these.

    Example:
        >>> str(DepthConvention.parse("inverse_depth:affine"))
        'inverse_depth:affine'
    """

    space: Space
    ambiguity: Ambiguity

    def __post_init__(self) -> None:
        _check_words(self.space, self.ambiguity, str(self))

    def __str__(self) -> str:
        return f"{self.space}:{self.ambiguity}"

    @property
    def unit(self) -> str | None:
        """``m`` or ``1/m``; None if the scale is unknown."""
        if self.ambiguity != "metric":
            return None
        return "1/m" if self.space == "inverse_depth" else "m"

    @property
    def near_is_large(self) -> bool:
        """Whether larger values mean nearer to the camera."""
        return self.space != "depth"

    @property
    def gives_distances(self) -> bool:
        """Whether distances follow from the values, up to a factor at most."""
        return self.space != "height" and self.ambiguity != "affine"

    @property
    def is_positive(self) -> bool:
        """Whether every value is above zero: distances from the camera are, inverse depth may be zero."""
        return self.space == "depth" and self.ambiguity != "affine"

    @classmethod
    def parse(cls, text: "str | DepthConvention") -> "DepthConvention":
        """Parse ``SPACE:AMBIGUITY``, as on the command line; a DepthConvention is returned as it is.

        Raises:
            ConventionError: if the text is not a known convention.
        """
        if isinstance(text, DepthConvention):
            return text
        space, _, ambiguity = text.partition(":") if isinstance(text, str) else ("", "", "")
        _check_words(space, ambiguity, text)
        return cls(space, ambiguity)  # type: ignore[arg-type]  # its words are checked


def _check_words(space: str, ambiguity: str, given: object) -> None:
    if space not in get_args(Space) or ambiguity not in get_args(Ambiguity):
        raise ConventionError(
            f"{given!r} is not a depth convention. Write SPACE:AMBIGUITY with SPACE one of "
            f"{', '.join(get_args(Space))} and AMBIGUITY one of {', '.join(get_args(Ambiguity))}. "
            "Disparity and relative inverse depth are inverse_depth:affine, metres are depth:metric."
        )
