"""Time and memory of a call."""

import math
import threading

import numpy as np
import pytest
import torch

from patchwrap.bench import cost
from patchwrap.bench.cost import measure_cost


def test_the_result_is_handed_through_and_the_time_is_taken():
    made, found = measure_cost(lambda: sum(range(100_000)))
    assert made == 4_999_950_000
    assert found.seconds > 0
    assert found.device_memory >= 0 if torch.cuda.is_available() else math.isnan(found.device_memory)


@pytest.mark.parametrize("device, asked", [("auto", ["cuda"] * 2), ("cuda:1", ["cuda:1"] * 2), ("cpu", [])])
def test_memory_is_that_of_the_device_that_is_used(monkeypatch, device, asked):
    devices = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", devices.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda gpu: devices.append(gpu) or 3 * 2**20)
    _, found = measure_cost(lambda: None, device)
    assert [str(one) for one in devices] == asked
    assert found.device_memory == 3 if asked else math.isnan(found.device_memory)


def test_memory_held_for_a_moment_is_seen(monkeypatch):
    # As Linux would tell it: half a gigabyte, then sixty MiB more, then what it was.
    told = iter([512.0, 572.0])
    monkeypatch.setattr(cost, "STATUS", cost.Path(__file__))
    monkeypatch.setattr(cost, "memory_mib", lambda field: next(told, 512.0))
    assert measure_cost(lambda: threading.Event().wait(0.1))[1].rss == 60


def test_this_system_tells_its_memory_or_there_is_none():
    block, found = measure_cost(lambda: np.ones(16 * 2**20))
    if cost.STATUS.exists():
        assert 64 < found.rss < 256 and block.nbytes == 2**27
    else:
        assert math.isnan(found.rss)


def test_without_proc_memory_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(cost, "STATUS", tmp_path / "none")
    assert math.isnan(measure_cost(lambda: None)[1].rss)


def test_an_error_ends_the_watch():
    before = threading.active_count()
    with pytest.raises(KeyError):
        measure_cost(lambda: {}["x"])
    assert threading.active_count() == before
