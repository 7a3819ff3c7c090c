"""One map's measures: the same as the metrics give by themselves, under all alignments."""

import sys

import numpy as np
import pytest

from patchwrap.bench import protocol
from patchwrap.bench.measures import MEASURES
from patchwrap.bench.protocol import Edges, borders, measure
from patchwrap.convention import DepthConvention
from patchwrap.datasets import Sample
from patchwrap.depth_map import DepthMap
from patchwrap.io import Photo
from patchwrap.metrics import boundary_scores, d3r, depth_metrics, edge_f1, evaluate, soft_edge_error
from patchwrap.tiling import TilePlan

SCALE = DepthConvention("depth", "scale")
NOWHERE = ((), ())


def truth():
    depth = np.linspace(2, 8, 48 * 64, dtype=np.float32).reshape(48, 64)
    depth[10:30, 20:40] = 1.5
    depth[:4] = np.inf
    return depth


def a_map(values, coarse, convention=SCALE):
    return DepthMap(values=values, convention=convention, valid=np.ones(values.shape, bool), coarse_map=coarse)


def finite(depth):
    return np.where(np.isfinite(depth), depth, np.float32(100))


def test_a_map_right_up_to_its_scale_is_perfect():
    right = finite(truth())
    tables = measure(a_map(3 * right, 3 * right), truth(), SCALE, NOWHERE).tables
    own = tables["own"]
    assert own.items() > tables["coarse"].items()
    assert own["d3r"] == 0 and own["edge_f1"] == own["edge_precision"] == own["edge_recall"] == 1
    assert own["edge_accuracy"] == own["edge_completeness"] == 0
    assert own["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert own["delta1"] == own["boundary1"] == own["boundary4_precision"] == own["boundary16_recall"] == 1
    assert own["clamped"] == own["coarse_difference"] == 0


def test_measures_are_those_of_the_metrics():
    values = (finite(truth()) * np.random.default_rng(0).uniform(0.8, 1.2, (48, 64))).astype(np.float32)
    metric = DepthConvention("depth", "metric")
    own = measure(a_map(values, values, metric), truth(), metric, NOWHERE).tables["own"]
    assert own.items() >= depth_metrics(values, truth()).items()
    assert own["see"] == soft_edge_error(values, truth())
    assert own["d3r"] == d3r(values, truth()) and own["edge_f1"] == edge_f1(values, truth()).f1
    for window, score in boundary_scores(values, truth()).items():
        found = [own[f"boundary{window}{ending}"] for ending in ("", "_precision", "_recall")]
        assert found == [score.f1, score.precision, score.recall]


def test_see_is_over_steps_of_a_rigs_disparity_where_there_was_one():
    """From 5 to 6 m and from 20 to 79 m it is less than a pixel, from 6 to 20 m more; all are steps of depth."""
    depth = np.full((48, 64), 5, np.float32)
    depth[:, 16:32], depth[:, 32:48], depth[:, 48:] = 6, 20, 79
    said = depth.copy()
    said[:, 15] += 1.5
    said[:, 31] += 3
    edges = Edges.of(Sample("a", Photo(np.zeros((48, 64, 3), np.uint8)), depth, focal_times_baseline=20.0))
    assert np.flatnonzero(edges.steps[0]).tolist() == [31, 32] and edges.steps.all(0).sum() == 2
    metric = DepthConvention("depth", "metric")
    by_rig, by_depth = (measure(a_map(said, said, metric), depth, metric, NOWHERE, edges=e) for e in (edges, Edges()))
    assert by_rig.tables["own"]["see"] == by_rig.tables["coarse"]["see"] == pytest.approx(3 / 2)
    assert by_depth.tables["own"]["see"] == pytest.approx((0.5 + 3) / 6)


def test_a_step_of_one_pixel_is_no_edge_after_float32():
    disparity = np.repeat(np.arange(900.0, 996.0), 3)[None]
    photo = Photo(np.zeros((*disparity.shape, 3), np.uint8))
    depth = np.float32(500 / disparity)
    assert not Edges.of(Sample("a", photo, depth, focal_times_baseline=500.0)).steps.any()
    assert Edges.of(Sample("a", photo, depth)) == Edges()


def test_edges_that_somebody_drew_are_the_true_ones():
    """The map's edge lies where it is drawn, four columns beside that of the depth."""
    depth, said = (np.where(np.arange(64) < end, 2, 4).astype(np.float32)[None].repeat(48, 0) for end in (30, 34))
    drawn = np.zeros(depth.shape, bool)
    drawn[:, 34] = True
    metric = DepthConvention("depth", "metric")
    sample = Sample("a", Photo(np.zeros((48, 64, 3), np.uint8)), depth, edges=drawn)
    told, found = (
        measure(a_map(said, said, metric), depth, metric, NOWHERE, edges=edges).tables["own"]
        for edges in (Edges.of(sample), Edges())
    )
    assert told["edge_accuracy"] <= 1 and told["edge_completeness"] <= 1
    assert found["edge_accuracy"] == pytest.approx(4, abs=0.1) == found["edge_completeness"]
    assert told["edge_f1"] == found["edge_f1"]


def test_a_data_sets_own_limit_ends_truth_and_prediction():
    """NYUv2's 10 m: what is said to be 30 m counts as 10, and truth beyond not at all."""
    depth = np.full((48, 64), 9, np.float32)
    depth[:8] = 20
    said, metric = np.full((48, 64), 30, np.float32), DepthConvention("depth", "metric")
    own = measure(a_map(said, said, metric), depth, metric, NOWHERE, max_depth=10.0).tables["own"]
    assert own["abs_rel"] == pytest.approx(1 / 9) and own["rmse"] == pytest.approx(1)
    # No set is measured beyond 80 m.
    depth[:] = 100
    assert np.isnan(measure(a_map(said, said, metric), depth, metric, NOWHERE, max_depth=350.0).tables["own"]["rmse"])


def test_drift_shows_under_the_coarse_maps_alignment():
    right = finite(truth())
    # Fusion has doubled every depth: its own scale hides that, the coarse map's does not.
    tables = measure(a_map(2 * right, right), truth(), SCALE, NOWHERE).tables
    assert tables["own"]["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert tables["coarse"]["abs_rel"] == pytest.approx(1, rel=1e-3)
    # The sky lies at the cap under either scale.
    assert tables["own"]["coarse_difference"] == pytest.approx(np.log(2) * 44 / 48, rel=0.01)


@pytest.mark.parametrize("ambiguity", ["scale", "affine"])
def test_under_the_coarse_maps_alignment_measures_are_those_of_the_metrics_too(ambiguity):
    convention = DepthConvention("depth", ambiguity)
    values = (finite(truth()) * np.random.default_rng(0).uniform(0.8, 1.2, (48, 64))).astype(np.float32)
    coarse = 1.5 * finite(truth()).clip(0, 20)
    edges = ([32], [24])
    found = measure(a_map(values, coarse, convention), truth(), convention, edges)
    expected = evaluate(found.coarse.units(values), truth(), None, *edges)
    assert {name: found.tables["coarse"][name] for name in expected} == pytest.approx(expected, rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("words", ["depth:metric", "depth:scale", "inverse_depth:scale", "inverse_depth:affine"])
def test_given_scale_and_shift_every_convention_is_fitted_alike(words):
    space, ambiguity = words.split(":")
    convention = DepthConvention(space, ambiguity)
    nearness = 0.7 / finite(truth()) + 0.02
    values = (nearness if space == "inverse_depth" else 1 / nearness).astype(np.float32)
    tables = measure(a_map(values, values, convention), truth(), convention, NOWHERE).tables
    assert tables["alike"]["abs_rel"] == pytest.approx(0, abs=1e-5) and tables["alike"]["delta1"] == 1
    assert (tables["own"]["abs_rel"] > 0.01) == (ambiguity != "affine")
    assert set(tables["alike"]) == set(depth_metrics(values, truth()))


@pytest.mark.parametrize("words", ["depth:metric", "depth:scale", "inverse_depth:metric", "inverse_depth:affine"])
def test_depths_beyond_a_data_sets_limit_are_fitted_before_they_are_clamped(words):
    convention = DepthConvention.parse(words)
    depth = np.linspace(2, 9.5, 48 * 64, dtype=np.float32).reshape(48, 64)
    values = 3 * depth if convention.space == "depth" else 1 / (3 * depth)
    tables = measure(a_map(values, values, convention), depth, convention, NOWHERE, False, 10.0).tables
    assert tables["alike"]["abs_rel"] == pytest.approx(0, abs=1e-5)


def test_scale_and_shift_of_depth_are_no_fewer_numbers():
    values = (finite(truth()) * np.random.default_rng(0).uniform(0.8, 1.2, (48, 64))).astype(np.float32)
    convention = DepthConvention("depth", "affine")
    tables = measure(a_map(values, values, convention), truth(), convention, NOWHERE).tables
    assert tables["own"].items() >= tables["alike"].items()


def test_drawn_edges_can_be_left_out():
    values = finite(truth())
    quick = measure(a_map(values, values), truth(), SCALE, NOWHERE, outlines=False).tables["own"]
    whole = measure(a_map(values, values), truth(), SCALE, NOWHERE).tables["own"]
    assert set(whole) - set(quick) >= {"d3r", "edge_f1", "edge_accuracy"} and "boundary4" in quick


def test_without_truth_there_are_seams_and_the_distance_from_coarse():
    found = measure(a_map(finite(truth()), finite(truth())), None, SCALE, ([32], []))
    assert set(found.tables) == {"own"} and set(found.tables["own"]) == {"seam", "coarse_difference"}
    assert found.tables["own"]["coarse_difference"] == 0


def test_the_distance_from_coarse_is_blind_to_detail():
    coarse = np.full((12, 16), 4, np.float32)
    checks = np.indices((48, 64)).sum(0) % 2 * np.float32(0.2) - np.float32(0.1)
    fine, off = (4 + checks).astype(np.float32), np.full((48, 64), 5, np.float32)
    values = [measure(a_map(m, coarse), None, SCALE, NOWHERE).tables["own"]["coarse_difference"] for m in (fine, off)]
    assert values == pytest.approx([0, np.log(1.25)], abs=1e-3)


def test_borders():
    assert borders(None, (48, 64)) == ([], [])
    assert borders(TilePlan.parse("2x2"), (48, 64)) == ([0, 16, 32, 48, 64], [0, 12, 24, 36, 48])
    # Random tiles have their borders anywhere.
    assert borders(TilePlan.parse("2x2+r9"), (48, 64)) == borders(TilePlan.parse("2x2"), (48, 64))


def test_pixels_that_a_backend_calls_invalid_spoil_no_alignment():
    right = finite(truth())
    holes = right.copy()
    holes[20:30, 5:9] = np.nan
    for known in (truth(), None):
        tables = measure(a_map(3 * right, 3 * holes), known, SCALE, NOWHERE).tables
        assert tables["own"]["coarse_difference"] == pytest.approx(0, abs=1e-5)
        assert all(np.isfinite(value) for key, value in tables["own"].items() if key != "seam")


def test_without_scikit_image_its_measures_are_left_out(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    protocol._tell_once.cache_clear()
    right = finite(truth())
    for _ in range(2):
        own = measure(a_map(right, right), truth(), SCALE, NOWHERE).tables["own"]
    assert "abs_rel" in own and "d3r" not in own and "edge_f1" not in own
    assert caplog.text.count("left out") == 1 and "patchwrap[bench]" in caplog.text


def test_every_measure_has_a_column():
    """One without would be dropped from every report."""
    tables = measure(a_map(finite(truth()), finite(truth())), truth(), SCALE, NOWHERE).tables
    found = {key for table in tables.values() for key in table} | set(evaluate(finite(truth()), truth()))
    assert found <= {measure.key for measure in MEASURES}
