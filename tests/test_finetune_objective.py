"""What batches hold, and what a head is asked for: on tiles of a plane, whose terms are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from patchwrap.convention import DepthConvention
from patchwrap.finetune.draw import Drawer, TileBatch, assembled, groups_of
from patchwrap.finetune.objective import depth_consistency, edge_errors, feature_consistency, overlap_gaps, terms
from patchwrap.finetune.recipe import Recipe
from patchwrap.finetune.record import Facts, Record, write_record
from patchwrap.finetune.selection import Score, gradients_gone
from patchwrap.finetune.truth import target
from patchwrap.losses import multiscale_gradient, silog
from patchwrap.observation import Correction
from patchwrap.surroundings import Surroundings
from patchwrap.testing import bare_view
from patchwrap.tiling import TilePlan

CANVAS = (32, 48)
CENTRE, SPREAD = 2.0, 0.5


def plane(height, width):
    """Rises to the right."""
    return torch.linspace(1, 3, width).expand(height, width).contiguous()


@pytest.fixture
def record(tmp_path):
    """Nine tiles of a plane, each off by a tenth of its number."""
    tiles = TilePlan.parse("2x2").tiles(CANVAS)
    whole = plane(*CANVAS)
    facts = Facts("plane", "log_depth", False, CANVAS, tiles[0].size, True, CENTRE, SPREAD)
    around = Surroundings.of(plane(16, 24), CANVAS, [])
    image = (torch.rand(*CANVAS, 3, generator=torch.Generator().manual_seed(0)) * 255).byte()
    views = {}
    for number, tile in enumerate(tiles):
        part = whole[tile.slices][None, None]
        view = bare_view(
            image[tile.slices].permute(2, 0, 1)[None] / 255,
            part,
            part + 0.1 * number,
            context=around.context(tile),
            centre=torch.tensor([CENTRE]),
            spread=torch.tensor([SPREAD]),
            disagreement=torch.full_like(part, 0.1 * number),
        )
        views[tile] = (view, Correction(shift=0.1 * number))
    target = whole.clone()
    target[:4] = torch.nan
    edges = torch.zeros(CANVAS, dtype=torch.bool)
    edges[10, :] = True
    write_record(tmp_path / "plane.safetensors", facts, image.numpy(), plane(16, 24), views, target, edges)
    return Record(tmp_path / "plane.safetensors")


def test_a_record_gives_back_what_was_kept(record):
    view = record.view(4)
    assert torch.allclose(view.aligned - view.coarse, torch.full_like(view.aligned, 0.4), atol=0.05)
    assert torch.allclose(view.disagreement, torch.full_like(view.aligned, 0.4), atol=1e-3)
    assert view.images.shape == (1, 3, *record.facts.tile) and record.correction(4).shift == pytest.approx(0.4)
    target, valid, edges = record.target(0)
    assert not valid[..., :4, :].any() and valid[..., 4:, :].all() and edges[..., 10, :].all()
    assert torch.allclose(target[valid], plane(*CANVAS)[: target.shape[2], : target.shape[3]][4:].flatten(), atol=2e-3)


def test_only_invalid_pixels_are_kept_without_confidence(record):
    tile, facts = record.tiles[0], record.facts
    confidence = torch.ones(1, 1, *facts.tile)
    confidence[..., 0], confidence[..., 1] = 0.0, 1e-3
    view = replace(record.view(0), confidence=confidence)
    image = torch.zeros(*facts.canvas, 3, dtype=torch.uint8).numpy()
    write_record(record.path, facts, image, plane(16, 24), {tile: (view, Correction())}, None, None)
    assert torch.equal(Record(record.path).view(0).confidence > 0, confidence > 0)


def test_groups_are_two_by_two_and_pairs_all_that_overlap_in_them(record):
    squares = [group.tiles for group in groups_of(record, "group")]
    assert squares == [(0, 1, 3, 4), (1, 2, 4, 5), (3, 4, 6, 7), (4, 5, 7, 8)]
    pairs = {group.tiles for group in groups_of(record, "pair")}
    assert (0, 4) in pairs and (1, 3) in pairs and (0, 2) not in pairs and all(len(pair) == 2 for pair in pairs)


def test_overlapping_parts_show_the_same_place_also_in_a_mirror(record):
    drawer = Drawer([record], "group", 4)
    mirrored = set()
    for step in range(6):
        batch = drawer.draw(step)
        mirrored.add(bool(batch.view.coarse[0, 0, 0, 0] > batch.view.coarse[0, 0, 0, -1]))
        assert len(batch.overlaps) == 6
        assert overlap_gaps(batch, batch.view.coarse).max() < 0.02
    assert mirrored == {True, False}


def test_the_same_numbers_draw_the_same_batch(record):
    first, again, other = (Drawer([record], "pair", 4, seed).draw(7, 0) for seed in (1, 1, 2))
    assert torch.equal(first.view.images, again.view.images) and first.overlaps == again.overlaps
    assert not torch.equal(first.view.images, other.view.images)


def batch_of(record, number=0):
    return assembled([groups_of(record, "group")[number]])


def test_consistency_is_the_mean_square_of_what_lies_between_tiles(record):
    batch = batch_of(record)
    apart = [0.1, 0.3, 0.4, 0.2, 0.3, 0.1]  # of tiles 0, 1, 3 and 4, two by two
    wanted = sum((value / SPREAD) ** 2 for value in apart) / 6
    assert depth_consistency(batch, batch.view.aligned) == pytest.approx(wanted, rel=0.05)
    assert depth_consistency(batch, batch.view.coarse) < 1e-3


def test_a_pair_is_compared_in_metres_where_there_are_any(record):
    batch = batch_of(record)
    batch = replace(batch, overlaps=batch.overlaps[:1], valid=torch.ones_like(batch.valid))
    near, far = (torch.full_like(batch.view.aligned, value) for value in (0.0, 0.0))
    far[1] = math.log(3.0)
    metric = replace(batch, scale_known=True)
    assert depth_consistency(metric, far, "pair") == pytest.approx(4.0, rel=1e-4)
    assert depth_consistency(metric, near, "pair") == 0
    assert depth_consistency(metric, 100 * far, "pair") == pytest.approx(79.0**2, rel=1e-4)
    relative = float(depth_consistency(batch, far, "group"))
    assert depth_consistency(batch, far, "pair") == pytest.approx(100 * relative, rel=1e-4)
    weighted = terms(metric, far, [far], Recipe(consistency="pair"))
    assert weighted["depth_consistency"] == pytest.approx(0.04, rel=1e-4)
    assert weighted["feature_consistency"] == pytest.approx(0.1 * math.log(3.0) ** 2, rel=1e-4)
    nowhere = replace(metric, valid=torch.zeros_like(batch.valid))
    assert depth_consistency(nowhere, far, "pair") == 0 < depth_consistency(nowhere, far, "group")


def test_tiles_of_several_plans_are_drawn(record, tmp_path):
    smaller = Record(shrunk(record, tmp_path / "smaller.safetensors"))
    drawer = Drawer([record, smaller], "group", 8)
    sizes = [tuple(drawer.draw(step).view.aligned.shape[2:]) for step in range(12)]
    assert set(sizes) == {record.facts.tile, smaller.facts.tile}


def shrunk(record, path):
    """The same plane by smaller tiles."""
    tiles = TilePlan.parse("3x3").tiles(CANVAS)
    facts = replace(record.facts, tile=tiles[0].size)
    maps = [torch.rand(1, channels, *tiles[0].size) for channels in (3, 1)]
    views = {tile: (bare_view(*maps, maps[1]), Correction()) for tile in tiles}
    edges = torch.zeros(CANVAS, dtype=torch.bool)
    write_record(path, facts, np.zeros((*CANVAS, 3), np.uint8), plane(16, 24), views, plane(*CANVAS), edges)
    return path


def test_features_agree_where_they_move_with_the_photo(record):
    batch = batch_of(record)
    agreeing, apart = batch.view.coarse.repeat(1, 2, 1, 1), torch.rand(4, 2, *record.facts.tile)
    assert feature_consistency(batch, [agreeing]) < 1e-3 < 0.05 < feature_consistency(batch, [apart])
    # Over their own size: fading does not help.
    assert feature_consistency(batch, [0.01 * apart]) == pytest.approx(float(feature_consistency(batch, [apart])))


def test_truth_is_best(record):
    batch, recipe = batch_of(record), Recipe()
    for space in ("log_depth", "inverse_depth"):
        batch = replace(batch, space=space)
        at_truth, off = (
            sum(float(v) for k, v in terms(batch, maps, [], Recipe(agree_on="depth")).items() if "consistency" not in k)
            for maps in (batch.target, batch.view.aligned)
        )
        assert at_truth < 0.1 * off
    assert set(terms(batch, batch.target, [batch.target], recipe)) >= {"depth_consistency", "feature_consistency"}


def test_without_truth_the_frozen_result_is_best(record):
    batch = replace(batch_of(record), target=None, valid=None, edges=None)
    recipe = Recipe(truth=False, agree_on="depth")
    found = terms(batch, batch.view.coarse, [], recipe)
    assert found["low_frequency"] == 0 and found["tile_gradient"] < 0.2 and found["depth_consistency"] < 1e-3
    blurred = terms(batch, batch.view.coarse * 0 + CENTRE, [], recipe)
    assert blurred["tile_gradient"] > found["tile_gradient"] and blurred["low_frequency"] > 0


def test_an_edge_forgives_one_pixel():
    step = torch.zeros(1, 1, 8, 8)
    step[..., 4:] = 1.0
    edges = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    edges[..., 3:5] = True
    view = bare_view(torch.rand(1, 3, 8, 8), step, step)
    batch = TileBatch(view, "log_depth", False, [], [], step, torch.ones_like(edges), edges)
    assert edge_errors(batch, step.roll(1, -1)).max() == 0
    assert edge_errors(batch, step * 0 + 0.5).min() == 0.5


def test_neither_blur_nor_agreement_alone_wins_the_selection():
    def score(ce, see, error=1.0):
        return Score(ce, see, error, 1.0, 1.0, error if error != error else 1.0).value

    assert score(0.5, 0.9) < score(1.0, 1.0) < score(0.2, 1.2)
    assert score(0.2, 0.97, 0.97) < score(0.0, 1.0) < score(0.2, 1.0) < score(0.0, 1.0, 1.1)
    assert score(0.5, 0.9, float("nan")) < score(1.0, 1.0, float("nan"))
    # With truth, an error that is not a number is worse than any.
    assert Score(0.5, 0.9, float("nan"), 1.0, 1.0, 1.0).value == math.inf > score(9.0, 9.0)


def tilted_pair(**parts):
    """Two tiles of a slope that show the same place, all of it valid, in spreads of 0.5 around 2."""
    slope = torch.linspace(1, 3, 32).expand(2, 1, 24, 32).contiguous()
    known = {"centre": torch.full((2,), 2.0), "spread": torch.full((2,), 0.5)}
    view = bare_view(torch.rand(2, 3, 24, 32), slope, slope, **known)
    everywhere = torch.ones_like(slope, dtype=torch.bool)
    batch = TileBatch(view, "inverse_depth", False, [(0, 1, (0, 0))], [], slope, everywhere, everywhere)
    return replace(batch, **parts), slope


def test_the_weights_of_the_terms():
    batch, slope = tilted_pair()
    off = torch.tensor([0.1, 0.3])[:, None, None, None]
    refined, features = slope + off, [torch.tensor([1.0, 3.0])[:, None, None, None].expand(2, 2, 12, 16)]
    found = terms(batch, refined, features, Recipe(consistency_weight=0.5))
    wanted = {"l1": 0.4, "l2": (0.04 + 0.36) / 2, "gradient": 0.0}
    wanted |= {"depth_consistency": 0.5 * 80 * 0.4**2, "feature_consistency": 0.5 * 2 * 2 * 4 / (1 + 9)}
    assert {name: float(value) for name, value in found.items()} == pytest.approx(wanted, abs=1e-5)
    bent = slope + 0.1 * torch.sin(8 * slope)
    gradient = multiscale_gradient((bent - 2) / 0.5, (slope - 2) / 0.5, batch.valid)
    assert gradient > 0 and terms(batch, bent, [], Recipe(agree_on="depth"))["gradient"] == pytest.approx(5 * gradient)
    log = terms(replace(batch, space="log_depth"), bent, [], Recipe(agree_on="depth"))
    gradient = float(multiscale_gradient(bent, slope, batch.valid))
    wanted = {"silog": float(silog(bent, slope, batch.valid)), "gradient": 2 * gradient, "depth_consistency": 0.0}
    assert {name: float(value) for name, value in log.items()} == pytest.approx(wanted, abs=1e-6)


def test_the_weights_of_the_anchors():
    batch, slope = tilted_pair(target=None, valid=None, edges=None)
    recipe = Recipe(truth=False, agree_on="depth")
    wanted = {"low_frequency": 0.04, "tile_gradient": 0.0, "depth_consistency": 0.0}
    found = terms(batch, slope + 0.1, [], recipe)
    assert {name: float(value) for name, value in found.items()} == pytest.approx(wanted, abs=1e-5)
    assert terms(batch, 1.5 * slope, [], recipe)["tile_gradient"] == pytest.approx(5 * 0.25, rel=1e-4)


@pytest.mark.parametrize("space", ["depth", "inverse_depth"])
def test_a_map_with_an_unknown_scale_is_fitted_by_a_factor(space):
    """Even where the tiles are affine."""
    truth = np.linspace(2, 6, 48, dtype=np.float32)[None].repeat(32, 0)
    own = truth if space == "depth" else 1 / truth
    coarse = torch.from_numpy(3 * own + np.float32(0.3) * (own > np.median(own)))
    values, _ = target(truth, coarse, DepthConvention(space, "scale"), space)
    ratio = values / torch.from_numpy(own)
    assert ratio.max() - ratio.min() < 1e-4 and 3 < ratio.mean() < 4
    affine, _ = target(truth, coarse, DepthConvention(space, "affine"), space)
    assert (affine / torch.from_numpy(own)).std() > 0.01


def test_without_truth_a_slow_correction_is_cheap_and_a_blurred_edge_is_not(record):
    step = (torch.arange(48) >= 20).float().expand(1, 1, 32, 48).contiguous()
    tilt = 0.1 * torch.linspace(-1, 1, 32)[:, None].expand(32, 48)
    blurred = F.avg_pool2d(F.pad(step, (1, 1, 1, 1), mode="replicate"), 3, 1)
    batch = TileBatch(bare_view(torch.rand(1, 3, 32, 48), step, step), "log_depth", False, [], [])
    recipe = Recipe(truth=False, agree_on="depth")
    cost = [float(terms(batch, maps, [], recipe)["tile_gradient"]) for maps in (step, step + tilt, blurred)]
    assert cost[0] == 0 < cost[1] < 0.02 * cost[2]
    gone = [float(gradients_gone(maps, step)) for maps in (step, step + tilt, 0.9 * step, blurred, 0 * step)]
    assert gone == pytest.approx([0, 0, 0.1, 2 / 3, 1], abs=1e-5)
