"""The contract suite: every kind of fault is found, and blamed on the class and method that has it."""

import pytest
import torch
from torch import nn

import patchwrap
from patchwrap.errors import BackendContractError, ExportError
from patchwrap.testing import PaintedBackend, check_backend

SIZES = ((60, 100),)


class Complete(nn.Module):
    """A backend with every optional method."""

    convention = patchwrap.DepthConvention("inverse_depth", "affine")
    processing = (60, 100)
    multiple = 2

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.mix = nn.Conv2d(3, 1, 1)
        self.eval()

    def forward(self, images):
        return self.mix(images)

    def predict(self, images):
        return self(images)

    def predict_tiles(self, source, tiles, context):
        for tile in tiles:
            yield tile, self(source(tile))[0, 0]

    def trainable_parameters(self):
        return iter(self.mix.parameters())

    def exportable(self, size):
        return self, {"images": torch.rand(2, 3, *size)}

    def to(self, device, dtype):
        return self  # always float32


class Kept:
    """A head that changes nothing."""

    def refine(self, view):
        return view.aligned


def test_a_complete_backend_passes_and_stays_as_it_was():
    backend = Complete()
    backend.mix.requires_grad_(False)
    backend.head = Kept()
    backend.fine = Complete()
    check_backend(backend, SIZES)
    assert not any(value.requires_grad for value in backend.mix.parameters())


def tiles(change):
    def loop(self, source, tiles, context):
        for tile in tiles:
            yield change(tile, self(source(tile))[0, 0])

    return loop


@pytest.mark.parametrize(
    ("method", "replacement", "words"),
    [
        ("predict_tiles", tiles(lambda tile, values: (tile, values[1:])), r"predict_tiles yielded \(.* for a tile"),
        ("predict_tiles", tiles(lambda tile, values: tile), "predict_tiles yielded a Tile; expected tuples"),
        ("predict_tiles", lambda self, source, tiles, context: None, "predict_tiles returned None"),
        ("trainable_parameters", lambda self: iter(()), r"trainable_parameters\(\) is empty"),
        ("trainable_parameters", lambda self: [nn.Parameter(torch.ones(1))], r"parameters\(\) differs from call to"),
        ("exportable", lambda self, size: self, "exportable returned a Complete; expected"),
        ("exportable", lambda self, size: (nn.Dropout(), {"images": torch.rand(2, 3, *size)}), "training mode"),
        ("exportable", lambda self, size: (self, [torch.rand(2, 3, *size)]), "inputs must be a dict"),
        ("exportable", lambda self, size: (nn.Identity().eval(), {"a": torch.rand(1, 3, *size)}), "a batch of two"),
    ],
)
def test_an_optional_method_is_checked(method, replacement, words, monkeypatch):
    monkeypatch.setattr(Complete, method, replacement)
    with pytest.raises(BackendContractError, match=f"Complete.*{words}"):
        check_backend(Complete(), SIZES)


def test_a_network_that_cannot_be_exported_may_say_so(monkeypatch):
    def refused(self, size):
        raise ExportError("It has no graph.")

    monkeypatch.setattr(Complete, "exportable", refused)
    check_backend(Complete(), SIZES)


def test_a_trainable_backend_must_have_gradients(monkeypatch):
    monkeypatch.setattr(Complete, "predict", lambda self, images: self(images).detach())
    with pytest.raises(BackendContractError, match=r"Complete.predict has no gradient in .*Remove no_grad"):
        check_backend(Complete(), SIZES)


def test_trainable_parameters_must_be_used(monkeypatch):
    unused = nn.Parameter(torch.ones(1))
    monkeypatch.setattr(Complete, "trainable_parameters", lambda self: iter([unused]))
    with pytest.raises(BackendContractError, match=r"Complete.predict uses none of Complete.trainable_parameters"):
        check_backend(Complete(), SIZES)


