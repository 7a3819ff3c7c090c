"""Names of devices: what is refused, in one line, and which GPU reports name."""

import pytest
import torch

from patchwrap.device import usable_device
from patchwrap.errors import OptionError
from patchwrap.machine import machine


def test_auto_is_cuda_or_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert usable_device("auto") == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("foo", "device 'foo' is not known; give auto, cpu, cuda, cuda:1 or mps."),
        ("", "device '' is not known; give auto"),
        ("meta", "device 'meta' cannot be used here: .* Use --device cpu."),
    ],
)
def test_what_is_no_usable_device_is_refused(name, words):
    with pytest.raises(OptionError, match=words) as raised:
        usable_device(name)
    assert len(str(raised.value)) < 160


@pytest.mark.parametrize("device, named", [("auto", "cuda"), ("cuda:1", "cuda:1"), ("cpu", "None"), ("mps", "None")])
def test_the_gpu_that_is_named_is_the_one_that_is_used(monkeypatch, device, named):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda gpu=None: gpu)
    assert str(machine(device)["accelerator"]) == named
