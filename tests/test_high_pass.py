import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from patchwrap import coarsening
from patchwrap.high_pass import high_pass


def high_passed(values, deviation):
    result = np.full(values.shape, np.nan, np.float32)
    for region, part in high_pass(values.shape, values.__getitem__, deviation):
        result[region] = part
    return result


@pytest.mark.parametrize("limit", [10**6, 4000])
@pytest.mark.parametrize("deviation", [3.0, 8.0, 30.0, 60.0])
@pytest.mark.parametrize("shape", [(200, 150), (201, 147)])
def test_what_remains_is_what_a_gaussian_takes_away(shape, deviation, limit, monkeypatch):
    monkeypatch.setattr(coarsening, "WHOLE", limit)
    draw = np.random.default_rng(0)
    values = (draw.normal(size=shape) + 3 * (np.arange(shape[1]) > 70)).astype(np.float32)
    expected = values - gaussian_filter(values, deviation, mode="reflect", truncate=6)
    np.testing.assert_allclose(high_passed(values, deviation), expected, atol=0.01)
