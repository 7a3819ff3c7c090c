from itertools import combinations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwrap.tiling import Tile, TilePlan
from patchwrap_diffusers.grid import levels


def same(size):
    return size


def test_a_tile_between_two_cells_is_read_at_the_nearest():
    (level,) = levels([Tile(0, 0, 16, 24), Tile(3, 13, 16, 24), Tile(24, 40, 16, 24)], (40, 64), same, 8)
    assert [place.cells for place in level.places] == [Tile(0, 0, 2, 3), Tile(0, 2, 2, 3), Tile(3, 5, 2, 3)]
    assert [place.seen for place in level.places] == [Tile(0, 0, 16, 24), Tile(0, 16, 16, 24), Tile(24, 40, 16, 24)]
    assert level.size == (5, 8)


def test_tiles_at_the_border_are_read_where_they_lie():
    (level,) = levels([Tile(0, 0, 16, 16), Tile(5, 3, 16, 16)], (21, 19), same, 8)
    assert level.places[1].seen == Tile(5, 3, 16, 16) and level.places[1].cells == Tile(1, 0, 2, 2)


def test_a_tile_that_is_enlarged_for_the_network_has_smaller_cells():
    (level,) = levels([Tile(0, 0, 8, 8), Tile(6, 4, 8, 8)], (32, 32), lambda size: (16, 16), 8)
    assert level.places[1].cells == Tile(2, 1, 2, 2) and level.places[1].seen == Tile(8, 4, 8, 8)


def test_tiles_of_other_sizes_are_another_level():
    found = levels([Tile(0, 0, 16, 16), Tile(0, 0, 32, 32), Tile(16, 16, 16, 16)], (32, 32), lambda size: (16, 16), 8)
    assert [(len(level.places), level.size) for level in found] == [(2, (4, 4)), (1, (2, 2))]


def test_a_map_is_moved_back_to_its_tile():
    (level,) = levels([Tile(0, 0, 16, 16), Tile(11, 3, 16, 16)], (64, 64), same, 8)
    place = level.places[1]
    assert place.seen == Tile(8, 0, 16, 16)
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    back = place.moved_back(100 * rows[place.seen.slices] + columns[place.seen.slices])
    wanted = 100 * rows[place.tile.slices] + columns[place.tile.slices]
    assert torch.equal(back[:13, :13], wanted[:13, :13]) and back[13:].isnan().all() and back[:, 13:].isnan().all()


@settings(deadline=None)
@given(st.integers(32, 99), st.integers(32, 99), st.sampled_from([0.0, 0.3, 0.5]), st.integers(0, 9))
def test_tiles_lose_little_and_with_overlap_no_pixel_is_lost(height, width, overlap, seed):
    tiles = TilePlan.parse("slide:32x24+r3", overlap).tiles((height, width), seed)
    covered = torch.zeros(height, width)
    (level,) = levels(tiles, (height, width), same, 8)
    for place in level.places:
        assert place.cells.bottom <= level.size[0] and place.cells.right <= level.size[1]
        lost = place.moved_back(torch.zeros(place.size)).isnan()
        assert lost.all(1).sum() <= 4 and lost.all(0).sum() <= 4 and lost.sum() <= 4 * (24 + 32)
        covered[place.tile.slices] += ~lost
    assert covered[-1].min() > 0 or overlap == 0
    assert covered.min() > 0 or overlap == 0


def test_cells_that_two_tiles_share_are_the_same_pixels():
    tiles = TilePlan.parse("p49").tiles((163, 245))
    (level,) = levels(tiles, (163, 245), lambda size: (40, 64), 8)
    inner = [p for p in level.places if p.tile.bottom < 163 and p.tile.right < 245]
    for one, other in combinations(inner, 2):
        for start, cell in (("top", 8 * 41 / 40), ("left", 8 * 62 / 64)):
            pixels = getattr(one.seen, start) - getattr(other.seen, start)
            assert abs(pixels - cell * (getattr(one.cells, start) - getattr(other.cells, start))) <= 1
