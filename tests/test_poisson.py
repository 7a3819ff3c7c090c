import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from scipy.ndimage import gaussian_filter

from patchwrap import coarsening
from patchwrap.poisson import laplacian_eigenvalues, solve, solve_screened_poisson

SHAPE = (203, 317)


def draw_map(kind, shape=SHAPE):
    draw = np.random.default_rng(0)
    if kind == "noise":
        return draw.normal(size=shape).astype(np.float32)
    if kind == "smooth":
        return (20 * gaussian_filter(draw.normal(size=shape), 20)).astype(np.float32)
    values = np.zeros(shape, np.float32)
    for _ in range(30):
        top, left = draw.integers(0, shape[0]), draw.integers(0, shape[1])
        values[top : top + draw.integers(5, 90), left : left + draw.integers(3, 90)] += draw.normal()
    return values


def slopes_of(values, disorder=0.0):
    """The map's differences; with disorder they are not those of any map."""
    draw = np.random.default_rng(1)
    down, across = (np.diff(values, axis=axis) for axis in (0, 1))
    down, across = (part + disorder * draw.normal(size=part.shape).astype(np.float32) for part in (down, across))

    def read(region):
        rows, columns = region
        return down[rows.start : rows.stop - 1, columns], across[rows, columns.start : columns.stop - 1]

    return read


def solved(shape, slopes, screen):
    result = np.full(shape, np.nan, np.float32)
    for region, part in solve(shape, slopes, screen):
        result[region] = part
    return result


@pytest.fixture
def small_memory(monkeypatch):
    monkeypatch.setattr(coarsening, "WHOLE", 6000)


def both_ways(kind, wave, monkeypatch, shape=SHAPE, disorder=0.0, limit=6000):
    slopes, screen = slopes_of(draw_map(kind, shape), disorder), (2 * np.pi / wave) ** 2
    whole = solved(shape, slopes, screen)
    monkeypatch.setattr(coarsening, "WHOLE", limit)
    assert len(list(solve(shape, slopes, screen))) > 1
    return whole, solved(shape, slopes, screen)


@pytest.mark.parametrize("wave", [100, 300, 2000, np.inf])
@pytest.mark.parametrize("kind", ["smooth", "edges", "noise"])
def test_blocks_find_the_solution_of_the_whole_grid(kind, wave, monkeypatch):
    whole, blocked = both_ways(kind, wave, monkeypatch, disorder=0.01)
    assert np.abs(blocked - whole).max() < 0.003 * np.ptp(whole)


@pytest.mark.parametrize("shape", [(400, 90), (61, 700), (128, 256), (6, 2000), (2000, 5)])
def test_any_shape(shape, monkeypatch):
    whole, blocked = both_ways("edges", 150, monkeypatch, shape)
    assert np.abs(blocked - whole).max() < 0.003 * np.ptp(whole)


def test_blocks_are_exact_where_the_crossover_is_short(monkeypatch):
    whole, blocked = both_ways("noise", 32.0, monkeypatch)
    assert np.abs(blocked - whole).max() < 2e-5 * np.ptp(whole)


@pytest.mark.parametrize("kind", ["edges", "noise"])
def test_blocks_leave_no_borders(kind, monkeypatch):
    shape = (600, 400)
    whole, blocked = both_ways(kind, 600, monkeypatch, shape, limit=40_000)
    borders = sorted({rows.start for (rows, _), _ in solve(shape, slopes_of(whole), 1e-4)} - {0})
    assert len(borders) >= 4
    # From row to row the error changes hardly more at a block's border than elsewhere, and invisibly little.
    at = [row - 1 for row in borders]
    changes = np.abs(np.diff(blocked - whole, axis=0))
    assert np.percentile(changes[at], 99) < 1.2 * np.percentile(np.delete(changes, at, axis=0), 99)
    assert changes[at].max() < 0.001 * np.ptp(whole)


@pytest.mark.parametrize("shape", [(120, 160), (121, 163)])
def test_what_the_coarse_grid_can_hold_comes_back_exactly(shape, small_memory):
    grid = coarsening.CoarseGrid(shape)
    cells = np.random.default_rng(0).normal(size=[axis.mean.shape[0] for axis in grid.axes]).astype(np.float32)
    values = grid.enlarged(cells, (slice(0, shape[0]), slice(0, shape[1])))
    result = solved(shape, slopes_of(values), 0.0)
    np.testing.assert_allclose(result - result.mean(), values - values.mean(), atol=2e-5)


def test_a_plane_comes_back_exactly(small_memory):
    plane = (np.linspace(-3, 4, SHAPE[0])[:, None] + np.linspace(1, 9, SHAPE[1])).astype(np.float32)
    result = solved(SHAPE, slopes_of(plane), 0.0)
    np.testing.assert_allclose(result - result.mean(), plane - plane.mean(), atol=5e-5 * np.ptp(plane))


def test_a_grid_that_fits_is_one_region():
    (region, values), = solve((20, 30), slopes_of(draw_map("noise", (20, 30))), 0.1)
    assert region == (slice(0, 20), slice(0, 30)) and values.shape == (20, 30)


def test_screened_poisson_is_the_sparse_solution():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(7, 9)).astype(np.float32)
    screen = 0.3
    second = [_second_difference(n) for n in source.shape]
    laplace = scipy.sparse.kron(second[0], np.eye(9)) + scipy.sparse.kron(np.eye(7), second[1])
    matrix = screen * scipy.sparse.eye(63) - laplace
    expected = scipy.sparse.linalg.spsolve(matrix.tocsc(), -source.ravel()).reshape(7, 9)
    mean = float(-source.mean() / screen)
    assert np.allclose(solve_screened_poisson(source.copy(), screen, mean), expected, atol=1e-4)


@pytest.mark.parametrize("screen", [1e-10, 1e-6, 0.0])
def test_rounding_does_not_move_the_mean(screen):
    noise = draw_map("noise")
    result = solved(SHAPE, slopes_of(noise), screen)
    assert abs(result.mean()) < 1e-5
    np.testing.assert_allclose(result, noise - noise.mean(), atol=0.01)


def _second_difference(n):
    first = scipy.sparse.diags([-np.ones(n - 1), np.ones(n - 1)], [0, 1], shape=(n - 1, n))
    return -(first.T @ first)


def test_eigenvalues_start_at_zero_and_end_below_eight():
    values = laplacian_eigenvalues((16, 16))
    assert values[0, 0] == 0 and 7.8 < values.max() < 8


def test_the_lowest_eigenvalue_of_a_large_grid_is_not_lost_to_rounding():
    assert laplacian_eigenvalues((20_000, 1))[1, 0] == pytest.approx((np.pi / 20_000) ** 2, rel=1e-5)
