import pytest
import torch

from patchwrap import load_backend as load
from patchwrap.errors import OptionError


def votes(backend, logits):
    """Let every picture vote by its corner: dark gives the first row of logits, bright the second."""
    corner = {}
    backend.network.register_forward_pre_hook(lambda module, inputs: corner.update(lit=inputs[0][:, 0, 0, 0] > 0))
    classifier = backend.network.metric_head.mlp_classifier
    classifier.register_forward_hook(lambda module, inputs, output: logits[corner["lit"].long()])


def test_a_tiles_head_does_not_depend_on_its_neighbours(load_tiny):
    backend = load_tiny("zoedepth_two_heads")
    votes(backend, torch.tensor([[1.0, 0.0], [0.0, 1.5]]))
    pictures = torch.rand(3, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    pictures[:, 0, :40, :40] = torch.tensor([0.0, 1.0, 0.0])[:, None, None]
    with torch.no_grad():
        raw = backend.network(backend.preprocessing(pictures)).predicted_depth
        alone = torch.cat([backend.predict(picture[None]) for picture in pictures])
        together = backend.predict(pictures)
        assert torch.allclose(together, alone, rtol=1e-4)
        outvoted = backend.network(backend.preprocessing(pictures[1:2])).predicted_depth
    assert not torch.allclose(raw[1:2], outvoted, rtol=1e-2), "the library no longer lets the batch vote"


def test_gradients_pass_a_rerun(load_tiny):
    backend = load_tiny("zoedepth_two_heads")
    votes(backend, torch.tensor([[1.0, 0.0], [0.0, 1.5]]))
    pictures = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    pictures[:, 0, :40, :40] = torch.tensor([0.0, 1.0])[:, None, None]
    pictures.requires_grad_()
    backend.predict(pictures).mean().backward()
    assert (pictures.grad.abs().amax((1, 2, 3)) > 0).all()


def test_a_head_can_be_named(load_tiny):
    picture = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        near, far = (load_tiny("zoedepth_two_heads", head=name).predict(picture) for name in ("nyu", "kitti"))
        own = load_tiny("zoedepth_two_heads").predict(picture)
    assert not torch.allclose(near, far, rtol=1e-2)
    assert torch.equal(own, near) or torch.equal(own, far)


def test_one_network_serves_backends_of_several_heads(load_tiny):
    model = load_tiny("zoedepth_two_heads").network
    own, near, far = (load("transformers", model, head=name) for name in (None, "nyu", "kitti"))
    picture = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = [backend.predict(picture) for backend in (near, far, own, near, far)]
    assert torch.equal(maps[0], maps[3]) and torch.equal(maps[1], maps[4])
    assert not torch.allclose(maps[0], maps[1], rtol=1e-2)
    assert torch.equal(maps[2], maps[0]) or torch.equal(maps[2], maps[1])


@pytest.mark.parametrize(
    ("name", "words"), [("zoedepth_two_heads", "nyu, kitti"), ("zoedepth", "one head only"), ("glpn", "one head only")]
)
def test_an_unknown_head_is_refused(load_tiny, name, words):
    with pytest.raises(OptionError, match=words):
        load_tiny(name, head="moon")
