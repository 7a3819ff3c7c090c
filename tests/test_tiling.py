import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchwrap.errors import TilingError
from patchwrap.tiling import Layer, Tile, TilePlan, starts

U4K = (2160, 3840)


def corners(tiles):
    return {(tile.top, tile.left) for tile in tiles}


def test_p16_is_patchfusions_regular_grid():
    tiles = TilePlan.parse("p16").tiles(U4K)
    assert {tile.size for tile in tiles} == {(540, 960)}
    assert corners(tiles) == {(540 * i, 960 * j) for i in range(4) for j in range(4)}


def test_p49_is_patchfusions_four_shifted_passes():
    regular = {(540 * i, 960 * j) for i in range(4) for j in range(4)}
    across = {(540 * i, 480 + 960 * j) for i in range(4) for j in range(3)}
    down = {(270 + 540 * i, 960 * j) for i in range(3) for j in range(4)}
    both = {(270 + 540 * i, 480 + 960 * j) for i in range(3) for j in range(3)}
    tiles = TilePlan.parse("p49").tiles(U4K)
    assert len(tiles) == 49
    assert corners(tiles) == regular | across | down | both


def test_random_tiles_are_additional_and_depend_on_the_seed_only():
    plan = TilePlan.parse("p49+r128")
    tiles = plan.tiles(U4K, seed=3)
    assert len(tiles) == 49 + 128
    assert len({tile.left for tile in tiles[49:]}) > 64  # not one x for a whole batch
    assert tiles == plan.tiles(U4K, seed=3) != plan.tiles(U4K, seed=4)


def test_tiles_by_hand_on_a_small_grid():
    tiles = TilePlan.parse("2x2").tiles((4, 6))
    assert tiles == [Tile(t, left, 2, 3) for t in (0, 1, 2) for left in (0, 2, 3)]


def test_columns_come_before_rows_in_a_plans_name():
    assert TilePlan.parse("3x2", overlap=0.0).tile_size((60, 60)) == (30, 20)


def test_sliding_plan_keeps_its_tile_size_and_overlap():
    tiles = TilePlan.parse("slide:64x32", overlap=0.25).tiles((100, 200))
    assert {tile.size for tile in tiles} == {(32, 64)}
    lefts = sorted({tile.left for tile in tiles})
    assert np.diff(lefts).max() <= 48
    assert (lefts[0], lefts[-1]) == (0, 136)


@settings(deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    name=st.sampled_from(["p16", "p49", "p49+r5", "2x2", "5x3", "8x8", "slide:40x30", "2x2+4x4"]),
    overlap=st.sampled_from([None, 0.0, 0.2, 0.5, 0.9]),
)
def test_any_size_is_covered_by_equal_tiles_inside_it(height, width, name, overlap):
    plan = TilePlan.parse(name, overlap)
    covered = np.zeros((height, width), int)
    tiles = plan.tiles((height, width))
    assert {tile.size for tile in tiles} == {layer.tile_size((height, width)) for layer in plan.layers}
    for tile in tiles:
        assert tile.top >= 0 and tile.left >= 0 and tile.bottom <= height and tile.right <= width
        covered[tile.slices] += 1
    assert covered.min() >= 1


@settings(deadline=None)
@given(length=st.integers(1, 5000), share=st.floats(0.01, 1), overlap=st.floats(0, 0.95))
def test_starts_reach_both_ends_and_overlap_enough(length, share, overlap):
    tile = max(round(length * share), 1)
    first = starts(length, tile, overlap)
    assert first[0] == 0 and first[-1] == length - tile
    assert all(b - a <= max(tile * (1 - overlap), 1) + 1 for a, b in zip(first, first[1:]))


def test_auto_splits_by_size_and_stops_at_a_third():
    def tiles(height, width):
        plan = TilePlan.choose("auto", (height, width), (256, 448))
        return plan and len(plan.tiles((height, width)))

    assert tiles(256, 448) is None
    assert tiles(500, 900) == 9
    assert tiles(2160, 3840) == 25
    assert tiles(20000, 30000) == 25


def test_auto_splits_once_more_from_a_quarter_beyond_the_processing_size():
    plans = [TilePlan.choose("auto", (side, side), (100, 100)) for side in (125, 126, 225, 226)]
    assert [plan and plan.name for plan in plans] == [None, "2x2", "2x2", "3x3"]


def test_auto_goes_by_the_area_in_upper_or_lower_case():
    assert TilePlan.choose("AUTO", (100, 600), (300, 200)) is None


def test_random_tiles_have_the_last_layers_size_and_reach_all_sides():
    tiles = TilePlan.parse("2x2+4x4+r300", 0.0).tiles((64, 64))[20:]
    assert {tile.size for tile in tiles} == {(16, 16)}
    assert [f(getattr(tile, side) for tile in tiles) for side in ("top", "left") for f in (min, max)] == [0, 48, 0, 48]


