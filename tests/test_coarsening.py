import numpy as np
import pytest

from patchwrap import coarsening
from patchwrap.coarsening import CoarseGrid, blocks

EVERYTHING = slice(None), slice(None)


def draw_map(shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_means_over_whole_cells():
    values = draw_map((6, 8))
    means = CoarseGrid((6, 8), 2).means(lambda rows: values[rows])
    np.testing.assert_allclose(means, values.reshape(3, 2, 4, 2).mean(axis=(1, 3)), atol=1e-6)


def test_a_pixel_that_two_cells_share_counts_in_both_by_area():
    # Five pixels, two cells of two and a half.
    values = np.array([[0], [10], [1], [20], [30]], np.float32)
    means = CoarseGrid((5, 1), 2).means(lambda rows: values[rows])
    np.testing.assert_allclose(means[:, 0], [(0 + 10 + 0.5) / 2.5, (0.5 + 20 + 30) / 2.5])


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(12, 15), (300, 7), (13, 11), (1, 9), (700, 2)])
def test_steps_of_the_means_follow_from_the_differences_alone(shape, axis):
    values, grid = draw_map(shape), CoarseGrid(shape, 3)
    differences = np.diff(values, axis=axis)
    steps = grid.steps(lambda rows: differences[rows], axis)
    np.testing.assert_allclose(steps, np.diff(grid.means(lambda rows: values[rows]), axis=axis), atol=1e-5)


@pytest.mark.parametrize("shape", [(24, 36), (25, 37), (30, 4)])
def test_what_is_sharpened_and_enlarged_keeps_its_means(shape):
    grid = CoarseGrid(shape, 4)
    means = grid.means(lambda rows: draw_map(shape)[rows])
    enlarged = grid.enlarged(grid.sharpened(means), EVERYTHING)
    assert enlarged.shape == shape
    np.testing.assert_allclose(grid.means(lambda rows: enlarged[rows]), means, atol=1e-5)


def test_a_part_is_enlarged_as_in_the_whole():
    grid = CoarseGrid((30, 40), 4)
    values = draw_map((8, 10))
    part = slice(7, 19), slice(20, 33)
    np.testing.assert_allclose(grid.enlarged(values, part), grid.enlarged(values, EVERYTHING)[part], atol=1e-6)


def test_enlarging_is_linear_between_centres():
    grid = CoarseGrid((1, 8), 4)
    enlarged = grid.enlarged(np.array([[0, 4]], np.float32), EVERYTHING)
    assert enlarged.tolist() == [[0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]]


@pytest.mark.parametrize("shape", [(100, 130), (1000, 8), (8, 1000), (20, 20)])
@pytest.mark.parametrize("halo", [0, 6])
def test_blocks_cover_every_pixel_once_and_keep_their_halo(shape, halo, monkeypatch):
    monkeypatch.setattr(coarsening, "WHOLE", 1600)
    seen = np.zeros(shape, int)
    numbers = np.arange(seen.size).reshape(shape)
    for outer, inner, inside in blocks(shape, halo):
        seen[inner] += 1
        assert (numbers[outer][inside] == numbers[inner]).all()
        assert numbers[outer].size <= 1700
        for around, part, pixels in zip(outer, inner, shape):
            assert around.start == max(part.start - halo, 0) and around.stop == min(part.stop + halo, pixels)
    assert (seen == 1).all()


@pytest.mark.parametrize("shape", [(300, 400), (1000, 20_000), (20_000, 1000)])
def test_a_grid_that_fits_is_one_block(shape):
    assert len(list(blocks(shape, 50))) == 1


def test_the_coarse_grid_of_a_large_one_fits(monkeypatch):
    monkeypatch.setattr(coarsening, "WHOLE", 5000)
    grid = CoarseGrid((500, 333))
    assert grid.factor == 6 and grid.axes[0].mean.shape[0] * grid.axes[1].mean.shape[0] <= 5000
