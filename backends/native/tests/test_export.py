"""The trio as ONNX: each part equals torch, and tells what its numbers mean."""

import numpy as np
import onnxruntime
import pytest
import torch

import patchwrap
from patchwrap.testing import bare_view
from patchwrap_native.backend import load


@pytest.fixture(scope="module")
def native():
    return load()


@pytest.fixture(scope="module")
def head(native, tmp_path_factory):
    """The exported head in onnxruntime."""
    return session_of(patchwrap.export(native.head, tmp_path_factory.mktemp("head") / "head.onnx").path)


def session_of(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("part", ["coarse", "fine"])
def test_a_network_equals_torch_at_other_sizes(native, tmp_path, part):
    backend = native if part == "coarse" else native.fine
    exported = patchwrap.export(backend, tmp_path / f"{part}.onnx")
    session = session_of(exported.path)

    for size in ((96, 64), (64, 160)):
        images = torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(3))
        with torch.no_grad():
            wanted = backend.predict(images).numpy()
        np.testing.assert_allclose(session.run(None, {"images": images.numpy()})[0], wanted, rtol=1e-4)
    assert exported.facts["convention"] == "depth:scale" and exported.facts["multiple"] == 32
    assert exported.facts.get("metres_per_focal") == (1.0 if part == "coarse" else None)
    assert exported.facts["knows_tiles"] == (part == "fine")


@pytest.mark.parametrize(
    ("size", "coarse", "fine"),
    [((64, 96), (32, 48), (32, 48)), ((81, 57), (20, 30), (40, 31)), ((64, 64), None, None)],
)
def test_the_head_equals_torch_whatever_features_it_gets(native, head, size, coarse, fine):
    draw = torch.Generator().manual_seed(4)
    images, under, aligned, sure = (torch.rand(2, channels, *size, generator=draw) for channels in (3, 1, 1, 1))
    features = [given and torch.rand(2, 32, *given, generator=draw) for given in (coarse, fine)]
    with torch.no_grad():
        guides = dict(zip(("coarse_features", "fine_features"), features))
        wanted = native.head.refine(bare_view(images, under, aligned, confidence=sure, **guides))
    assert (wanted - aligned).abs().max() > 0.01

    # No features are zeros of one pixel.
    features = [torch.zeros(2, 32, 1, 1) if given is None else given for given in features]
    values = [images, under, aligned, sure, *features]
    feed = {entry.name: value.numpy() for entry, value in zip(head.get_inputs(), values)}
    np.testing.assert_allclose(head.run(["refined"], feed)[0], wanted.numpy(), rtol=1e-4, atol=1e-5)
