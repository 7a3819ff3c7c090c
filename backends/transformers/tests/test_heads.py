import copy
import threading
from concurrent.futures import ThreadPoolExecutor

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


HEADS = ("nyu", "kitti", None)


@pytest.fixture
def several(load_tiny):
    """Backends of one network by their head."""
    model = load_tiny("zoedepth_two_heads").network
    return lambda **options: {head: load("transformers", model, head=head, **options) for head in HEADS}


@pytest.fixture
def picture():
    return torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def test_compiled_backends_of_one_network_keep_their_heads(several, picture):
    with torch.no_grad():
        eager = {head: backend.predict(picture) for head, backend in several().items()}
        compiled = several(compile="eager")
        for _ in range(2):
            for head, backend in compiled.items():
                assert torch.allclose(backend.predict(picture), eager[head], rtol=1e-4)


def meet(barrier):
    barrier.wait()


def test_backends_of_one_network_keep_their_heads_in_several_threads(several, picture):
    backends = several()
    both_inside = threading.Barrier(2, timeout=60)

    @torch.no_grad()
    def predict(backend):
        return backend.predict(picture)

    pair = [backends["nyu"], backends["kitti"]]
    alone = [predict(backend) for backend in pair]
    backends["nyu"].network.relative_head.register_forward_pre_hook(lambda module, inputs: meet(both_inside))
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(predict, pair))
    assert all(map(torch.equal, together, alone))


def test_an_elected_head_shares_the_networks_weights_and_number_type(several, picture):
    backends = several()
    with torch.no_grad():
        before = backends["nyu"].predict(picture)
        backends["kitti"].to(torch.device("cpu"), torch.bfloat16)
        half = backends["nyu"].predict(picture)
        backends["nyu"].to(torch.device("cpu"), torch.float32)
        assert torch.equal(backends["nyu"].predict(picture), before)
        copied = copy.deepcopy(backends["nyu"])
        assert torch.equal(copied.predict(picture), before)
        for value in copied.network.parameters():
            value.zero_()
        assert not torch.allclose(copied.predict(picture), before, rtol=1e-2)
        assert torch.equal(backends["nyu"].predict(picture), before)
    assert not torch.equal(half, before) and torch.allclose(half, before, rtol=0.1)


@pytest.mark.parametrize(
    ("name", "words"), [("zoedepth_two_heads", "nyu, kitti"), ("zoedepth", "one head only"), ("glpn", "one head only")]
)
def test_an_unknown_head_is_refused(load_tiny, name, words):
    with pytest.raises(OptionError, match=words):
        load_tiny(name, head="moon")