@pytest.mark.parametrize(
    ("refine", "drawn", "words"),
    [
        (lambda self, view: view.aligned[:, 0], "alone", r"Kept.refine returned \(1, "),
        (lambda self, view: view.aligned / 0, "alone", "Kept.refine returned values that are not finite"),
        (lambda self, view: view.aligned, "apart", "Kept.drawn is 'apart'; expected one of alone, together, never"),
    ],
)
def test_the_head_that_a_backend_brings_is_checked(refine, drawn, words, monkeypatch):
    monkeypatch.setattr(Kept, "refine", refine)
    monkeypatch.setattr(Kept, "drawn", drawn, raising=False)
    backend = PaintedBackend()
    backend.head = Kept()
    with pytest.raises(BackendContractError, match=words):
        check_backend(backend, SIZES)




class Fixed(Kept):
    """A head that cannot be told its number type."""

    def to(self, device):
        return self


@pytest.mark.parametrize(
    ("head", "words"),
    [(Kept, "Kept is a class; pass an instance"), (Fixed(), r"Fixed.to cannot be called as to\(device, dtype\): too")],
)
def test_a_head_is_an_instance_that_can_be_moved(head, words):
    backend = PaintedBackend()
    with pytest.raises(BackendContractError, match=words):
        patchwrap.predict(torch.rand(3, 60, 100), backend, head=head)
    assert not backend.calls
    backend.head = head
    with pytest.raises(BackendContractError, match=words):
        check_backend(backend, SIZES)


def second_maps(change):
    """``predict`` with a change to all maps of a batch but the first."""

    def predict(self, images):
        maps = self(images)
        return torch.cat([maps[:1], change(maps[1:], maps[:1])])

    return predict


@pytest.mark.parametrize(
    "change",
    [
        lambda maps, first: first.expand_as(maps),
        lambda maps, first: maps.flip(-1),
        lambda maps, first: maps * torch.nan,
    ],
)
def test_every_map_of_a_batch_is_checked(change, monkeypatch):
    monkeypatch.setattr(Complete, "predict", second_maps(change))
    with pytest.raises(BackendContractError, match=r"Complete.predict: a map depends on its batch neighbours"):
        check_backend(Complete(), SIZES)


class Reused(PaintedBackend):
    """Returns one buffer from every call; what it holds depends on the batch."""

    buffer = torch.zeros(2 * 60 * 100)

    def predict(self, images):
        maps = super().predict(images) * len(images)
        return self.buffer[: maps.numel()].view(maps.shape).copy_(maps)


def test_a_reused_output_hides_nothing():
    with pytest.raises(BackendContractError, match="batch neighbours"):
        check_backend(Reused(), SIZES)


def test_predictions_must_not_depend_on_earlier_calls():
    with pytest.raises(BackendContractError, match=r"PaintedBackend.predict returns other maps when called again"):
        check_backend(PaintedBackend(distort=0.1), SIZES)


class Averaging(PaintedBackend):
    """Averages each map with that of the previous call."""

    last = None

    def predict(self, images):
        maps = super().predict(images)
        before, self.last = self.last, maps
        return maps if before is None else (maps + before[:1]) / 2


def test_predictions_must_not_depend_on_the_picture_before():
    with pytest.raises(BackendContractError, match=r"other maps when called again. Keep no state between calls"):
        check_backend(Averaging(), SIZES)


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.BatchNorm2d(1)])
def test_a_network_in_training_mode_is_named_as_such(layer):
    backend, holder = Complete(), PaintedBackend()
    backend.mix = nn.Sequential(backend.mix, layer)
    holder.network = backend.mix
    for one in (backend, holder):
        words = f"{type(one).__name__} has a {type(layer).__name__} in training mode.*eval"
        with pytest.raises(BackendContractError, match=words):
            check_backend(one, SIZES)


class Holding(Kept, nn.Module):
    """A head that is itself a module."""


