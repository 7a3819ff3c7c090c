import numpy as np
import pytest
import torch

from patchwrap import scratch
from patchwrap.weighted_mean import WeightedMean


@pytest.mark.parametrize("limit", [2**28, 4])
def test_by_hand(limit, monkeypatch):
    monkeypatch.setattr(scratch, "LIMIT", limit)
    mean = WeightedMean((2, 3), anchor=0.5)
    mean.add(np.s_[0:1, 0:2], torch.tensor([[6.0, 6.0]]), torch.tensor([[1.0, 0.5]]))
    mean.add(np.s_[0:2, 1:2], torch.tensor([[3.0], [1.0]]), torch.tensor([[1.0], [0.0]]))
    expected = [[6 / 1.5, (3 + 3) / 2, 0], [0, 0, 0]]
    np.testing.assert_allclose(mean[0:1, 1:3], [[3, 0]], rtol=1e-6)
    np.testing.assert_allclose(mean.result(), expected, rtol=1e-6)