def test_random_tiles_of_a_photo_no_larger_than_a_tile_are_the_photo():
    assert TilePlan.parse("slide:40x30+r2").tiles((20, 20)) == [Tile(0, 0, 20, 20)] * 3


def test_a_layer_that_is_given_twice_is_cut_once_and_the_smallest_tiles_are_the_plans_size():
    plan = TilePlan.parse("2x2+4x4+2x2", 0.0)
    assert len(plan.tiles((64, 64))) == 20
    assert plan.tile_size((64, 64)) == (16, 16)


@pytest.mark.parametrize("name", ["1x3+4x2", "4x2+1x3"])
def test_the_smallest_tiles_are_those_of_least_area(name):
    """Of one column and three rows, 20 x 80 pixels; of four columns and two rows, 30 x 20."""
    assert TilePlan.parse(name, 0.0).tile_size((60, 80)) == (30, 20)


def test_of_tiles_of_equal_area_the_lowest_are_the_smallest():
    assert {TilePlan.parse(name).tile_size((64, 64)) for name in ("1x4+4x1", "4x1+1x4")} == {(16, 64)}


def test_sliding_tiles_have_the_processing_height_and_width():
    plan = TilePlan.choose("slide", (200, 200), (30, 40))
    assert plan.tile_size((200, 200)) == (30, 40)
    assert [tile.left for tile in plan.tiles((30, 80))] == [0, 20, 40]


@pytest.mark.parametrize("text", ["", "p17", "r5", "0x2", "2x2+nonsense", "slide:0x5"])
def test_unknown_plans_are_named_in_the_error(text):
    with pytest.raises(TilingError, match=r"[Pp]lan"):
        TilePlan.parse(text)


@pytest.mark.parametrize("overlap", [-0.1, 0.91, 0.99, 1.0, 2.0, float("nan")])
def test_impossible_overlap(overlap):
    with pytest.raises(TilingError, match=r"overlap .* \[0, 0\.9\]"):
        TilePlan.parse("p49", overlap)
    with pytest.raises(TilingError, match="overlap"):
        TilePlan.choose("auto", (64, 64), (256, 256), overlap)


@pytest.mark.parametrize("text", ["auto", "slide", "slide+r8", "auto+r8"])
def test_plans_that_depend_on_the_image_are_not_parsed_and_the_error_says_why(text):
    with pytest.raises(TilingError, match=r"depends on the image .*p16|depends on the image.* slide:640x480"):
        TilePlan.parse(text)


def test_auto_stands_alone():
    with pytest.raises(TilingError, match="'auto' in plan 'auto\\+r8' depends on the image and stands alone"):
        TilePlan.choose("auto+r8", U4K, (256, 448))


def test_slide_takes_the_processing_size_also_among_other_parts():
    plan = TilePlan.choose("p16+slide+r8", (500, 900), (100, 180))
    assert plan == TilePlan.parse("p16+slide:180x100+r8")
    assert plan.tile_size((500, 900)) == (100, 180)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 2, 0.5), "0 rows"),
        ((2, -1, 0.5), "-1 columns"),
        ((2, 2, 1.0), r"overlap 1.0 is not in \[0, 0\.9\]"),
        ((2, 2, -0.1), "overlap -0.1"),
        ((1, 1, 0.5, (0, 4)), r"tiles of \(0, 4\)"),
    ],
)
def test_impossible_layers_are_refused(arguments, words):
    with pytest.raises(TilingError, match=words):
        Layer(*arguments)


def test_impossible_plans_are_refused():
    with pytest.raises(TilingError, match="'x' has no layer"):
        TilePlan("x", ())
    with pytest.raises(TilingError, match="'x' has -1 random tiles"):
        TilePlan("x", (Layer(2, 2, 0.5),), -1)


def test_a_plan_of_any_columns_and_rows_is_told_of_and_cut():
    with pytest.raises(TilingError, match="COLUMNSxROWS such as 3x2, slide"):
        TilePlan.parse("3x")
    assert len(TilePlan.parse("9x10").tiles(U4K)) == 17 * 19


@pytest.mark.parametrize("text", ["2x2+r1000000000", "99x99", "slide:1x1"])
def test_a_plan_of_absurdly_many_tiles_is_refused_before_they_are_listed(text):
    with pytest.raises(TilingError, match="tiles; take larger or fewer ones, at most 20000"):
        TilePlan.parse(text).tiles(U4K)


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0, 0.9), st.tuples(st.integers(1, 99), st.integers(1, 99)))
def test_a_layer_counts_its_tiles_without_listing_them(rows, columns, overlap, grid):
    layer = Layer(rows, columns, overlap)
    assert layer.count(grid) == len(layer.tiles(grid))
