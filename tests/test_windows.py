import torch

from patchwrap.tiling import Tile, TilePlan
from patchwrap.windows import window


def test_inner_tile_is_a_hann_window_without_its_zero_ends():
    weights = window(Tile(2, 2, 3, 3), (8, 8))
    assert torch.allclose(weights[1], torch.tensor([0.5, 1.0, 0.5]))
    assert torch.allclose(weights, weights.T)


def test_no_taper_at_the_images_border():
    weights = window(Tile(0, 5, 7, 7), (20, 12))
    assert (weights[:4, 3:] == 1).all()
    assert weights[-1, 3] < 0.3


def test_weights_are_positive_so_that_every_pixel_counts():
    grid = (61, 97)
    total = torch.zeros(grid)
    for tile in TilePlan.parse("p49").tiles(grid):
        weights = window(tile, grid)
        assert weights.min() > 0 and weights.max() <= 1
        total[tile.slices] += weights
    assert total.min() > 0.05


def test_one_pixel_tile():
    assert window(Tile(0, 0, 1, 1), (1, 1)).tolist() == [[1.0]]
