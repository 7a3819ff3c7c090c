"""A transformer's own decoder trained with a universal head."""

import numpy as np
import pytest
import torch
from PIL import Image

import patchwrap


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        grey = np.random.default_rng(seed).integers(40, 220, (8, 12), np.uint8).repeat(14, 0).repeat(14, 1)
        Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(folder / f"{seed}.png")
        np.save(folder / f"{seed}.npy", (2 + grey / 50 + np.linspace(1, 0, 112)[:, None]).astype(np.float32))
    return folder


@pytest.mark.parametrize("name", ["depth_anything", "dpt", "glpn", "zoedepth"])
def test_the_decoder_is_neither_all_nor_nothing(load_tiny, name):
    backend = load_tiny(name)
    decoder = {id(value) for value in backend.trainable_parameters()}
    outside = [key for key, value in backend.network.named_parameters() if id(value) not in decoder]
    assert decoder and outside
    assert not any("head" in key or "neck" in key or "decoder" in key for key in outside)


@pytest.mark.parametrize(
    ("name", "words"), [("dpt", ("layernorm",)), ("zoedepth_two_heads", ("patch_transformer", "mlp_classifier"))]
)
def test_what_no_gradient_reaches_is_not_the_decoders(load_tiny, name, words):
    backend = load_tiny(name)
    decoder = {id(value) for value in backend.trainable_parameters()}
    inside = [key for key, value in backend.network.named_parameters() if id(value) in decoder]
    assert inside and not any(word in key for key in inside for word in words)


def test_a_decoder_is_trained_with_a_head(load_tiny, photos, tmp_path):
    backend = load_tiny("depth_anything")
    before = {name: value.clone() for name, value in backend.network.named_parameters()}
    head = patchwrap.finetune(
        backend, photos, tmp_path / "head.safetensors", cache=tmp_path / "cache", device="cpu", steps=3, epoch=1,
        plans=("2x2",), widths=(4, 8, 16), batch_size=2, consistency="pair", unfreeze="decoder", patience=9,
    )  # fmt: skip
    assert all(torch.equal(before[name], value) for name, value in backend.network.named_parameters())
    changed = dict(head.adapted(backend).network.named_parameters())
    assert all(torch.equal(before[name], value) for name, value in changed.items() if name.startswith("backbone."))
    assert len(head.decoder) == len(list(backend.trainable_parameters()))
    assert np.isfinite(patchwrap.predict(photos / "0.png", backend, head=head, plan="2x2").values).all()
