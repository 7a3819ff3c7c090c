"""Simulated backbones: degraded as real ones are, and always alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

import patchwrap
from patchwrap.datasets import Sample
from patchwrap.errors import BackendContractError, OptionError
from patchwrap.finetune.simulated import FAULTLESS, Faults, SimulatedBackend
from patchwrap.io import Photo
from patchwrap.tiling import Tile

SIZE = (96, 160)


def painted(seed):
    """A scene in memory."""
    rng = np.random.default_rng(seed)
    truth = np.exp(gaussian_filter(rng.normal(size=SIZE), 3) * 4 + 1).astype(np.float32)
    truth[20:60, 30:90] = 1.5
    pixels = (255 * np.repeat((1 / (1 + truth))[..., None], 3, 2)).astype(np.uint8)
    return Sample(str(seed), Photo(pixels, name=str(seed)), truth)


@pytest.fixture
def samples():
    return [painted(seed) for seed in range(3)]


def predicted(backend, sample, plan="2x2", **options):
    return patchwrap.predict(sample.read().photo.pixels, backend, plan=plan, fuser="blend", **options).values


def test_without_faults_it_tells_the_truth(samples):
    backend = SimulatedBackend(samples, "depth:metric", (48, 80), faults=FAULTLESS)
    for sample in samples:
        truth = sample.read().truth
        ratio = predicted(backend, sample) / truth
        assert np.median(np.abs(np.log(ratio))) < 0.05


def test_the_whole_image_is_blurred_and_tiles_are_not(samples):
    backend = SimulatedBackend(samples, "depth:scale", (48, 80), seed=1)
    fused, coarse = (predicted(backend, samples[0], tiles=tiles) for tiles in (True, False))
    sharpness = [np.abs(np.diff(np.log(values), axis=1)).max() for values in (fused, coarse)]
    assert sharpness[0] > 1.5 * sharpness[1]


def test_the_seed_decides_everything_and_the_order_nothing(samples):
    first, again, other = (
        SimulatedBackend(samples, "inverse_depth:affine", (48, 80), seed) for seed in (4, 4, 5)
    )
    a = [predicted(first, sample) for sample in samples]
    b = [predicted(again, sample) for sample in reversed(samples)][::-1]
    assert all(np.array_equal(x, y) for x, y in zip(a, b))
    assert not np.array_equal(a[0], predicted(other, samples[0]))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_other_depth_of_the_same_photos_is_another_backend(samples):
    deeper = [replace(sample, depth=2 * sample.depth) for sample in samples]
    first, again, other = (SimulatedBackend(known) for known in (samples, samples[::-1], deeper))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_tiles_have_a_scale_of_their_own(samples):
    seen = []
    faults = Faults(0.01, 0.01, 0.0, 0.0, 0.3, *[0.0] * 4)
    backend = SimulatedBackend(samples, "depth:metric", (48, 80), faults=faults)
    predicted(backend, samples[0], observer=lambda tile, raw, fused: seen.append((tile, raw)))
    truth = torch.from_numpy(samples[0].read().truth)
    scales = [float((raw / truth[tile.slices]).log().median()) for tile, raw in seen]
    assert np.std(scales) > 0.08 and np.abs(scales).max() < 0.4


def test_a_stranger_is_not_recognised(samples):
    with pytest.raises(BackendContractError, match="knows only the photos"):
        SimulatedBackend(samples).predict(torch.ones(1, 3, 48, 80))


def test_tiles_before_the_whole_image_are_refused(samples):
    backend, images = SimulatedBackend(samples), torch.rand(1, 3, 8, 8)
    context = patchwrap.TileContext(0, torch.ones(8, 8), backend.convention, (8, 8), 4)
    with pytest.raises(BackendContractError, match="call predict"):
        next(backend.predict_tiles(lambda tile: images, [Tile(0, 0, 8, 8)], context))


def test_samples_without_depth_are_refused():
    with pytest.raises(OptionError, match="sample 'flat' has no true depth"):
        SimulatedBackend([Sample("flat", Photo(np.zeros((24, 32, 3), np.uint8)), None)])
