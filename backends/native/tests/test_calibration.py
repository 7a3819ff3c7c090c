import pytest
import torch

from patchwrap_native.calibration import calibrate
from patchwrap_native.crops import COARSE
from patchwrap_native.depth_stage import DepthStage
from patchwrap_native.shards import open_shards
from patchwrap_native.unet import UNet


@pytest.fixture
def stage(shards):
    torch.manual_seed(0)
    return DepthStage("coarse", UNet().eval(), COARSE, open_shards(shards), [])


def test_an_artificial_bias_is_taken_out(stage):
    views = stage.training_views()
    own = calibrate(stage.network, views)
    predicted = stage.network(views[0].images)[0]
    with torch.no_grad():
        stage.network.head.bias += 0.7
    assert calibrate(stage.network, views) == pytest.approx(0.7, abs=1e-3)
    assert torch.allclose(stage.network(views[0].images)[0], predicted, atol=1e-3)
    assert own != 0 and calibrate(stage.network, views) == pytest.approx(0, abs=1e-3)


def test_without_valid_pixels_nothing_is_subtracted(stage):
    views = stage.training_views()
    nowhere = [type(view)(view.images, view.target, view.beyond & False, view.beyond, view.far) for view in views]
    before = stage.network.head.bias.clone()
    assert calibrate(stage.network, nowhere) == 0 and torch.equal(stage.network.head.bias, before)
