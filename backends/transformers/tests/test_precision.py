import pytest
import torch
import transformers as hf

import patchwrap
from patchwrap.heads import Head
from patchwrap.testing import painted_photo

CPU = torch.device("cpu")


@pytest.fixture
def backend(load_tiny, name):
    return load_tiny(name)


@pytest.fixture
def images(backend):
    return torch.from_numpy(painted_photo(*backend.processing)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_every_family_runs_in_half_precision_without_steps_in_its_map(backend, images, dtype):
    with torch.no_grad():
        full = backend.predict(images)
        half = backend.to(CPU, dtype).predict(images)
    assert half.dtype == torch.float32 and half.isfinite().all()
    assert ((half - full).abs() / full.abs().clamp_min(0.01 * full.abs().mean())).median() < 0.02
    # Rounded at the end, a map would have a few hundred values.
    assert len(half[half > 0].unique()) > 0.6 * len(full[full > 0].unique())


def test_float32_comes_back_as_it_was(backend, images):
    with torch.no_grad():
        full = backend.predict(images)
        backend.to(CPU, torch.bfloat16).to(CPU, torch.float16)
        again = backend.to(CPU, torch.float32).predict(images)
    assert torch.equal(full, again)


def test_weights_and_positions_change_and_the_last_layer_does_not(load_tiny):
    network = load_tiny("chmv2").to(CPU, torch.bfloat16).network
    kinds = {name: parameter.dtype for name, parameter in network.named_parameters()}
    assert set(kinds.values()) == {torch.bfloat16}
    assert all(table.dtype == torch.float32 for name, table in network.named_buffers() if "inv_freq" in name)
    head = load_tiny("depth_anything").to(CPU, torch.bfloat16).network.head
    assert (head.conv2.weight.dtype, head.conv3.weight.dtype) == (torch.bfloat16, torch.float32)


def test_a_wrapped_model_can_be_converted_and_used_by_itself(tiny):
    network = hf.AutoModelForDepthEstimation.from_pretrained(tiny("depth_anything"))
    for _ in range(3):
        patchwrap.load_backend("transformers", network)
    assert len(network.head.conv3._forward_pre_hooks) == 1
    with torch.no_grad():
        assert network.bfloat16()(torch.rand(1, 3, 56, 84).bfloat16()).predicted_depth.dtype == torch.bfloat16
    assert patchwrap.load_backend("transformers", network).network.dtype == torch.float32


def test_the_pipeline_chooses_the_precision(load_tiny):
    photo = painted_photo(120, 180)
    full = patchwrap.predict(photo, load_tiny("glpn"), plan="2x2").values
    brain = patchwrap.predict(photo, load_tiny("glpn"), plan="2x2", dtype="bfloat16").values
    assert 0 < abs(brain / full - 1).mean() < 0.02


def test_a_trained_decoder_is_not_lost_on_a_backend_in_half_precision(load_tiny):
    backend = load_tiny("depth_anything").to(CPU, torch.bfloat16)
    trained = [torch.rand(value.shape) for value in backend.trainable_parameters()]
    changed = Head(decoder=trained).adapted(backend).to(CPU, torch.bfloat16).to(CPU, torch.float32)
    assert all(torch.equal(value, new) for value, new in zip(changed.trainable_parameters(), trained))
