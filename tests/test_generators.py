"""Which generators are seeded and restored; devices are imitated."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from patchwrap.generators import preserved_generators, seed_generators


def imitated(calls, with_device):
    """A module such as ``torch.cuda`` that lists the calls in ``calls``."""

    @contextmanager
    def current(device):
        calls.append(("current", device))
        yield

    module = SimpleNamespace(
        get_rng_state=lambda device: calls.append(("get", device)) or "state",
        set_rng_state=lambda state, device: calls.append(("set", state, device)),
        manual_seed=lambda seed: calls.append(("seed", seed)),
    )
    if with_device:
        module.device = current
    return module


@pytest.mark.parametrize(("name", "with_device"), [("cuda:1", True), ("mps", False)])
def test_the_generator_of_one_device_is_saved_seeded_and_restored(name, with_device, monkeypatch):
    device, calls = torch.device(name), []
    monkeypatch.setattr(torch, device.type, imitated(calls, with_device))
    with preserved_generators(device):
        seed_generators(device, 7)
    chosen = [("current", device)] if with_device else []
    assert calls == [("get", device), *chosen, ("seed", 7), ("set", "state", device)]


def test_on_the_cpu_numbers_are_those_of_manual_seed_and_no_other_device_is_seeded(monkeypatch):
    torch.manual_seed(7)
    expected, calls = torch.rand(3), []
    torch.manual_seed(1)
    after = torch.rand(3)
    torch.manual_seed(1)
    for name in ("cuda", "mps"):
        monkeypatch.setattr(torch, name, imitated(calls, True))
    with preserved_generators(torch.device("cpu")):
        seed_generators(torch.device("cpu"), 7)
        assert torch.equal(torch.rand(3), expected)
    assert torch.equal(torch.rand(3), after) and not calls
