"""CE at PatchRefinerV2's places, of raw and of aligned tiles."""

import numpy as np
import pytest
import torch

from patchwrap import predict, wrap_callable
from patchwrap.bench.consistency import STRIPS, raw_conversion, tile_consistency
from patchwrap.bench.unit_map import MetricUnits, own_unit_map, true_unit_map
from patchwrap.convention import DepthConvention
from patchwrap.metrics import MAX_DEPTH, Fit, valid_mask


def test_the_sixteen_tiles_overlap_by_270_pixels():
    tiles = STRIPS.tiles((2160, 3840))
    assert {tile.size for tile in tiles} == {(540, 960)} and len(tiles) == 16
    assert sorted({tile.top for tile in tiles}) == [405, 675, 945, 1215]
    assert sorted({tile.left for tile in tiles}) == [405, 1095, 1785, 2475]
    assert tiles[0].right - tiles[1].left == tiles[0].bottom - tiles[4].top == 270


def test_other_photos_have_the_same_shares():
    large, small = STRIPS.tiles((2160, 3840)), STRIPS.tiles((216, 384))
    assert [tile.left for tile in small] == pytest.approx([tile.left / 10 for tile in large], abs=0.5)
    assert {tile.size for tile in small} == {(54, 96)}


PHOTO = np.repeat(np.linspace(40, 220, 192, dtype=np.uint8)[None, :, None], 108, 0).repeat(3, 2)
SCALE = DepthConvention("depth", "scale")


def backend(offset, convention="depth:scale"):
    """Depth by brightness; a tile's is off by what ``offset`` makes of its mean brightness."""

    def depth(images):
        grey = images.mean(1)
        whole = grey.shape[1:] == (54, 96) and float(grey.std()) > 0.18
        return torch.exp(grey * 2) * (1 if whole else 1 + offset * float(grey.mean()))

    return wrap_callable(depth, convention, (54, 96))


def measured(made, convention=SCALE, truth=False):
    coarse = predict(PHOTO, made, tiles=False).coarse
    unit_map = own_unit_map(coarse, convention)
    if truth:
        unit_map = true_unit_map(coarse, 4 * coarse, valid_mask(coarse), convention, MAX_DEPTH)
    return tile_consistency(
        lambda **options: predict(PHOTO, made, fuser="blend", tile_batch_size=1, **options), unit_map, convention, truth
    )


def test_tiles_that_agree_have_no_error():
    found = measured(backend(0))
    assert found["ce_relative"] == pytest.approx(0, abs=5e-3) and found["ce_raw_relative"] == pytest.approx(0, abs=5e-3)
    assert np.isnan(found["ce"]) and np.isnan(found["ce_raw"])


def test_alignment_removes_what_the_raw_tiles_disagree_by():
    found = measured(backend(1), truth=True)
    assert found["ce_raw_relative"] > 0.02
    assert found["ce_relative"] < 0.2 * found["ce_raw_relative"]
    assert found["ce"] < 0.2 * found["ce_raw"]
    # In metres both speak of the same depths.
    assert found["ce"] / found["ce_relative"] == pytest.approx(found["ce_raw"] / found["ce_raw_relative"], rel=0.1)


def test_raw_and_aligned_tiles_are_measured_to_the_same_depth():
    coarse = MetricUnits(Fit("depth", far=10.0))
    raw = np.array([[8, 15, 20]], np.float32)
    units = raw_conversion(raw, raw, coarse, DepthConvention("depth", "metric"))(raw)
    np.testing.assert_allclose(units, [[8, 10, 10]], rtol=1e-3)


def test_an_affine_map_without_truth_is_measured_in_shares():
    affine = DepthConvention("depth", "affine")
    found = measured(backend(1, "depth:affine"), affine)
    assert found["ce_raw_relative"] > found["ce_relative"]


def told(factor, shift, words="inverse_depth:affine"):
    """CE of tiles that differ by a number each, from a network that states them with another factor and shift."""
    convention = DepthConvention.parse(words)
    draw = np.random.default_rng(0)

    def predict(plan, observer):
        for tile in plan.tiles((216, 384)):
            values = torch.full((tile.height, tile.width), float(draw.normal(0, 0.02)))
            observer(tile, factor * values + shift, values)

    unit_map = own_unit_map(np.linspace(-1, 1, 2001, dtype=np.float32), convention)
    return tile_consistency(predict, unit_map, convention, convention.ambiguity == "metric")


@pytest.mark.parametrize("words", ["inverse_depth:affine", "depth:affine", "height:metric"])
def test_shares_of_the_range_depend_on_no_zero(words):
    found = told(1, 0, words)
    # Two numbers drawn with a spread of .02 differ by .0226 in the mean, and the range is 96 % of 2.
    assert found["ce_relative"] == pytest.approx(0.0226 / 1.92, rel=0.3) and np.isnan(found["ce"])
    for factor, shift in ((1, 0), (1, 0.5), (-3, 40)):
        assert told(factor, shift, words)["ce_raw_relative"] == pytest.approx(found["ce_relative"], rel=1e-3)
