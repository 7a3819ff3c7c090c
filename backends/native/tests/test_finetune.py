"""The trio's own decoder trained with a universal head, on the losses of the head."""

import numpy as np
import pytest
import torch
from PIL import Image

import patchwrap
from patchwrap_native.backend import load


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        grey = np.random.default_rng(seed).integers(40, 220, (8, 12), np.uint8).repeat(16, 0).repeat(16, 1)
        Image.fromarray(np.repeat(grey[..., None], 3, 2)).save(folder / f"{seed}.png")
        np.save(folder / f"{seed}.npy", (2 + grey / 50 + np.linspace(1, 0, 128)[:, None]).astype(np.float32))
    return folder


def test_the_decoder_is_all_but_the_encoder():
    torch.manual_seed(0)
    backend = load()
    decoder, everything = (sum(value.numel() for value in values) for values in (
        backend.trainable_parameters(), backend.network.parameters(),
    ))  # fmt: skip
    assert 0 < decoder < 0.5 * everything


@pytest.mark.parametrize("guidance", [False, True])
def test_a_head_is_trained_for_the_trio(photos, tmp_path, guidance):
    torch.manual_seed(0)
    backend = load()
    backend.processing = backend.fine.processing = (64, 96)
    unfreeze = "none" if guidance else "decoder"
    before = [value.clone() for value in backend.fine.network.parameters()]
    head = patchwrap.finetune(
        backend, photos, tmp_path / "head.safetensors", cache=tmp_path / "cache", device="cpu", steps=2, epoch=1,
        plans=("2x2",), widths=(4, 8, 16), batch_size=2, consistency="pair", unfreeze=unfreeze, guidance=guidance,
    )  # fmt: skip
    assert all(torch.equal(a, b) for a, b in zip(before, backend.fine.network.parameters()))
    assert head.wants_features == guidance and bool(head.decoder) != guidance
    depth = patchwrap.predict(photos / "0.png", backend, head=head, plan="2x2")
    assert np.isfinite(depth.values).all()
    if not guidance:
        encoder = [head.adapted(backend.fine).network.encoder, backend.fine.network.encoder]
        assert all(torch.equal(a, b) for a, b in zip(*(part.parameters() for part in encoder)))


def test_one_step_changes_every_part_of_the_decoder_and_nothing_else(photos, tmp_path):
    from patchwrap.datasets import open_dataset
    from patchwrap.finetune.draw import Drawer
    from patchwrap.finetune.objective import terms
    from patchwrap.finetune.preparation import Preparation
    from patchwrap.finetune.recipe import Recipe
    from patchwrap.finetune.trainee import Trainee
    from patchwrap.heads import HeadNetwork

    backend = load()
    backend.processing = backend.fine.processing = (64, 96)
    seen = {"device": "cpu", "dtype": "float32", "tile_batch_size": 4, "seed": 0}
    preparation = Preparation.of(backend, None, None, ["2x2"], tmp_path / "cache", **seen)
    samples = open_dataset(photos).lazy_samples
    preparation.run(samples, lambda *told: None)
    records = [record for sample in samples for record in preparation.records(sample)]
    trainee = Trainee(HeadNetwork((4, 8, 16)), backend.fine)
    batch = Drawer(records, "pair", 2).draw(0)
    found = terms(batch, *trainee(batch), Recipe(consistency="pair"))
    torch.stack(list(found.values())).sum().backward()
    reached = [value.grad is not None and bool(value.grad.abs().sum() > 0) for value in trainee.decoder]
    assert np.mean(reached) > 0.9
    assert all(value.grad is None for value in backend.fine.network.encoder.parameters())
