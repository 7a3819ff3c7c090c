import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwrap import alignment as alignment_module
from patchwrap import observation
from patchwrap.alignment import Alignment
from patchwrap.observation import Correction, Observation, thumbnail
from patchwrap.overlaps import _sparse, find_overlaps
from patchwrap.resampling import resize_maps
from patchwrap.tiling import Tile, TilePlan

CANVAS, COARSE = (96, 160), (24, 40)


def scene():
    y, x = torch.meshgrid(torch.linspace(0, 1, CANVAS[0]), torch.linspace(0, 1, CANVAS[1]), indexing="ij")
    return 1 + y + 0.4 * torch.sin(7 * x) + 0.3 * (x > 0.6)


def ramp(tile, v, u):
    rows, columns = (2 * (torch.arange(n) + 0.5) / n - 1 for n in tile.size)
    return v * rows[:, None] + u * columns[None, :]


def coarse_of(values):
    return resize_maps(values[None, None], COARSE)[0, 0]


def test_thumbnail_averages_over_coarse_pixels_by_hand():
    values = torch.arange(16.0).reshape(4, 4)
    cells, thumb = thumbnail(values, Tile(0, 0, 4, 4), (4, 4), (2, 2))
    assert cells == (slice(0, 2), slice(0, 2))
    assert thumb.tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_thumbnail_keeps_only_coarse_pixels_wholly_inside():
    cells, thumb = thumbnail(torch.ones(5, 6), Tile(1, 3, 5, 6), (12, 12), (6, 6))
    assert cells == (slice(1, 3), slice(2, 4))
    assert thumb.shape == (2, 2)


def test_thumbnail_of_a_long_tile_is_averaged_in_blocks(monkeypatch):
    values = torch.from_numpy(np.random.default_rng(0).random((40, 300), np.float32))
    values[3, 50:120] = torch.nan
    tile, grids = Tile(2, 5, 40, 300), ((50, 310), (13, 100))
    observation._footprints.cache_clear()
    whole = thumbnail(values, tile, *grids)
    monkeypatch.setattr(observation, "BLOCK", 7)
    observation._footprints.cache_clear()
    in_blocks = thumbnail(values, tile, *grids)
    observation._footprints.cache_clear()
    assert in_blocks[0] == whole[0]
    np.testing.assert_allclose(in_blocks[1], whole[1], atol=1e-6)


def test_thumbnail_of_a_very_long_tile_takes_little_memory():
    _, thumb = thumbnail(torch.ones(1, 60_000), Tile(0, 0, 1, 60_000), (1, 60_000), (1, 20_000))
    blocks = observation._footprints(0, 60_000, 60_000, 20_000)[1]
    assert (thumb == 1).all() and thumb.shape == (1, 20_000)
    assert sum(shares.numel() for _, shares in blocks) < 100e6  # one matrix would have 1.2e9 numbers


@pytest.mark.parametrize("cells", [7, 47, 49])
def test_a_thumbnail_of_the_whole_canvas_has_every_coarse_pixel(cells):
    """For sizes at which the quotient of pixels and cells is rounded."""
    assert thumbnail(torch.ones(384, 384), Tile(0, 0, 384, 384), (384, 384), (cells, cells))[1].shape == (cells, cells)


def test_a_tile_inside_one_coarse_pixel_has_an_empty_thumbnail():
    assert thumbnail(torch.ones(2, 2), Tile(1, 1, 2, 2), (12, 12), (3, 3))[1].shape == (0, 0)


def test_a_tile_is_usable_from_a_quarter_of_valid_cells():
    values = torch.full((48, 80), torch.nan)
    usable = []
    for columns in (16, 20):
        values[:, :columns] = scene()[:48, :columns]
        usable.append(Observation.of(Tile(0, 0, 48, 80), values, CANVAS, COARSE).usable)
    assert usable == [False, True]


def test_thumbnail_leaves_invalid_pixels_out():
    values = torch.tensor([[1.0, torch.nan], [3.0, 2.0]])
    assert thumbnail(values, Tile(0, 0, 2, 2), (2, 2), (1, 1))[1].item() == pytest.approx(2.0)
    values[0, 0] = values[1, 0] = torch.nan
    assert np.isnan(thumbnail(values, Tile(0, 0, 2, 2), (2, 2), (1, 1))[1].item())


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.2, 4), shift=st.floats(-3, 3), v=st.floats(-0.1, 0.1), u=st.floats(-0.1, 0.1))
def test_an_affine_and_tilted_tile_comes_back_exactly(scale, shift, v, u):
    truth = scene()
    alignment = Alignment(coarse_of(truth), CANVAS)
    tiles = TilePlan.parse("2x2").tiles(CANVAS)
    distorted = [scale * truth[tile.slices] + shift + ramp(tile, v, u) for tile in tiles]
    for tile, values in zip(tiles, distorted):
        alignment.observe(tile, values)
    for tile, values, correction in zip(tiles, distorted, alignment.solve()):
        assert correction.level == "plane" and correction.trust > 0.9
        # Cells on the step at x = .6 are blurred by the resampling, hence the tolerance.
        assert (correction.apply(values) - truth[tile.slices]).abs().mean() < 5e-3


