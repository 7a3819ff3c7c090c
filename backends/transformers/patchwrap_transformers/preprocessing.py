"""From RGB in [0, 1] to the colours a network was trained on: batched, differentiable, on any device. Never resizes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchwrap import Images
from patchwrap_transformers.families import AERIAL, HALF, Normalisation

_CLASSES = {"DPT": HALF, "PromptDepthAnything": HALF, "ZoeDepth": HALF, "DepthPro": HALF, "CHMv2": AERIAL}
"""Defaults of transformers' image processors by class, without ``ImageProcessor``."""


@dataclass(frozen=True)
class Preprocessing:
    """What a checkpoint's image processor does to colours, as one multiplication and one addition.

    Args:
        scale: factor of each channel.
        shift: added to each channel.
    """

    scale: tuple[float, ...]
    shift: tuple[float, ...]

    @classmethod
    def of(cls, settings: Mapping[str, Any], family: Normalisation) -> "Preprocessing":
        """Read a processor's own file.

        Args:
            settings: the file's contents; may be empty.
            family: default if neither the file nor its processor's class states them.
        """
        rescaled = settings.get("do_rescale", True)
        # Processors count colours from 0 to 255; those that do not rescale have mean and std in that unit.
        factor = 255 * settings.get("rescale_factor", 1 / 255) if rescaled else 255.0
        if not settings.get("do_normalize", True):
            return cls((factor,) * 3, (0.0,) * 3)
        default = _CLASSES.get(_class_of(settings), family)
        mean, std = _three(settings.get("image_mean"), default.mean), _three(settings.get("image_std"), default.std)
        return cls(tuple(factor / s for s in std), tuple(-m / s for m, s in zip(mean, std)))

    def __call__(self, images: Images) -> Images:
        """Normalise RGB in [0, 1]."""
        scale, shift = (images.new_tensor(values)[:, None, None] for values in (self.scale, self.shift))
        return images * scale + shift


def _class_of(settings: Mapping[str, Any]) -> str:
    name = settings.get("image_processor_type") or settings.get("feature_extractor_type") or ""
    return re.sub("(ImageProcessor|FeatureExtractor).*", "", name)


def _three(value: float | Sequence[float] | None, default: Sequence[float]) -> Sequence[float]:
    """A processor's number for each channel; one number stands for all three."""
    return (value,) * 3 if isinstance(value, int | float) else value or default
