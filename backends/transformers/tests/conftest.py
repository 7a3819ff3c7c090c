"""A tiny seeded checkpoint of every family, saved as published ones are and loaded by path."""

import math
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from huggingface_hub import constants
from torch import nn
from transformers.models.tipsv2.configuration_tipsv2 import Tipsv2VisionConfig
from transformers.utils import logging

import patchwrap
from patchwrap import Backend
from patchwrap.testing import painted_photo

VIT = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2}
NECK = {"neck_hidden_sizes": [8, 8, 16, 16], "fusion_hidden_size": 16}
FOUR = {"out_indices": [1, 2, 3, 4]}
STAGES = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
SIZE = {"height": 56, "width": 84}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def dinov2():
    options = VIT | FOUR | {"mlp_ratio": 2, "image_size": 56, "patch_size": 14, "reshape_hidden_states": False}
    return hf.Dinov2Config(**options, apply_layernorm=True)


def beit():
    options = VIT | STAGES | {"intermediate_size": 64, "image_size": 64, "patch_size": 16}
    return hf.BeitConfig(**options, reshape_hidden_states=False, use_relative_position_bias=True)


def depth_anything(kind=hf.DepthAnythingConfig, **options):
    return kind(backbone_config=dinov2(), reassemble_hidden_size=32, head_hidden_size=8, **NECK, **options)


def dpt(**options):
    vit = {"hidden_size": 32, "intermediate_size": 64, "image_size": 64, "backbone_out_indices": [0, 1, 2, 3]}
    return hf.DPTConfig(**(VIT | NECK | vit | {"patch_size": 16} | options))


def swinv2():
    sizes = {"image_size": 64, "patch_size": 4, "embed_dim": 8, "window_size": 2}
    return hf.Swinv2Config(**sizes, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], **STAGES)


def bit():
    stages = {"out_features": ["stage1", "stage2", "stage3"], "depths": [1, 1, 1], "hidden_sizes": [32, 64, 128]}
    padding = {"global_padding": "same", "layer_type": "bottleneck", "embedding_dynamic_padding": True}
    return hf.BitConfig(embedding_size=8, num_groups=4, **stages, **padding)


def zoedepth(*heads):
    patches = {"layers": 4, "hidden_size": 128, "intermediate_size": 64, "num_attention_heads": 2}
    return hf.ZoeDepthConfig(
        backbone_config=beit(),
        num_relative_features=8,
        bottleneck_features=16,
        bin_embedding_dim=16,
        num_attractors=[4, 4, 2, 1],
        bin_configurations=[{"n_bins": 8, "min_depth": 0.001, "max_depth": far, "name": name} for name, far in heads],
        num_patch_transformer_layers=patches.pop("layers"),
        **{f"patch_transformer_{key}": value for key, value in patches.items()},
        **NECK,
    )


def depth_pro(use_fov_model):
    part = {"model_type": "dinov2", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    part |= {"mlp_ratio": 2, "image_size": 64, "patch_size": 16, "use_mask_token": False}
    return hf.DepthProConfig(
        fusion_hidden_size=16,
        patch_size=64,
        intermediate_hook_ids=[1, 0],
        intermediate_feature_dims=[8, 8],
        scaled_images_ratios=[0.5, 1],
        scaled_images_overlap_ratios=[0.0, 0.5],
        scaled_images_feature_dims=[8, 8],
        merge_padding_value=1,
        use_fov_model=use_fov_model,
        num_fov_head_layers=1,
        **{f"{name}_model_config": dict(part) for name in ("image", "patch", "fov")},
    )


def chmv2():
    vit = VIT | FOUR | {"intermediate_size": 64, "image_size": 64, "patch_size": 16, "num_register_tokens": 2}
    backbone = hf.DINOv3ViTConfig(**vit, reshape_hidden_states=True, apply_layernorm=True, return_class_token=True)
    sizes = {"post_process_channels": [8, 8, 16, 16], "fusion_hidden_size": 16, "head_hidden_size": 8}
    return hf.CHMv2Config(backbone_config=backbone, number_output_channels=16, **sizes)


def tipsv2():
    vit = VIT | FOUR | {"mlp_ratio": 2, "image_size": 56, "patch_size": 14, "reshape_hidden_states": False}
    backbone = Tipsv2VisionConfig(**vit, apply_layernorm=True)
    return hf.Tipsv2DptConfig(backbone_config=backbone, num_depth_bins=16, **NECK)


def glpn():
    sizes = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 16, 32], "num_attention_heads": [1, 1, 2, 2]}
    return hf.GLPNConfig(**sizes, decoder_hidden_size=8)


DPT_14 = partial(hf.DPTImageProcessor, size=SIZE, keep_aspect_ratio=True, ensure_multiple_of=14, **IMAGENET)
# As published: colours from 0 to 255, which mean and std are in too.
DPT_255 = partial(
    hf.DPTImageProcessor,
    do_resize=False,
    do_rescale=False,
    do_pad=True,
    size_divisor=14,
    image_mean=[123.675, 116.28, 103.53],
    image_std=[58.395, 57.12, 57.375],
)
DPT_64 = partial(hf.DPTImageProcessor, size={"height": 64, "width": 64})
ZOE = partial(hf.ZoeDepthImageProcessor, size={"height": 64, "width": 96}, ensure_multiple_of=32)
NYU, KITTI = ("nyu", 10.0), ("kitti", 80.0)

