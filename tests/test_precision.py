"""What survives a network's time in half precision: its float32 weights, and whatever was changed meanwhile."""

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import patchwrap
from patchwrap.errors import BackendContractError, CheckpointError
from patchwrap.heads import Head, HeadNetwork
from patchwrap.precision import Precision
from patchwrap.testing import PaintedBackend, check_backend
from patchwrap.weights_digest import weights_digest, weights_sample

CPU = torch.device("cpu")


class Table(nn.Module):
    """Constants alone."""

    def __init__(self):
        super().__init__()
        self.register_buffer("angles", torch.rand(5))


class Small(nn.Module):
    """A body, a norm, a table and a last layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.table = Table()
        self.head = nn.Conv2d(4, 1, 1)


class Movable:
    """A backend of a small network that keeps its weights aside, as ours do."""

    convention = patchwrap.DepthConvention("depth", "scale")
    processing = (24, 32)

    def __init__(self):
        self.network = Small().eval()
        self.precision = Precision(self.network, ["head"])

    def predict(self, images):
        deep = self.network.norm(self.network.body(images.to(self.precision.dtype)))
        return 1 + self.network.head(deep.float()).abs()

    def to(self, device, dtype):
        self.precision.to(device, dtype)

    def trainable_parameters(self):
        return self.network.body.parameters()


def test_two_of_one_network_know_of_each_other():
    network = Small()
    before = weights(network)
    first = Precision(network, ["head"])
    first.to(CPU, torch.bfloat16)
    second = Precision(network, ["head"])
    assert first.dtype == second.dtype == torch.float32
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    second.to(CPU, torch.bfloat16)
    assert first.dtype == torch.bfloat16
    first.to(CPU, torch.float32)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_float32_weights_come_back_bit_for_bit_by_whatever_way():
    network = Small()
    before, precision = weights(network), Precision(network, ["head"])
    for dtype in (torch.bfloat16, torch.float16, torch.bfloat16, torch.float32):
        precision.to(CPU, dtype)
        assert network.body.weight.dtype == precision.dtype == dtype
    assert same(weights(network), before)


def test_exact_modules_norms_and_tables_are_never_rounded():
    network = Small()
    before, precision = weights(network), Precision(network, ["head", "none"])
    precision.to(CPU, torch.bfloat16)
    after = weights(network)
    rounded = {name for name in before if not torch.equal(after[name].float(), before[name].float())}
    assert rounded == {"body.weight", "body.bias"}
    assert {after[name].dtype for name in after if name.startswith("head.")} == {torch.float32}


def test_what_was_changed_in_half_precision_is_not_undone():
    network = Small()
    before, precision = weights(network), Precision(network)
    precision.to(CPU, torch.bfloat16)
    with torch.no_grad():
        network.body.bias.fill_(0.5)
    precision.to(CPU, torch.float32)
    assert (network.body.bias == 0.5).all()
    assert torch.equal(network.body.weight, before["body.weight"])


def test_a_copy_has_weights_of_its_own():
    backend = Movable()
    before = weights(backend.network)
    backend.to(CPU, torch.bfloat16)
    changed = copy.deepcopy(backend)
    changed.to(CPU, torch.float32)
    assert same(weights(changed.network), before) and backend.network.body.weight.dtype == torch.bfloat16


def test_a_heads_float32_weights_come_back_and_its_last_convolution_is_never_rounded():
    network = HeadNetwork()
    nn.init.normal_(network.residual.weight, std=0.1)
    before, head = weights(network), Head(network)
    head.to(CPU, torch.bfloat16)
    assert network.dtype == torch.bfloat16
    assert torch.equal(network.residual.weight, before["residual.weight"])
    head.to(CPU, torch.float32)
    assert same(weights(network), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_trained_decoder_is_not_lost_on_a_backend_in_half_precision(dtype):
    backend = Movable()
    backend.to(CPU, dtype)
    trained = [torch.rand(value.shape) for value in backend.trainable_parameters()]
    changed = Head(decoder=trained).adapted(backend)
    changed.to(CPU, torch.bfloat16)
    changed.to(CPU, torch.float32)
    assert all(torch.equal(value, new) for value, new in zip(changed.trainable_parameters(), trained))
    assert backend.network.body.weight.dtype == dtype


def test_a_decoder_of_another_shape_is_refused_in_half_precision_too():
    backend = Movable()
    backend.to(CPU, torch.bfloat16)
    with pytest.raises(CheckpointError, match="does not fit Movable"):
        Head(decoder=[torch.ones(3)]).adapted(backend)


class BornInHalf(Movable):
    """Is in half precision, and cannot take float32 images, before it is moved."""

    def __init__(self):
        self.network = Small().eval().bfloat16()
        self.precision = SimpleNamespace(dtype=torch.float32)

    def to(self, device, dtype):
        self.precision = Precision(self.network, ["head"])
        self.precision.to(device, dtype)


class Kept:
    """A head that changes nothing."""

    def refine(self, view):
        return view.aligned


def test_the_contract_moves_a_backend_and_its_tile_backend_before_they_predict():
    backend = BornInHalf()
    backend.fine, backend.head = BornInHalf(), Kept()  # A head is given predictions of both.
    check_backend(backend)


def test_the_contract_asks_for_the_way_back():
    class Rounded(Movable):
        def to(self, device, dtype):
            self.network.body.to(device, dtype)
            self.precision = SimpleNamespace(dtype=dtype)

    check_backend(Movable())
    with pytest.raises(BackendContractError, match=r"Rounded\.to\(\) comes back from bfloat16 rounded"):
        check_backend(Rounded())


def test_weights_that_only_a_precision_holds_tell_checkpoints_apart():
    one, other = PaintedBackend(), PaintedBackend()
    one.precision, other.precision = Precision(nn.Linear(2, 2)), Precision(nn.Linear(2, 2))
    for tell in (weights_digest, weights_sample):
        assert len({tell(one), tell(other), None}) == 3
