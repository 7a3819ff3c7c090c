"""Errors that depend on left and right cancel when the mirrored image's prediction is averaged in."""

import numpy as np
import pytest
import torch

import patchwrap
from patchwrap.mirror import average_with_mirrored

LEVELS = torch.linspace(1, 2, 40)[:, None].expand(40, 60)
TILT = 0.03 * torch.linspace(-1, 1, 60).expand(40, 60)


@pytest.mark.parametrize("scale_known, scale", [(True, 1.0), (False, 3.0)])
def test_opposite_tilts_cancel(scale_known, scale):
    plain, mirrored = LEVELS + TILT, 5 + scale * (LEVELS - TILT)
    both = average_with_mirrored(plain, mirrored, scale_known)
    assert (both - LEVELS).abs().max() < 0.1 * TILT.abs().max()


def test_an_uncorrelated_map_is_ignored():
    other = torch.rand(40, 60, generator=torch.Generator().manual_seed(0))
    assert torch.equal(average_with_mirrored(LEVELS, other, False), LEVELS)


def test_large_differences_have_little_weight():
    mirrored = LEVELS.clone()
    mirrored[10:20, 10:20] += 2
    both = average_with_mirrored(LEVELS, mirrored, True)
    np.testing.assert_allclose(both[30:], LEVELS[30:], atol=0.02)
    assert (both - LEVELS).abs().max() < 0.02


def test_invalid_or_constant_maps_leave_the_plain_map():
    holed = (LEVELS - 0.2).clone()
    holed[:10] = torch.nan
    both = average_with_mirrored(LEVELS, holed, True)
    np.testing.assert_allclose(both[:10], LEVELS[:10])
    np.testing.assert_allclose(average_with_mirrored(LEVELS, torch.full_like(LEVELS, torch.nan), True), LEVELS)
    assert torch.equal(average_with_mirrored(LEVELS, torch.ones(40, 60), False), LEVELS)


class Tilted:
    """Takes depth from the red channel, too small towards the right."""

    convention, processing = patchwrap.DepthConvention("depth", "scale"), (60, 80)

    def predict(self, images):
        depth = 1 + 9 * images[:, :1]
        return depth * torch.exp(-0.1 * torch.linspace(-1, 1, images.shape[-1]))


def test_the_pipeline_averages_both_and_returns_the_plain_map_as_coarse():
    photo = np.tile(np.linspace(0, 1, 180, dtype=np.float32)[:, None, None], (1, 240, 3))
    truth = np.log(1 + 9 * photo[..., 0])
    maps = {on: patchwrap.predict(photo, Tilted(), plan="2x2", mirror=on) for on in (False, True)}
    errors = {on: np.abs(np.log(fused.values) - truth).mean() for on, fused in maps.items()}
    assert errors[True] < 0.3 * errors[False]
    np.testing.assert_allclose(maps[True].coarse, maps[False].coarse)


def test_tiny_values_at_the_border_of_a_sky_do_not_make_the_mirrored_map_another():
    """Where depth is fused, two rows that fall to a sky of zero would be a depth of half a million."""

    def falling(images):
        noise = torch.randn(images.shape[2:], generator=torch.Generator().manual_seed(0))
        inverse = (0.2 + images[:, 0]) * torch.exp(0.1 * noise)
        inverse[:, :4] = torch.tensor([0, 2e-6, 2e-5, 2e-4])[:, None]
        return inverse

    photo = np.tile(np.linspace(0, 1, 180, dtype=np.float32)[:, None, None], (1, 240, 3))
    coarse = patchwrap.wrap_callable(falling, "inverse_depth:metric", (60, 80))
    fine = patchwrap.wrap_callable(lambda images: -images.mean(1), "depth:affine", (60, 80))
    engine = {"coarse": coarse, "fine": fine, "plan": "2x2", "detail": 0.0}
    plain, both = (patchwrap.predict(photo, **engine, mirror=on).values for on in (False, True))
    truth = np.log(0.2 + photo[60:, :, 0])
    errors = [np.abs(np.log(one[60:]) - truth).mean() for one in (plain, both)]
    assert errors[1] < 0.85 * errors[0]


def test_without_tiles_the_mirrored_image_counts_only_if_asked_for():
    photo = np.tile(np.linspace(0, 1, 180, dtype=np.float32)[:, None, None], (1, 240, 3))
    backend = Tilted()
    backend.mirror = True
    plain, default, both = (patchwrap.predict(photo, backend, tiles=False, mirror=on) for on in (False, None, True))
    np.testing.assert_array_equal(default.values, plain.values)
    assert [one.options["mirror"] for one in (plain, default, both)] == [False, False, True]
    # The red channel is the same from left to right, so that what remains of the tilt is the error.
    tilt = [np.ptp(np.log(one.values[90])) for one in (plain, both)]
    assert tilt[1] < 0.2 * tilt[0]
    np.testing.assert_array_equal(both.coarse, plain.coarse)
    assert both.options["tile_count"] == 0 and both.confidence_map is None


def test_what_fills_the_holes_of_the_coarse_map_is_no_evidence_about_the_mirrored_map():
    """The backend is right wherever it is valid, which is not in the left third of what it sees."""

    def holed(images):
        return (1 + images[:, 0]).masked_fill(torch.arange(images.shape[3]) < images.shape[3] // 3, torch.nan)

    photo = np.tile(np.linspace(0.1, 1, 320, dtype=np.float32)[None, :, None], (240, 1, 3))
    backend = patchwrap.wrap_callable(holed, "inverse_depth:affine", (48, 64), free_aspect=False)
    plain, both = (patchwrap.predict(photo, backend, tiles=False, mirror=on) for on in (False, True))
    np.testing.assert_allclose(both.values[both.valid], plain.values[both.valid], atol=1e-5)
