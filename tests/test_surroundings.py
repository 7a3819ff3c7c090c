"""A tile's context as a fusion head receives it."""

import pytest
import torch

from patchwrap.alignment import Alignment
from patchwrap.observation import Observation
from patchwrap.surroundings import CONSENSUS_TOLERANCE, Surroundings
from patchwrap.tile_view import CONTEXT, TileView
from patchwrap.tiling import Tile, TilePlan


def ramp(height, width):
    return torch.linspace(0, 1, width).expand(height, width) + torch.linspace(0, 2, height)[:, None]


def surroundings(shifts, canvas=(64, 96), plan="2x2"):
    """Tiles of a ramp, each with an uncorrected offset."""
    coarse = ramp(32, 48)
    whole, seen = ramp(*canvas), []
    tiles = TilePlan.parse(plan).tiles(canvas)
    for tile, shift in zip(tiles, shifts, strict=True):
        one = Observation.of(tile, whole[tile.slices] + shift, canvas, (32, 48))
        one.correction = type(one.correction)()
        seen.append(one)
    return tiles, Surroundings.of(coarse, canvas, seen)


def test_the_consensus_is_the_mean_of_the_tiles_at_the_coarse_sampling():
    _, around = surroundings([0.0] * 9)
    assert (around.consensus - around.coarse).abs().max() < 0.03
    _, around = surroundings([0.5] * 9)
    assert (around.consensus - around.coarse - 0.5).abs().max() < 0.03


def test_without_tiles_the_consensus_is_the_coarse_map():
    around = Surroundings.of(ramp(32, 48), (64, 96), [])
    assert torch.allclose(around.consensus, around.coarse)


def test_agreement_of_the_consensus_is_one_half_at_its_tolerance_and_equal_in_all_tiles():
    coarse = ramp(32, 48)
    apart = torch.linspace(0, 2, 48).expand(32, 48)
    around = Surroundings((64, 96), coarse, coarse + apart, half=1 / CONSENSUS_TOLERANCE)
    left, right = around.agreement(Tile(0, 0, 64, 64)), around.agreement(Tile(0, 32, 64, 64))
    assert left[0, 0] == 1 and left[0, 48] == pytest.approx(0.5, abs=0.03)
    assert right[0, -1] == pytest.approx(1 / 17, abs=1e-3)
    torch.testing.assert_close(left[:, 32:], right[:, :32])
    assert (Surroundings.of(coarse, (64, 96), []).agreement(Tile(0, 0, 64, 64)) == 1).all()


def test_the_context_shows_the_tile_in_its_middle_third():
    around = Surroundings.of(ramp(32, 48), (64, 96), [])
    context = around.context(Tile(16, 24, 32, 48))[0]
    assert context.shape == (4, *CONTEXT)
    third = context[:, 16:32, 16:32]
    assert third[2, 0, 0] == pytest.approx(-0.5, abs=0.05) and third[3, -1, -1] == pytest.approx(0.5, abs=0.05)
    assert third[0].mean() == pytest.approx(float(around.coarse.mean()), abs=0.02)
    # Beyond the image the border is repeated, and the position shows that it is outside.
    assert torch.allclose(context[0, 20, :4], context[0, 20, :1], atol=0.02) and context[3, 0, 0] < -1


def test_positions_of_a_tile_at_the_border():
    around = Surroundings.of(ramp(32, 48), (64, 96), [])
    corner = around.context(Tile(0, 0, 16, 24))[0, 2:, 16:32, 16:32]
    assert corner[0, 0, 0] == pytest.approx(-1, abs=0.05) and corner[1, 0, 0] == pytest.approx(-1, abs=0.05)


def test_centre_and_spread_are_the_whole_maps():
    around = Surroundings.of(torch.arange(9.0).view(3, 3), (64, 96), [])
    assert around.centre == 4.0 and around.spread == pytest.approx(2 * 1.4826)


def test_mirroring_a_view_twice_changes_nothing():
    around = Surroundings.of(ramp(32, 48), (64, 96), [])
    tile = Tile(0, 24, 32, 48)
    maps = {name: torch.rand(1, 1, 32, 48) for name in ("coarse", "aligned", "confidence", "disagreement")}
    numbers = {"centre": torch.zeros(1), "spread": torch.ones(1)}
    view = TileView(torch.rand(1, 3, 32, 48), **maps, context=around.context(tile), **numbers)
    once = view.mirrored()
    assert torch.equal(once.aligned[..., 0], view.aligned[..., -1])
    assert torch.allclose(once.context[:, 3], view.context[:, 3].flip(-1) * -1)
    assert torch.equal(once.mirrored().context, view.context)


def test_alignment_keeps_its_observations():
    alignment = Alignment(ramp(32, 48), (64, 96))
    alignment.observe(Tile(0, 0, 32, 48), ramp(64, 96)[:32, :48])
    assert len(alignment.observations) == 1
