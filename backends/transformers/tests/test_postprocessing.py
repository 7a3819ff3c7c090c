import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import patchwrap
from patchwrap.canvas import Canvas
from patchwrap.testing import painted_photo
from patchwrap_transformers.postprocessing import depth_of, maps_of


@pytest.mark.parametrize("degrees", [30.0, 53.13, 90.0])
def test_canonical_inverse_depth_is_scaled_by_width_over_focal_length(degrees):
    output = SimpleNamespace(predicted_depth=torch.full((1, 2, 2), 0.5), field_of_view=torch.tensor([degrees]))
    width = 640
    focal = width / 2 / math.tan(math.radians(degrees) / 2)
    expected = torch.full((1, 1, 2, 2), focal / width / 0.5)
    assert torch.allclose(depth_of(maps_of(output, canonical=True)), expected)


def test_depth_pro_is_metres_only_after_its_post_processing(load_tiny):
    backend = load_tiny("depth_pro")
    images = torch.from_numpy(painted_photo(128, 128)).permute(2, 0, 1)[None]
    with torch.no_grad():
        raw = backend.network(backend.preprocessing(images))
        depth = backend.predict(images)
    assert raw.field_of_view.item() == pytest.approx(55, abs=10)
    inverse = torch.nn.functional.interpolate(raw.predicted_depth[:, None], (128, 128), mode="bilinear")
    assert torch.corrcoef(torch.stack([depth.flatten(), inverse.flatten()]))[0, 1] < -0.8


def test_a_known_focal_length_replaces_the_one_that_depth_pro_estimates(load_tiny):
    backend = load_tiny("depth_pro")
    photo = (painted_photo(96, 160) * 255).round().astype("uint8")
    with torch.no_grad():
        seen = Canvas.picture(photo, (128, 128))
        estimate = backend.predict_with_fov(seen)[1].item()

    alone, wide, narrow = (patchwrap.predict(photo, backend, tiles=False, fov=fov) for fov in (None, 90.0, 30.0))

    degrees, source = alone.horizontal_fov()
    assert source == "estimated" and degrees == pytest.approx(estimate, abs=0.01)
    halves = [math.radians(one.horizontal_fov()[0] / 2) for one in (alone, wide, narrow)]
    at_90 = [np.median(one.values) * math.tan(half) for one, half in zip((alone, wide, narrow), halves)]
    assert at_90 == pytest.approx([at_90[0]] * 3, rel=1e-5)


def test_only_a_network_that_estimates_the_field_of_view_says_so(load_tiny):
    names = "depth_pro", "depth_pro_without_fov", "glpn"
    assert [hasattr(load_tiny(name), "predict_with_fov") for name in names] == [True, False, False]


def test_zero_and_less_are_no_distances(load_tiny):
    backend = load_tiny("depth_anything", convention="depth:metric")
    with torch.no_grad():
        backend.network.head.conv3.bias -= 2
        maps = backend.predict(torch.rand(1, 3, 56, 84, generator=torch.Generator().manual_seed(0)))
    assert maps.isnan().any() and not (maps <= 0).any()


@pytest.mark.parametrize("family", ["dpt_dinov2", "zoedepth"])
def test_holes_written_as_zero_do_not_mix_with_the_depths_around_them(load_tiny, family):
    def holed(network, inputs, output):
        output.predicted_depth = torch.full_like(output.predicted_depth, 2.0)
        output.predicted_depth[..., :20] = 0
        return output

    backend = load_tiny(family)
    backend.network.register_forward_hook(holed)
    with torch.no_grad():
        maps = backend.predict(torch.rand(1, 3, 56, 84))
    valid = maps[maps.isfinite()]
    assert len(valid) < maps.numel()
    torch.testing.assert_close(valid, torch.full_like(valid, 2.0))
