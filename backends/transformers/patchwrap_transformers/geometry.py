"""The input sizes at which a network neither drops pixels nor misplaces tokens. Never touches a pixel."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from patchwrap import CheckpointError, OptionError, Size
from patchwrap.extension import processing_size


@dataclass(frozen=True)
class Geometry:
    """The input sizes that a network accepts.

    Args:
        processing: the preferred ``(height, width)``.
        multiple: both sides are a multiple of this: a patch embedding silently drops the remainder.
        shape: ``free`` aspect; ``square``, any side but never another aspect (tokens are reshaped to a
            square); or ``fixed``, ``processing`` and nothing else.
    """

    processing: Size
    multiple: int
    shape: Literal["free", "square", "fixed"] = "free"

    @property
    def free_aspect(self) -> bool:
        """Whether inputs may have another aspect than ``processing``."""
        return self.shape == "free"

    def nearest(self, size: Size) -> Size:
        """Return the accepted size that is closest to ``size``."""
        square = self.shape == "square" and size[0] == size[1]
        return self._whole(size) if self.free_aspect or square else self.processing

    def published(self, settings: Mapping[str, Any]) -> "Geometry":
        """Prefer the size of the checkpoint's image processor, if the network accepts several.

        Args:
            settings: the processor's own file; may be empty.

        Raises:
            CheckpointError: if the file's height or width is not a positive whole number.
        """
        if self.shape == "fixed":
            return self
        step = settings.get("ensure_multiple_of") or 1
        # Some published files hold a meaningless fraction there.
        multiple = math.lcm(self.multiple, step) if isinstance(step, int) else self.multiple
        size = _size(settings.get("size")) if settings.get("do_resize", True) else None
        if size is None or (self.shape == "square" and size[0] != size[1]):
            size = self.processing
        return replace(self, multiple=multiple, processing=replace(self, multiple=multiple)._whole(size))

    def wanted(self, size: Any) -> "Geometry":
        """Prefer the user's size.

        Args:
            size: ``(height, width)``, ``"WIDTHxHEIGHT"`` or one number for both; None changes nothing.

        Raises:
            OptionError: if the network does not accept it.
        """
        if size is None:
            return self
        asked = processing_size(size)
        if self.shape == "fixed" and asked != self.processing:
            only = self._text(self.processing)
            raise OptionError(f"processing {size!r}: this network takes {only} only. Leave it out.")
        if self.shape == "square" and asked[0] != asked[1]:
            raise OptionError(f"processing {size!r}: this network takes squares only. Give one number.")
        if asked != self._whole(asked):
            fits = self._text(self._whole(asked))
            raise OptionError(f"processing {size!r} does not divide by {self.multiple}. The nearest that does: {fits}.")
        return replace(self, processing=asked)

    def _whole(self, size: Size) -> Size:
        height, width = (max(round(side / self.multiple), 1) * self.multiple for side in size)
        return height, width

    @staticmethod
    def _text(size: Size) -> str:
        return f"{size[1]}x{size[0]}"


def _size(value: Any) -> Size | None:
    """A processor's size, one of the forms of transformers' ``get_size_dict``; None if it has no height and width."""
    if isinstance(value, int):
        return value, value
    if isinstance(value, Mapping):
        if not {"height", "width"} <= set(value):
            return None
        value = value["height"], value["width"]
    if not isinstance(value, list | tuple):
        return None
    if len(value) != 2 or not all(isinstance(side, int) and side > 0 for side in value):
        raise CheckpointError(
            f"The image processor's size {tuple(value)} is not (height, width) in pixels. Correct "
            "preprocessor_config.json, or name another file: processor=."
        )
    return value[0], value[1]