@pytest.mark.parametrize("head", [Kept(), Holding()])
@pytest.mark.parametrize("kind", [Complete, PaintedBackend])
def test_the_network_of_a_head_is_named_as_the_heads(kind, head, monkeypatch):
    monkeypatch.setattr(Complete, "exportable", lambda self, size: (self.mix, {"images": torch.rand(2, 3, *size)}))
    backend, head.network = kind(), nn.Sequential(nn.Dropout())
    backend.head = head
    with pytest.raises(BackendContractError, match=f"{type(head).__name__} has a Dropout in training mode"):
        check_backend(backend, SIZES)
    head.network.eval()
    check_backend(backend, SIZES)


def test_a_network_that_only_its_precision_holds_is_found():
    backend = PaintedBackend()
    backend.precision = patchwrap.Precision(nn.Sequential(nn.Linear(1, 1), nn.Dropout()))
    with pytest.raises(BackendContractError, match="PaintedBackend has a Dropout in training mode"):
        check_backend(backend, SIZES)


@pytest.mark.parametrize("call", [check_backend, lambda backend: patchwrap.predict(torch.rand(3, 60, 100), backend)])
def test_what_to_takes_is_checked(call):
    backend = PaintedBackend()
    backend.to = lambda device: backend
    with pytest.raises(BackendContractError, match=r"PaintedBackend.to cannot be called as to\(device, dtype\): too"):
        call(backend)


def test_a_map_must_be_finite_alone_as_well(monkeypatch):
    monkeypatch.setattr(Complete, "predict", lambda self, images: self(images) / (len(images) - 1))
    with pytest.raises(BackendContractError, match=r"batch neighbours \(other pixels are finite\)"):
        check_backend(Complete(), SIZES)


class Random(PaintedBackend):
    def predict(self, images):
        return super().predict(images) + torch.rand(1)


def test_a_backend_may_draw_from_torchs_generator():
    before = torch.get_rng_state()
    check_backend(Random(), SIZES)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("second", ["confidence", "features", "fov"])
def test_maps_that_come_with_something_else_are_those_of_predict(second):
    backend = PaintedBackend()
    more = {"fov": lambda images: torch.full((len(images),), 60.0)}.get(second, lambda images: images[:, 1:2])
    setattr(backend, f"predict_with_{second}", lambda images: (images[:, :1].flip(-1), more(images)))
    with pytest.raises(BackendContractError, match=f"PaintedBackend.predict_with_{second} returns other maps than pr"):
        check_backend(backend, SIZES)


@pytest.mark.parametrize("degrees", [-3.0, 0.9, 181.0, float("nan")])
def test_a_field_of_view_is_in_degrees(degrees):
    backend = PaintedBackend("depth:metric")
    backend.predict_with_fov = lambda images: (backend.predict(images), torch.full((len(images),), degrees))
    with pytest.raises(BackendContractError, match=r"predict_with_fov returned .*; expected degrees from 1 to 170"):
        check_backend(backend, SIZES)


@pytest.mark.parametrize("metres", [0, -2.0, float("nan"), None])
def test_a_scale_is_positive(metres):
    backend = PaintedBackend("depth:scale")
    backend.metres_per_unit = lambda focal: metres
    with pytest.raises(BackendContractError, match=r"metres_per_unit\(0.5\) returned .*; expected a positive number"):
        check_backend(backend, SIZES)
    with pytest.raises(BackendContractError, match="metres_per_unit"):
        patchwrap.predict(torch.rand(3, 60, 100), backend, fov=60.0)


class HalfFails(PaintedBackend):
    dtype = torch.float32

    def to(self, device, dtype):
        self.dtype = dtype

    def predict(self, images):
        if self.dtype != torch.float32:
            raise RuntimeError("expected scalar type Float but found BFloat16")
        return super().predict(images)


def test_a_backend_that_fails_is_left_in_float32():
    backend = HalfFails()
    with pytest.raises(BackendContractError, match="fails after to"):
        check_backend(backend, SIZES)
    assert backend.dtype == torch.float32
