"""Which generators are seeded and restored; devices are imitated."""

from contextlib import contextmanager

import pytest
import torch

from patchwrap.generators import preserved_generators, seed_generators


def imitate(monkeypatch, kind, calls):
    """Let the functions of a module such as ``torch.cuda`` do nothing but list their calls."""

    @contextmanager
    def current(device):
        calls.append(("current", device))
        yield

    module = getattr(torch, kind)
    # The functions, since torch keeps the module itself.
    monkeypatch.setattr(module, "get_rng_state", lambda device: calls.append(("get", device)) or "state")
    monkeypatch.setattr(module, "set_rng_state", lambda state, device: calls.append(("set", state, device)))
    monkeypatch.setattr(module, "manual_seed", lambda seed: calls.append(("seed", seed)))
    if hasattr(module, "device"):
        monkeypatch.setattr(module, "device", current)


@pytest.mark.parametrize("name", ["cuda:1", "mps"])
def test_the_generator_of_one_device_is_saved_seeded_and_restored(name, monkeypatch):
    device, calls = torch.device(name), []
    imitate(monkeypatch, device.type, calls)
    with preserved_generators(device):
        seed_generators(device, 7)
    chosen = [("current", device)] if device.type == "cuda" else []
    assert calls == [("get", device), *chosen, ("seed", 7), ("set", "state", device)]


def test_on_the_cpu_numbers_are_those_of_manual_seed_and_no_other_device_is_seeded(monkeypatch):
    torch.manual_seed(7)
    expected, calls = torch.rand(3), []
    torch.manual_seed(1)
    after = torch.rand(3)
    torch.manual_seed(1)
    for name in ("cuda", "mps"):
        imitate(monkeypatch, name, calls)
    with preserved_generators(torch.device("cpu")):
        seed_generators(torch.device("cpu"), 7)
        assert torch.equal(torch.rand(3), expected)
    assert torch.equal(torch.rand(3), after) and not calls
