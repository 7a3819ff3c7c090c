import torch

from patchwrap.testing import check_backend
from patchwrap_haze.backend import Haze, load

BETA = 0.25


def test_the_contract():
    check_backend(load())


def test_depth_comes_out_of_a_picture_that_haze_was_put_into():
    draw = torch.Generator().manual_seed(0)
    depth = torch.linspace(8, 1, 192)[:, None].expand(1, 1, 192, 256)
    clear = torch.rand(1, 3, 192, 256, generator=draw) * (torch.rand(1, 1, 192, 256, generator=draw) > 0.5)
    through = torch.exp(-BETA * depth)
    hazy = clear * through + torch.tensor([0.8, 0.85, 0.9])[:, None, None] * (1 - through)

    found = Haze().predict(hazy) / BETA
    middle = slice(40, 180)
    error = (found - depth)[:, :, middle].abs() / depth[:, :, middle]
    assert error.median() < 0.1