def test_a_flat_tile_shows_the_coarse_map():
    alignment = Alignment(coarse_of(scene()), CANVAS)
    alignment.observe(Tile(0, 0, 48, 80), torch.full((48, 80), 5.0))
    assert alignment.solve()[0].trust == 0


def test_noise_an_inverted_tile_and_an_invalid_one_are_not_trusted():
    truth = scene()
    alignment = Alignment(coarse_of(truth), CANVAS)
    tile = Tile(0, 0, 48, 80)
    alignment.observe(tile, torch.randn(48, 80, generator=torch.Generator().manual_seed(0)))
    alignment.observe(tile, -truth[tile.slices])
    alignment.observe(tile, torch.full((48, 80), torch.nan))
    assert [correction.trust for correction in alignment.solve()] == [0, 0, 0]


def test_in_log_depth_a_flat_tile_is_only_shifted_onto_a_flat_wall():
    coarse = torch.zeros(COARSE)
    coarse[:, 20:] = 1 + 0.3 * torch.rand(24, 20, generator=torch.Generator().manual_seed(1))
    alignment = Alignment(coarse, CANVAS, scale_known=True)
    tile = Tile(0, 0, 96, 72)
    alignment.observe(tile, torch.full((96, 72), 3.0))
    correction = alignment.solve()[0]
    assert correction.level == "plane" and correction.trust > 0.9
    assert correction.apply(torch.full((96, 72), 3.0)).abs().max() < 0.02


def test_in_log_depth_a_tile_that_fits_the_coarse_map_need_not_be_correlated_with_it():
    coarse = torch.zeros(COARSE)
    coarse[:, 20:] = 1 + 0.3 * torch.rand(24, 20, generator=torch.Generator().manual_seed(1))
    levels = []
    for noise in (0.01, 0.3):
        alignment = Alignment(coarse, CANVAS, scale_known=True)
        cells = torch.randn(24, 18, generator=torch.Generator().manual_seed(2))
        alignment.observe(Tile(0, 0, 96, 72), 3 + noise * cells.repeat_interleave(4, 0).repeat_interleave(4, 1))
        levels.append(alignment.observations[0].correction.level)
    assert levels == ["plane", "coarse"]


def test_in_log_depth_noise_in_a_tile_does_not_flatten_it():
    """An unconstrained regression on as much noise as depth would halve the scale."""
    draw = torch.Generator().manual_seed(0)
    depth, noise = torch.randn(2, *COARSE, generator=draw).repeat_interleave(4, 1).repeat_interleave(4, 2)
    alignment = Alignment(coarse_of(depth), CANVAS, scale_known=True)
    alignment.observe(Tile(0, 0, *CANVAS), depth + noise)
    assert 0.7 < alignment.observations[0].correction.scale < 0.95


def test_trust_is_half_at_a_residual_of_half_a_spread():
    alignment = Alignment(coarse_of(scene()), CANVAS)
    assert [alignment._trust(n * alignment.spread) for n in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0.2])


def test_noise_is_not_trusted_where_other_tiles_give_the_scale():
    truth = scene()
    alignment = Alignment(coarse_of(truth), CANVAS)
    alignment.observe(Tile(0, 0, *CANVAS), truth)
    alignment.observe(Tile(0, 0, 48, 80), 3 * torch.randn(48, 80, generator=torch.Generator().manual_seed(0)))
    assert alignment.solve()[1].trust == 0


def test_the_chain_falls_back_to_a_shift_at_the_typical_scale():
    truth = scene()
    coarse = coarse_of(truth)
    coarse[:12, :20] = 1.2  # the coarse map is flat there
    alignment = Alignment(coarse, CANVAS)
    tiles = [Tile(48, 0, 48, 80), Tile(48, 80, 48, 80), Tile(0, 80, 48, 80), Tile(0, 0, 48, 80)]
    for tile in tiles[:3]:
        alignment.observe(tile, 2 * truth[tile.slices])
    noise = 1e-2 * torch.randn(48, 80, generator=torch.Generator().manual_seed(2))
    alignment.observe(tiles[3], 7 + noise)
    correction = alignment.solve()[3]
    assert correction.level == "shift"
    assert correction.scale == pytest.approx(0.5, rel=0.02)
    assert correction.apply(7 + noise).mean() == pytest.approx(1.2, abs=0.05)


