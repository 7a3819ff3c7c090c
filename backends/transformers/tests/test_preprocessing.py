import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image

from patchwrap_transformers.families import HALF, IMAGENET
from patchwrap_transformers.margin import add_margin
from patchwrap_transformers.preprocessing import Preprocessing


def test_colours_and_margin_equal_the_checkpoints_own_image_processor(backend, name, tiny):
    pixels = np.random.default_rng(0).integers(0, 256, (*backend.processing, 3), np.uint8)
    processor = hf.AutoImageProcessor.from_pretrained(tiny(name))
    theirs = processor(Image.fromarray(pixels), return_tensors="pt")["pixel_values"]

    images = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    ours = backend.preprocessing(add_margin(images) if backend.family.margin else images)

    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < 1e-3


@pytest.mark.parametrize(
    ("settings", "white"),
    [
        ({}, (1 - 0.485) / 0.229),
        ({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}, 1.0),
        ({"do_rescale": False, "image_mean": [127.5] * 3, "image_std": [127.5] * 3}, 1.0),
        ({"image_mean": 0.5, "image_std": 0.25}, 2.0),
        ({"image_processor_type": "DPTImageProcessor"}, 1.0),
        ({"feature_extractor_type": "DPTFeatureExtractor"}, 1.0),
        ({"image_processor_type": "DPTImageProcessorFast", "image_std": [0.25] * 3}, 2.0),
        ({"image_processor_type": "ZoeDepthImageProcessor", "image_mean": None}, 1.0),
        ({"image_processor_type": "CHMv2ImageProcessor"}, (1 - 0.42) / 0.213),
        ({"image_processor_type": "BeitImageProcessor"}, (1 - 0.485) / 0.229),
        ({"do_normalize": False}, 1.0),
        ({"do_normalize": False, "do_rescale": False}, 255.0),
        ({"rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3, "image_std": [1.0] * 3}, 1.0),
    ],
)
def test_what_becomes_of_white(settings, white):
    preprocessing = Preprocessing.of(settings, IMAGENET)
    assert preprocessing(torch.ones(1, 3, 2, 2))[0, 0, 0, 0] == pytest.approx(white, rel=1e-5)


@pytest.mark.parametrize("kind", ["DPT", "PromptDepthAnything", "ZoeDepth", "DepthPro", "CHMv2"])
def test_defaults_are_the_librarys(kind):
    library = getattr(hf, f"{kind}ImageProcessor")
    written = {"image_mean": library.image_mean, "image_std": library.image_std}
    named = {"image_processor_type": library.__name__}
    assert Preprocessing.of(named, IMAGENET) == Preprocessing.of(written, IMAGENET)


def test_batched_and_differentiable():
    images = torch.rand(3, 3, 4, 5, requires_grad=True)
    Preprocessing.of({}, HALF)(images).sum().backward()
    assert torch.equal(images.grad, torch.full_like(images, 2))
