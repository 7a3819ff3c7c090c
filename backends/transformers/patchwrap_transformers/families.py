"""Facts about every checkpoint of a family, taken from transformers' own code. Never touches a tensor.

A family is what transformers calls a ``model_type``. Each entry states the convention of ``predicted_depth``, the input
sizes, the normalisation of published checkpoints (used if a checkpoint has no processor file), how the processor's
post-processing resizes maps, and which modules stay float32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from patchwrap_transformers.geometry import Geometry
from patchwrap_transformers.published import DISPARITY, METRES


@dataclass(frozen=True)
class Normalisation:
    """``(RGB - mean) / std`` on RGB in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Resampling:
    """How a map is resized to the picture's size.

    Args:
        mode: of ``torch.nn.functional.interpolate``.
        corners: whether corner pixels' centres coincide (``align_corners``).
    """

    mode: str
    corners: bool = False


@dataclass(frozen=True)
class Family:
    """One family.

    Args:
        convention: of ``predict``'s numbers by the config; None if the config cannot tell.
        geometry: by the config.
        normalisation: of the published checkpoints, by the config.
        resampling: of its image processor's post-processing.
        exact: modules that always compute in float32, because rounding there would leave steps in the map.
        canonical: whether the network predicts inverse depth for a field of view that it estimates itself.
        margin: whether pictures get a reflected margin, which is cut off the maps.
        untraceable: why its networks cannot be exported to ONNX; empty if they can.
    """

    convention: Callable[[Any], str | None]
    geometry: Callable[[Any], Geometry]
    normalisation: Callable[[Any], Normalisation]
    resampling: Resampling
    exact: tuple[str, ...]
    canonical: bool = False
    margin: bool = False
    untraceable: str = ""


def _side(value: Any) -> int:
    return value if isinstance(value, int) else value[0]


def _backbone(config: Any) -> Geometry:
    backbone = config.backbone_config
    side = _side(backbone.image_size)
    return Geometry((side, side), _side(backbone.patch_size))


def _dpt(config: Any) -> Geometry:
    backbone = config.backbone_config
    if backbone is None or config.is_hybrid:
        side = _side(config.image_size)
        # The hybrid's convolutional stem takes its training size only.
        return Geometry((side, side), _side(config.patch_size), "fixed" if config.is_hybrid else "square")
    if backbone.model_type == "swinv2":
        return Geometry((_side(backbone.image_size),) * 2, 8 * _side(backbone.patch_size), "fixed")
    return _backbone(config)


def _zoedepth(config: Any) -> Geometry:
    # Two patches, because the decoder halves the grid again.
    return Geometry((384, 512), 2 * _side(config.backbone_config.patch_size))


def _depth_pro(config: Any) -> Geometry:
    side = round(_side(config.patch_size) / min(config.scaled_images_ratios))
    return Geometry((side, side), side, "fixed")


def _by_estimation_type(config: Any) -> str:
    return METRES if config.depth_estimation_type == "metric" else DISPARITY


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
AERIAL = Normalisation((0.420, 0.411, 0.296), (0.213, 0.156, 0.143))
NONE = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def _always(normalisation: Normalisation) -> Callable[[Any], Normalisation]:
    return lambda config: normalisation


def _dpt_normalisation(config: Any) -> Normalisation:
    """As DPT's authors do, but for DINOv2's checkpoints (transformers' convert_dinov2_depth_to_hf.py)."""
    backbone = config.backbone_config
    return IMAGENET if backbone is not None and backbone.model_type == "dinov2" else HALF


BICUBIC, BILINEAR = Resampling("bicubic"), Resampling("bilinear")

FAMILIES = {
    "depth_anything": Family(_by_estimation_type, _backbone, _always(IMAGENET), BICUBIC, ("head.conv3",)),
    # Without a prompt the network gives depth scaled to [0, 1]: what it maps linearly to the prompt's metres.
    "prompt_depth_anything": Family(
        lambda config: "depth:affine", _backbone, _always(IMAGENET), BICUBIC, ("head.conv3",)
    ),
    # MiDaS checkpoints are disparity, those fine-tuned on NYU and KITTI metres; their configs do not differ.
    "dpt": Family(lambda config: None, _dpt, _dpt_normalisation, BICUBIC, ("head.head.4",)),
    "glpn": Family(
        lambda config: METRES, lambda config: Geometry((480, 640), 32), _always(NONE), BICUBIC, ("head.head.2",)
    ),
    "zoedepth": Family(
        lambda config: METRES,
        _zoedepth,
        _always(HALF),
        BICUBIC,
        ("metric_head",),
        margin=True,
        untraceable="it elects its head by the picture and splits its features by the size of the batch",
    ),
    "depth_pro": Family(
        lambda config: METRES if config.use_fov_model else "depth:scale",
        _depth_pro,
        _always(HALF),
        BILINEAR,
        ("head.layers.4", "fov_model.head"),
        canonical=True,
    ),
    "chmv2": Family(
        lambda config: "height:metric",
        _backbone,
        _always(AERIAL),
        Resampling("bilinear", corners=True),
        ("features_to_depth",),
    ),
    "tipsv2_dpt": Family(lambda config: METRES, _backbone, _always(NONE), BILINEAR, ("bin_regressor",)),
}
"""Family by ``model_type``; means, sizes and layers as in transformers 5.23."""