def test_outliers_do_not_move_a_tile():
    truth = scene()
    alignment = Alignment(coarse_of(truth), CANVAS)
    tile = Tile(0, 0, 96, 160)
    values = 2 * truth + 1
    values[:20, :20] += 30
    alignment.observe(tile, values)
    moved = alignment.solve()[0].apply(values)
    assert (moved - truth)[30:, 30:].abs().mean() < 0.02


def test_overlaps_agree_better_after_the_joint_step_and_the_mean_stays():
    truth = scene()
    noisy = coarse_of(truth) + 0.15 * torch.randn(COARSE, generator=torch.Generator().manual_seed(3))
    alignment = Alignment(noisy, CANVAS)
    tiles = TilePlan.parse("4x4").tiles(CANVAS)
    for tile in tiles:
        alignment.observe(tile, 1.5 * truth[tile.slices] + float(tile.left) / 50)
    before = _mean_gap(alignment)
    corrections = alignment.solve()
    assert _mean_gap(alignment) < 0.8 * before
    moved = [c.apply(1.5 * truth[t.slices] + t.left / 50) for t, c in zip(tiles, corrections)]
    offsets = [float((values - truth[tile.slices]).mean()) for tile, values in zip(tiles, moved)]
    assert abs(np.mean(offsets)) < 0.05


@pytest.mark.parametrize("unit", [1e-5, 1e6])
def test_the_unit_of_a_map_without_scale_does_not_matter(unit):
    """Of the coarse map, of the tiles, and of both."""
    truth = scene()
    tiles = TilePlan.parse("3x3").tiles(CANVAS)

    def corrections(coarse, fine):
        alignment = Alignment(coarse * coarse_of(truth), CANVAS)
        for tile in tiles:
            noise = 0.02 * torch.randn(tile.size, generator=torch.Generator().manual_seed(tile.left))
            alignment.observe(tile, fine * (1.5 * truth[tile.slices] + tile.left / 50 + noise))
        return [[c.scale * fine / coarse, c.shift / coarse, c.tilt_v / coarse, c.trust] for c in alignment.solve()]

    plain = corrections(1.0, 1.0)
    for coarse, fine in ((unit, 1.0), (1.0, unit), (unit, unit)):
        np.testing.assert_allclose(corrections(coarse, fine), plain, rtol=1e-3, atol=1e-5)


def test_the_sparse_system_is_the_whole_one():
    rng = np.random.default_rng(0)
    blocks = {(k, k): 9 * np.eye(3) + rng.random((3, 3)) for k in range(4)}
    blocks |= {(a, b): rng.random((3, 3)) for a, b in ((0, 1), (1, 0), (1, 3), (3, 1))}
    whole = np.zeros((12, 12))
    for (a, b), block in blocks.items():
        whole[3 * a : 3 * a + 3, 3 * b : 3 * b + 3] = block
    sparse = _sparse(blocks, 4)
    np.testing.assert_array_equal(sparse.toarray(), whole)
    assert sparse.nnz == 8 * 9


def _mean_gap(alignment):
    trusted = [seen for seen in alignment._seen if seen.correction.trust > 0]
    return np.mean([np.abs(overlap.difference).mean() for overlap in find_overlaps(trusted)])


def test_agreement_is_low_where_a_tile_contradicts_the_coarse_map():
    truth = scene()
    alignment = Alignment(coarse_of(truth), CANVAS)
    values = truth.clone()
    values[40:60, 40:60] += 5
    alignment.observe(Tile(0, 0, *CANVAS), values)
    agreement = alignment.solve()[0].agreement
    assert agreement[12, 12] < 0.05 < 0.9 < agreement[3, 3]


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_agreement_is_half_at_a_difference_of_half_a_spread(unit):
    truth = unit * scene()
    alignment = Alignment(coarse_of(truth), CANVAS)
    values = truth.clone()
    values[40:60, 40:60] += 0.5 * alignment.spread
    alignment.observe(Tile(0, 0, *CANVAS), values)
    assert alignment.solve()[0].agreement[12, 12] == pytest.approx(0.5, abs=0.05)


def test_the_joint_step_is_added_to_shift_and_tilts(monkeypatch):
    truth = scene()
    corrections = []
    for step in ([0.0, 0.0, 0.0], [0.1, 0.02, -0.03]):
        monkeypatch.setattr(alignment_module, "joint_steps", lambda *_, step=step: np.array([step]))
        alignment = Alignment(coarse_of(truth), CANVAS)
        alignment.observe(Tile(0, 0, *CANVAS), truth)
        corrections += alignment.solve()
    still, moved = ((c.shift, c.tilt_v, c.tilt_u) for c in corrections)
    np.testing.assert_allclose(np.subtract(moved, still), [0.1, 0.02, -0.03], atol=1e-9)


def test_correction_by_hand():
    moved = Correction(scale=2.0, shift=1.0, tilt_v=0.5, tilt_u=1.0).apply(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert moved.tolist() == [[2.25, 5.25], [6.75, 9.75]]