TINY: dict[str, tuple[Callable, Callable]] = {
    "depth_anything": (depth_anything, DPT_14),
    "depth_anything_metric": (partial(depth_anything, depth_estimation_type="metric", max_depth=20), DPT_14),
    "prompt_depth_anything": (
        partial(depth_anything, hf.PromptDepthAnythingConfig),
        partial(hf.PromptDepthAnythingImageProcessor, size=SIZE, ensure_multiple_of=14, **IMAGENET),
    ),
    "dpt": (dpt, DPT_64),
    "dpt_hybrid": (
        partial(
            dpt,
            is_hybrid=True,
            backbone_config=bit(),
            neck_hidden_sizes=[32, 64, 16, 16],
            backbone_featmap_shape=[1, 128, 4, 4],
        ),
        DPT_64,
    ),
    "dpt_dinov2": (partial(dpt, backbone_config=dinov2(), use_batch_norm_in_fusion_residual=True), DPT_255),
    "dpt_beit": (
        partial(dpt, backbone_config=beit()),
        partial(DPT_64, keep_aspect_ratio=True, ensure_multiple_of=32),
    ),
    "dpt_swinv2": (partial(dpt, backbone_config=swinv2(), neck_hidden_sizes=[8, 16, 32, 64]), DPT_64),
    "glpn": (glpn, hf.GLPNImageProcessor),
    "zoedepth": (partial(zoedepth, NYU), ZOE),
    "zoedepth_two_heads": (partial(zoedepth, NYU, KITTI), ZOE),
    "depth_pro": (
        partial(depth_pro, True),
        partial(hf.DepthProImageProcessor, size={"height": 128, "width": 128}),
    ),
    "depth_pro_without_fov": (
        partial(depth_pro, False),
        partial(hf.DepthProImageProcessor, size={"height": 128, "width": 128}),
    ),
    "chmv2": (chmv2, hf.CHMv2ImageProcessor),
    "tipsv2_dpt": (tipsv2, partial(hf.Tipsv2DptImageProcessor, size=SIZE)),
}
"""Config and image processor by the name of the folder."""

STATED = {
    "dpt": "inverse_depth:affine",
    "dpt_hybrid": "inverse_depth:affine",
    "dpt_beit": "inverse_depth:affine",
    "dpt_swinv2": "inverse_depth:affine",
    "dpt_dinov2": "depth:metric",
}
"""What the user must say, because no file does."""

OPTIONS = {name: {"convention": stated} for name, stated in STATED.items()}
OPTIONS["glpn"] = {"processing": (64, 96)}  # its processor resizes to no size of its own
"""What the backend is loaded with."""

LAST = {
    "depth_anything": "head.conv3",
    "prompt_depth_anything": "head.conv3",
    "dpt": "head.head.4",
    "glpn": "head.head.2",
    "depth_pro": "head.layers.4",
}
"""The convolution that ends in a ReLU or a sigmoid: random, it would give a flat map."""


def make(name: str, folder: Path) -> None:
    """Save a network whose map follows the picture, and its processor."""
    config, processor = TINY[name]
    network = hf.AutoModelForDepthEstimation.from_config(config()).eval()
    enliven(network, torch.Generator().manual_seed(0))
    pixels = torch.from_numpy(painted_photo(128, 128)).permute(2, 0, 1)[None] * 4 - 2
    pixels = pixels if "pro" in name else pixels[..., :64, :64]
    last = LAST.get(network.config.model_type)
    if last:
        sigmoid = name in ("depth_anything_metric", "glpn")
        settle(network, last, pixels, *((0.0, 1.0) if sigmoid else (2.0, 0.3)))
    if name == "depth_pro":
        settle(network, "fov_model.head.layers.2", pixels, 55.0, None)
    network.save_pretrained(folder)
    processor().save_pretrained(folder)


def enliven(network: nn.Module, draw: torch.Generator) -> None:
    """Random weights as large as trained ones."""
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1:
            spread = 1.4 / math.sqrt(parameter[0].numel())
            parameter.data = spread * torch.randn(parameter.shape, generator=draw)
        elif "norm" not in name and "lambda" not in name:
            parameter.data = 0.05 * torch.randn(parameter.shape, generator=draw)


def settle(network: nn.Module, last: str, pixels: torch.Tensor, mean: float, spread: float | None) -> None:
    """Scale and shift a convolution such that its output on a picture has a mean and a spread."""
    seen = []
    convolution = network.get_submodule(last)
    handle = convolution.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        network(pixels)
    handle.remove()
    factor = 1.0 if spread is None else spread / seen[0].std()
    convolution.weight.data *= factor
    convolution.bias.data = convolution.bias.data * factor + mean - seen[0].mean() * factor


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """Keep this process and those it starts away from the hub."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        # Another test may have imported the library before.
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
        yield


@pytest.fixture(autouse=True)
def one_thread():
    # Networks this small are slower on several cores.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint by its name in ``TINY``; made at first use."""
    root = tmp_path_factory.mktemp("tiny")

    def folder(name: str) -> Path:
        if not (root / name).exists():
            logging.disable_progress_bar()
            make(name, root / name)
        return root / name

    return folder


@pytest.fixture(params=TINY)
def name(request: pytest.FixtureRequest) -> str:
    """Each tiny checkpoint's name in turn."""
    return request.param


@pytest.fixture(scope="session")
def load_tiny(tiny: Callable[[str], Path]) -> Callable[..., Backend]:
    """Loads a tiny checkpoint by its name, with options."""

    def load(name: str, **options: Any) -> Backend:
        return patchwrap.load_backend("transformers", tiny(name), **(OPTIONS.get(name, {}) | options))

    return load


@pytest.fixture(scope="session")
def shared(load_tiny: Callable[..., Backend]) -> Callable[[str], Backend]:
    """Loads a tiny checkpoint once for all tests."""
    return cache(load_tiny)


@pytest.fixture
def backend(shared: Callable[[str], Backend], name: str) -> Backend:
    """The tiny checkpoint called ``name``; tests leave it as it is."""
    return shared(name)
