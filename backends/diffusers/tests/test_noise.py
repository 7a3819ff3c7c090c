import torch

from patchwrap_diffusers.noise import gaussian, zeros


def test_the_same_key_gives_the_same_numbers_whoever_asks():
    one = gaussian((4, 8, 8), 0, "tile", (0, 8), 1)
    gaussian((3,), "another")
    torch.rand(2)
    assert torch.equal(gaussian((4, 8, 8), 0, "tile", (0, 8), 1), one)


def test_another_seed_member_step_or_tile_gives_others():
    keys = [(0, "tile", (0, 8), 0, 0), (1, "tile", (0, 8), 0, 0), (0, "tile", (8, 0), 0, 0), (0, "tile", (0, 8), 1, 0)]
    drawn = torch.stack([gaussian((4000,), *key) for key in keys])
    assert (torch.corrcoef(drawn) - torch.eye(4)).abs().max() < 0.1
    assert abs(drawn.mean()) < 0.05 and abs(drawn.std() - 1) < 0.05


def test_zeros():
    assert torch.equal(zeros((2, 3), "whatever"), torch.zeros(2, 3))
