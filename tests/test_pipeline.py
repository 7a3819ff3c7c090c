import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import patchwrap
from patchwrap import coarsening, device, scratch, windows
from patchwrap import engine as engine_module
from patchwrap.engine import Engine
from patchwrap.errors import BackendContractError, ConventionError, ImageError, OptionError, TilingError
from patchwrap.io import read_image
from patchwrap.predict_options import DEFAULTS
from patchwrap.resampling import resize_maps
from patchwrap.testing import PaintedBackend as Painted
from patchwrap.testing import painted_photo as painted
from patchwrap.tiling import TilePlan

PHOTO = painted()
INVERSE = PHOTO[..., 0]


def affine_error(values, truth):
    design = np.stack([values.ravel(), np.ones(values.size)], axis=1)
    solution = np.linalg.lstsq(design, truth.ravel())[0]
    return np.abs(design @ solution - truth.ravel()).mean()


@pytest.mark.parametrize("fuser", ["poisson", "blend", "split"])
@pytest.mark.parametrize("convention", ["inverse_depth:affine", "depth:scale", "depth:metric", "inverse_depth:metric"])
def test_distorted_tiles_fuse_back_to_the_painted_scene(convention, fuser):
    backend = Painted(convention, distort=0.3)
    backend.knows_tiles = True
    fused = patchwrap.predict(PHOTO, backend, plan="p49", fuser=fuser)
    truth = INVERSE if convention.startswith("inverse") else 1 / INVERSE
    assert fused.values.shape == truth.shape and str(fused.convention) == convention
    assert affine_error(fused.values, truth) < 0.12 * affine_error(fused.coarse, truth)


def test_detail_defaults_lower_for_a_backend_not_trained_on_tiles():
    errors, details = [], []
    for knows_tiles in (False, True):
        backend = Painted(distort=0.3)
        backend.knows_tiles = knows_tiles
        fused = patchwrap.predict(PHOTO, backend, plan="p49")
        details.append(fused.options["detail"])
        errors.append(affine_error(fused.values, INVERSE) / affine_error(fused.coarse, INVERSE))
    assert details == [0.25, 0.5]
    assert errors[1] < 0.11 < errors[0] < 0.13


def test_baselines_are_worse_than_alignment():
    def error(fuser):
        fused = patchwrap.predict(PHOTO, Painted(distort=0.3), plan="p49", fuser=fuser)
        return affine_error(fused.values, INVERSE)

    assert error("poisson") < 0.5 * error("minmax")
    assert error("poisson") < 0.1 * error("average")


@pytest.mark.parametrize(("size", "plan"), [((32, 32), "p16"), ((20, 200), "2x2"), ((30, 61), "3x3")])
def test_a_head_sees_tiles_of_any_size(size, plan):
    photo = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    fused, plain = (patchwrap.predict(photo, Painted(), plan=plan, head=head) for head in ("universal", None))
    assert fused.size == size and np.isfinite(fused.values).all()
    assert np.abs(fused.values - plain.values).mean() < 0.5 * np.std(plain.values)


def test_tiles_smaller_than_a_coarse_pixel_are_matched_to_nothing():
    backend = Painted()
    backend.processing = (8, 8)
    photo = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    fused = patchwrap.predict(photo, backend, plan="20x20", fuser="minmax")
    assert np.isfinite(fused.values).all()


@pytest.mark.parametrize("plan", ["auto", "p16", "p49+r8", "3x2", "slide", "2x2+4x4"])
@pytest.mark.parametrize("size", [(240, 400), (97, 61), (50, 333)])
def test_every_plan_on_any_size(plan, size):
    photo = painted(*size)
    fused = patchwrap.predict(photo, Painted("depth:metric", distort=0.2), plan=plan)
    assert fused.values.shape == size and np.isfinite(fused.values).all() and fused.valid.all()


def test_a_small_photo_is_one_pass():
    backend = Painted()
    fused = patchwrap.predict(painted(60, 100), backend)
    assert len(backend.calls) == 1 and fused.options["tile_count"] == 0
    assert np.allclose(fused.values, fused.coarse)


def test_tiles_reach_the_backend_at_its_processing_size_in_batches():
    backend = Painted()
    patchwrap.predict(PHOTO, backend, plan="p49", tile_batch_size=5)
    assert backend.calls[0] == (1, 3, 60, 100)
    assert [calls[0] for calls in backend.calls[1:]] == [5] * 9 + [4]
    assert {calls[2:] for calls in backend.calls} == {(60, 100)}


def test_batch_size_changes_nothing():
    maps = [patchwrap.predict(PHOTO, Painted(), plan="p49", tile_batch_size=n).values for n in (1, 7)]
    assert np.allclose(*maps, atol=1e-5)


def test_tiles_of_each_layer_are_seen_at_their_own_aspect():
    backend = Painted("depth:metric")
    patchwrap.predict(PHOTO, backend, plan="3x2+4x4", tile_batch_size=4)
    sizes = [calls[2:] for calls in backend.calls[1:]]
    # Tiles of 120x134 and of 60x100 pixels; about 6000 of the backend's own each.
    assert set(sizes) == {(73, 82), (60, 100)}
    assert [calls[0] for calls in backend.calls[1:]] == [4, 4, 4, 3] + [4] * 12 + [1]


@pytest.mark.parametrize("fuser", ["poisson", "blend", "split"])
@pytest.mark.parametrize("size", [(240, 400), (97, 161)])
def test_memory_limits_change_nothing(fuser, size, monkeypatch):
    """A distorted scene of planes comes back as well through mapped files, bands and blocks."""
    photo = painted(*size)

    def fused():
        return patchwrap.predict(photo, Painted("inverse_depth:affine", distort=0.3), plan="p49", fuser=fuser)

    plain = fused()
    monkeypatch.setattr(scratch, "LIMIT", 10_000)
    monkeypatch.setattr(scratch, "BAND", 32)
    monkeypatch.setattr(coarsening, "WHOLE", 4000)
    limited = fused()
    assert isinstance(limited.values, np.memmap) and isinstance(limited.valid, np.memmap) and limited.valid.all()
    np.testing.assert_allclose(limited.values, plain.values, atol=0.003 * np.ptp(plain.values))
    truth = photo[..., 0]
    assert affine_error(limited.values, truth) < 1.05 * affine_error(plain.values, truth) + 1e-4


def test_coarse_and_fine_may_be_different_backends_of_different_conventions():
    coarse, fine = Painted("inverse_depth:affine", 0.3, seed=1), Painted("depth:metric", 0.3, seed=2)
    fused = patchwrap.predict(PHOTO, coarse=coarse, fine=fine, plan="p49")
    assert len(coarse.calls) == 1 and len(fine.calls) > 1
    assert str(fused.convention) == "inverse_depth:affine"
    assert affine_error(fused.values, INVERSE) < 0.2 * affine_error(fused.coarse, INVERSE)


class Skied(Painted):
    """Predicts exactly 0 for the sky, as networks that end in a ReLU do."""

    def predict(self, images):
        return super().predict(images) * (images.mean(1, keepdim=True) > SKY_GREY)


SKY_GREY = 0.05


@pytest.mark.parametrize("share", [0.3, 0.55, 0.7])
def test_a_sky_over_most_of_the_photo_takes_no_tiles_from_the_ground(share):
    photo, horizon = painted(), round(240 * share)
    photo[:horizon] = 0
    fused = patchwrap.predict(photo, Skied("inverse_depth:affine", distort=0.3), plan="p16", detail=1.0)
    ground = np.s_[horizon + 5 :]
    assert fused.confidence[ground].mean() > 0.9
    # The bar of three pixels in a photo of 400 that the coarse map sees at 100.
    maps = fused.values, fused.coarse, photo[..., 0]
    seen, blurred, true = (np.median(values[ground][:, 251] - values[ground][:, 244]) for values in maps)
    assert blurred < 0.7 * true < 0.9 * seen


CONVERTED = [
    ("depth:metric", "inverse_depth:metric"),
    ("depth:affine", "inverse_depth:metric"),
    ("inverse_depth:metric", "depth:affine"),
]


@pytest.mark.parametrize(
    ("coarse", "fine", "tiny"),
    [(*pair, place) for pair in CONVERTED for place in ("nowhere", "corner")] + [(*CONVERTED[-1], "border")],
)
def test_a_sky_of_inverse_depth_zero_does_not_bend_the_ground(coarse, fine, tiny):
    class Sky(Skied):
        def predict(self, images):
            if self.convention.space == "depth":
                return Painted.predict(self, images.clamp_min(1 / 80))
            values = super().predict(images)
            border = (values == 0) & (values.roll(-1, 2) > 0)  # the sky's last row above the ground
            places = {"nowhere": (), "corner": (..., 0, 0), "border": border & (torch.arange(values.shape[3]) % 3 == 0)}
            if tiny != "nowhere":
                values[places[tiny]] = values[places[tiny]].clamp_min(1e-4)
            return values

        def _distorted(self, values):
            return 1 / values

    photo = painted()
    for column, height in enumerate(60 + 20 * np.sin(np.arange(400) / 7)):
        photo[: int(height), column] = 0
    inverse = photo[90:, :, 0]
    truth = inverse if coarse.startswith("inverse") else 1 / inverse
    fused = patchwrap.predict(photo, coarse=Sky(coarse), fine=Sky(fine), plan="p16")
    assert np.median(np.abs(fused.values[90:] / truth - 1)) < 0.01
    assert fused.values.min() >= 0 and fused.values.max() < 1.1 * max(80, truth.max())


def test_a_sky_of_tiny_inverse_depth_leaves_the_ground_as_a_sky_of_zero_does():
    """A softplus, a sigmoid or an exponential never returns an exact 0."""

    class Tiny(Skied):
        def predict(self, images):
            return super().predict(images).clamp_min(1e-8)

    photo = painted()
    photo[:96] = 0
    zero, tiny = (patchwrap.predict(photo, kind("inverse_depth:metric"), plan="3x3") for kind in (Skied, Tiny))
    assert (tiny.values[102:] == zero.values[102:]).all()


def test_a_distant_hundredth_of_a_picture_stays_distant_where_depth_is_fused():
    def inverse(images):
        return images[:, :1].clamp_min(1e-3)

    photo = np.zeros((240, 320, 3), np.float32)
    photo[..., 0] = np.linspace(0.5, 1, 240)[:, None]
    photo[:7, :100, 0] = 1 / 255
    coarse = patchwrap.wrap_callable(inverse, "inverse_depth:metric", (240, 320), free_aspect=False)
    fine = patchwrap.wrap_callable(lambda images: 1 / inverse(images), "depth:affine", (120, 160), free_aspect=False)
    fused = patchwrap.predict(photo, coarse=coarse, fine=fine, plan="2x2", fuser="blend")
    np.testing.assert_allclose(fused.values[:5, :98], 1 / 255, rtol=0.01)


def test_an_invalid_sky_does_not_bend_the_ground():
    class Endless(Painted):
        def predict(self, images):
            return super().predict(images).masked_fill(images.mean(1, keepdim=True) < SKY_GREY, torch.inf)

    photo = painted()
    photo[:96] = 1 / 80
    fused = patchwrap.predict(photo, Endless("depth:metric"), plan="3x3")
    assert np.abs(np.log(fused.values[102:116] * photo[102:116, :, 0])).mean() < 0.03


@pytest.mark.parametrize("fuser", ["poisson", "blend"])
def test_what_fills_the_holes_of_the_coarse_map_is_no_evidence_about_tiles(fuser):
    """A box stands where the coarse map is invalid; the tiles see all of it."""

    def depth(images):
        return 1 / images.mean(1, keepdim=True)

    def holed(images):
        return depth(images).masked_fill(torch.arange(images.shape[3]) >= int(0.6 * images.shape[3]), torch.nan)

    y, x = np.mgrid[:300, :400] / 400
    inverse = np.where((x > 0.6) & (y > 0.3), 0.95, 0.3 + 0.4 * y + 0.2 * x)
    photo = np.repeat(inverse[..., None], 3, 2).astype(np.float32)
    coarse, fine = (patchwrap.wrap_callable(function, "depth:metric", (96, 128)) for function in (holed, depth))
    fused = patchwrap.predict(photo, coarse=coarse, fine=fine, plan="p16", fuser=fuser)
    assert np.abs(fused.values * inverse - 1)[fused.valid].max() < 0.01


@pytest.mark.parametrize("fuser", ["poisson", "blend"])
def test_beside_a_hole_of_the_coarse_map_tiles_are_not_believed_blindly(fuser):
    """The tiles are right but for their sky of 100 m, which bleeds a coarse pixel into the ground."""

    def holed(images):
        return (5 + 5 * images[:, 0]).masked_fill(images[:, 2] > 0.5, torch.nan)

    def bleeding(images):
        return (5 + 5 * images[:, 0]).masked_fill(images[:, 1] > 0.5, 100.0)

    photo = np.zeros((240, 320, 3), np.float32)
    photo[..., 0] = 0.3
    photo[:120, :, 2] = photo[:128, :, 1] = 1
    coarse = patchwrap.wrap_callable(holed, "depth:metric", (24, 32), free_aspect=False)
    fine = patchwrap.wrap_callable(bleeding, "depth:metric", (120, 160), free_aspect=False)
    fused = patchwrap.predict(photo, coarse=coarse, fine=fine, plan="2x2", fuser=fuser)
    np.testing.assert_allclose(fused.values[fused.valid], 6.5, rtol=0.02)


def test_scattered_holes_of_the_coarse_map_cost_no_detail():
    def depth(images):
        return 5 + 5 * images[:, 0]

    def specked(images):
        draw = torch.Generator().manual_seed(0)
        return depth(images).masked_fill(torch.rand(images[:, 0].shape, generator=draw) < 0.05, torch.nan)

    y, x = np.mgrid[:240, :320]
    photo = np.repeat((0.3 + 0.4 * y / 240 + 0.08 * np.sin(x / 1.5) * np.sin(y / 2))[..., None], 3, 2)
    fine = patchwrap.wrap_callable(depth, "depth:metric", (120, 160), free_aspect=False)
    errors = []
    for function in (depth, specked):
        coarse = patchwrap.wrap_callable(function, "depth:metric", (48, 64), free_aspect=False)
        fused = patchwrap.predict(photo.astype(np.float32), coarse=coarse, fine=fine, plan="2x2")
        errors.append(np.square(fused.values - 5 - 5 * photo[..., 0])[fused.valid].mean() ** 0.5)
    assert errors[1] < 1.1 * errors[0]


def test_where_inverse_depth_is_zero_there_is_no_depth_with_tiles_either():
    photo = painted()
    photo[:80] = 0
    maps = [patchwrap.predict(photo, Skied("inverse_depth:metric"), plan="2x2", tiles=tiles) for tiles in (True, False)]
    for fused in maps:
        assert np.isnan(fused.to_depth()[:74]).all() and np.isfinite(fused.to_depth()[86:]).all()


def test_noise_around_zero_inverse_depth_stays_bounded():
    """Fused inverse depth is inverted to metres, also the almost zero values of the sky."""

    class Far(Painted):
        def predict(self, images):
            inverse = images.mean(1, keepdim=True).clamp_min(1 / 80)
            return 1 / inverse if self.convention.space == "depth" else inverse + 0.02 * torch.randn(inverse.shape)

    photo = painted()
    photo[:80] = 0
    seen = []
    fused = patchwrap.predict(
        photo,
        coarse=Far("depth:metric"),
        fine=Far("inverse_depth:affine"),
        plan="p16",
        detail=1.0,
        observer=lambda tile, raw, values: seen.append(values.max()),
    )
    assert fused.coarse.max() == pytest.approx(80, rel=1e-3)
    assert max(fused.values.max(), *seen) <= 160.1


def test_a_coarse_map_of_more_pixels_than_the_tiles_keeps_its_detail():
    class Fine(Painted):
        processing = (16, 24)

    class Large(Painted):
        processing = (240, 400)

    assert np.ptp(PHOTO[..., 0]) > 0.5
    fused = patchwrap.predict(PHOTO, coarse=Large(), fine=Fine(), plan="2x2", detail=0.0)
    assert np.abs(fused.values - fused.coarse).max() < 1e-5


def test_conventions_without_a_common_space_are_refused():
    with pytest.raises(ConventionError, match="depth:affine"):
        patchwrap.predict(PHOTO, coarse=Painted("depth:affine"), fine=Painted("inverse_depth:affine"))


class Random(Painted):
    def predict(self, images):
        values = super().predict(images)
        return values if len(self.calls) == 1 else torch.randn(values.shape, generator=self._draw)


def test_never_worse_tiles_of_noise_leave_the_coarse_map():
    fused = patchwrap.predict(PHOTO, Random("inverse_depth:affine"), plan="p49")
    assert np.abs(fused.values - fused.coarse).max() < 1e-5


def test_a_small_subject_before_a_flat_wall_gains_detail():
    y, x = np.mgrid[0:480, 0:800]
    distance = np.hypot(y - 230, x - 420)
    subject = distance < 80  # 5 % of the picture
    grey = np.where(subject, 0.8 - distance / 1000 + 0.03 * np.sin(x / 4) * np.sin(y / 5), 0.3)
    photo = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    fused = patchwrap.predict(photo, Painted("inverse_depth:affine", distort=0.1), plan="3x3")
    fine, coarse = (affine_error(values[subject], grey[subject]) for values in (fused.values, fused.coarse))
    assert fine < 0.95 * coarse


def test_confidence_is_low_where_no_tile_confirms_the_coarse_map():
    assert patchwrap.predict(PHOTO, Random("inverse_depth:affine"), plan="p49").confidence.max() == 0
    fused = patchwrap.predict(PHOTO, Painted("depth:scale"), plan="p49")
    assert fused.confidence.shape == fused.size and fused.confidence.min() >= 0 and fused.confidence.max() <= 1
    assert np.median(fused.confidence) > 0.98


class Liar(Painted):
    """Predicts a near object that does not exist in the tile of the fifth call."""

    def predict(self, images):
        values = super().predict(images)
        if len(self.calls) == 5:
            values[:, :, 20:40, 30:70] = 8
        return values


def test_where_a_tile_disagrees_its_neighbours_decide():
    options = {"plan": "p49", "fuser": "blend", "tile_batch_size": 1}
    fused, true = (patchwrap.predict(PHOTO, kind("inverse_depth:metric"), **options) for kind in (Liar, Painted))
    # The tile of the fifth call is the fourth of the upper row; the object lies at its centre.
    place = np.s_[20:40, 180:220]
    assert fused.confidence[place].mean() < 0.7 * true.confidence[place].mean()
    error = np.abs(np.log(fused.values[place] / true.values[place])).mean()
    # By its window alone the tile would have half of the weight, and log(8 / 0.4) is 3.
    assert error < 0.1


class Sure(Painted):
    """More confident in tiles than in the whole image."""

    def predict_with_confidence(self, images):
        values = self.predict(images)
        return values, torch.full_like(values, 0.5 if len(self.calls) == 1 else 0.75)


def test_a_backends_own_confidence_is_a_factor():
    known, unknown = (patchwrap.predict(PHOTO, kind("depth:scale"), plan="p49") for kind in (Sure, Painted))
    np.testing.assert_allclose(known.confidence, 0.75 * unknown.confidence, rtol=1e-3)


def test_a_head_that_wants_no_features_leaves_tiles_their_confidence():
    class Unguided:
        wants_features = False

        def refine(self, view):
            assert view.fine_features is None
            return view.aligned

    class Both(Sure):
        def predict_with_features(self, images):
            return self.predict(images), images

    known, unknown = (
        patchwrap.predict(PHOTO, kind("depth:scale"), plan="p49", head=Unguided()) for kind in (Both, Painted)
    )
    np.testing.assert_allclose(known.confidence, 0.75 * unknown.confidence, rtol=1e-3)


def test_confidence_without_tiles_is_the_backends_own_or_none():
    assert patchwrap.predict(PHOTO, Painted(), tiles=False).confidence is None
    assert np.unique(patchwrap.predict(PHOTO, Sure(), tiles=False).confidence).tolist() == [0.5]


class Doubtful(Painted):
    """Returns wrong values with a confidence of 0."""

    def predict_with_confidence(self, images):
        values = self.predict(images)
        confidence = torch.ones_like(values)
        if len(self.calls) > 1:
            values[..., 40:60] += 0.3
            confidence[..., 40:60] = 0
        return values, confidence


def test_values_without_confidence_have_no_weight():
    fused = patchwrap.predict(PHOTO, Doubtful("inverse_depth:metric"), plan="4x4", fuser="blend")
    naive = patchwrap.predict(PHOTO, Doubtless("inverse_depth:metric"), plan="4x4", fuser="blend")
    error, worse = (np.abs(depth.values - INVERSE).mean() for depth in (fused, naive))
    assert error < 0.4 * worse


class Doubtless(Doubtful):
    """The same wrong values with full confidence."""

    def predict_with_confidence(self, images):
        values, _ = super().predict_with_confidence(images)
        return values, torch.ones_like(values)


class Joint(Painted):
    """Owns the loop: reads all tiles, then yields them in another order."""

    def predict_tiles(self, source, tiles, context):
        self.context = context
        images = [source(tile) for tile in tiles]
        for k in self.order(len(tiles)):
            yield tiles[k], images[k].mean(1)[0]

    def order(self, count):
        return torch.randperm(count).tolist()


def test_a_backend_that_owns_the_loop_may_give_tiles_in_any_order():
    backend, seen = Joint("inverse_depth:affine"), []
    joint = patchwrap.predict(PHOTO, backend, plan="2x2+p49", seed=3, progress=lambda *at: seen.append(at))
    plain = patchwrap.predict(PHOTO, Painted("inverse_depth:affine"), plan="2x2+p49")
    np.testing.assert_allclose(joint.values, plain.values, atol=1e-5)
    assert seen == [(done, 58) for done in range(59)] and joint.options["tile_count"] == 58
    assert len(backend.calls) == 1


def test_the_context_of_a_backend_that_owns_the_loop():
    backend = Joint("inverse_depth:affine")
    fused = patchwrap.predict(PHOTO, backend, plan="p16", seed=3, tile_batch_size=7)
    context = backend.context
    assert (context.seed, context.tile_batch_size, context.canvas) == (3, 7, (240, 400))
    assert str(context.convention) == "inverse_depth:affine"
    assert np.array_equal(context.coarse.numpy(), fused.coarse_map)


class JointWithDoubts(Joint):
    """Owns the loop, with no confidence in the left half of every tile."""

    def predict_tiles_with_confidence(self, source, tiles, context):
        for tile, values in super().predict_tiles(source, tiles, context):
            columns = torch.arange(values.shape[1]) >= values.shape[1] // 2
            yield tile, values, columns.float().expand_as(values)

    def predict_tiles(self, source, tiles, context):
        raise AssertionError("its confidence should be used")


def test_a_backend_that_owns_the_loop_may_return_confidence():
    fused = patchwrap.predict(PHOTO, JointWithDoubts("inverse_depth:affine"), plan="p16")
    left, right = fused.confidence[:, 10:40].mean(), fused.confidence[:, 60:90].mean()
    assert left < 0.1 < 0.5 < right


def test_a_tiles_confidence_is_checked():
    class Boastful(JointWithDoubts):
        def predict_tiles_with_confidence(self, *arguments):
            for tile, values, confidence in super().predict_tiles_with_confidence(*arguments):
                yield tile, values, 2 * confidence

    with pytest.raises(BackendContractError, match=r"Boastful.predict_tiles_with_confidence gave .* from 0 to 2"):
        patchwrap.predict(PHOTO, Boastful(), plan="p16")


def test_a_tiles_map_that_comes_with_confidence_is_blamed_on_the_loop_that_yielded_it():
    class Cut(JointWithDoubts):
        def predict_tiles_with_confidence(self, *arguments):
            for tile, values, confidence in super().predict_tiles_with_confidence(*arguments):
                yield tile, values[1:], confidence

    with pytest.raises(BackendContractError, match=r"Cut.predict_tiles_with_confidence yielded \(59, 100\)"):
        patchwrap.predict(PHOTO, Cut(), plan="p16")


@pytest.mark.parametrize(
    ("backend", "given", "words"),
    [
        (Joint, lambda *parts: (*parts, None), r"predict_tiles yielded a tuple of 3 .*expected tuples \(tile, map\)"),
        (Joint, lambda tile, values: values, "predict_tiles yielded a Tensor; expected tuples"),
        (Joint, lambda tile, values: (values, tile), r"predict_tiles yielded a tuple of 2 \(Tensor, Tile\); expected"),
        (JointWithDoubts, lambda *parts: parts[:2], r"predict_tiles_with_confidence yielded a tuple of 2.*idence\)"),
    ],
)
def test_what_a_loop_over_the_tiles_yields_is_checked(backend, given, words, monkeypatch):
    method = "predict_tiles" if backend is Joint else "predict_tiles_with_confidence"
    right = getattr(backend, method)
    monkeypatch.setattr(backend, method, lambda *arguments: (given(*parts) for parts in right(*arguments)))
    with pytest.raises(BackendContractError, match=rf"{backend.__name__}.{words}"):
        patchwrap.predict(PHOTO, backend("inverse_depth:affine"), plan="p16")


def test_a_loop_over_the_tiles_that_returns_nothing_is_named(monkeypatch):
    monkeypatch.setattr(Joint, "predict_tiles", lambda *arguments: None)
    with pytest.raises(BackendContractError, match=r"Joint.predict_tiles returned None; expected an iterator"):
        patchwrap.predict(PHOTO, Joint(), plan="p16")


class Distorted(Joint):
    """Every tile with a scale and a shift of its own."""

    def predict_tiles(self, source, tiles, context):
        for tile, values in super().predict_tiles(source, tiles, context):
            yield tile, (1 + tile.left / 400) * values + tile.top / 240


def test_tiles_in_any_order_are_corrected_as_their_own():
    fused = patchwrap.predict(PHOTO, Distorted("inverse_depth:affine"), plan="p49")
    assert affine_error(fused.values, INVERSE) < 0.25 * affine_error(fused.coarse, INVERSE)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (lambda count: range(count - 1), "left out 1 of 16 tiles, Tile"),
        (lambda count: [0, 1, 0], "gave Tile.* which it had given already"),
    ],
)
def test_every_tile_is_wanted_once(order, words, monkeypatch):
    monkeypatch.setattr(Joint, "order", lambda self, count: order(count))
    with pytest.raises(BackendContractError, match=rf"Joint.predict_tiles {words}"):
        patchwrap.predict(PHOTO, Joint(), plan="p16")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda tile, values: (replace(tile, top=1), values), "which is no tile of the plan"),
        (lambda tile, values: (tile, values[:-1]), r"yielded \(59, 100\) for a tile; expected .* \(60, 100\)"),
        (lambda tile, values: (tile, values[None]), r"yielded \(1, 60, 100\)"),
        (lambda tile, values: (tile, values.numpy()), "yielded ndarray"),
        (lambda tile, values: (tile, values.long()), "expected a float tensor"),
    ],
)
def test_what_a_tile_is_given_is_checked(given, words):
    class Broken(Joint):
        def predict_tiles(self, *arguments):
            for pair in super().predict_tiles(*arguments):
                yield given(*pair)

    with pytest.raises(BackendContractError, match=words):
        patchwrap.predict(PHOTO, Broken(), plan="p16")


class Holed(Painted):
    def predict(self, images):
        values = super().predict(images)
        values[:, :, images.mean(1)[0] > 0.55] = torch.nan
        return values


def test_invalid_pixels_are_marked_and_filled():
    fused = patchwrap.predict(PHOTO, Holed("inverse_depth:affine"), plan="p49")
    assert np.isfinite(fused.values).all()
    assert 0 < (~fused.valid).mean() < 0.2
    assert not fused.valid[-8:, -8:].any() and fused.valid[:60, :60].all()


class AllInvalid(Painted):
    def predict(self, images):
        return torch.full_like(super().predict(images), torch.nan)


def test_a_backend_without_a_finite_value_is_refused():
    with pytest.raises(BackendContractError, match="no finite value"):
        patchwrap.predict(PHOTO, AllInvalid())


class Cut(Painted):
    """Writes one number wherever the picture is bright."""

    def __init__(self, convention, number):
        super().__init__(convention)
        self.number = number

    def predict(self, images):
        return torch.where(images[:, :1] > 0.5, self.number, super().predict(images))


class CutByTile(Cut):
    def predict_tiles(self, source, tiles, context):
        for tile in tiles:
            yield tile, self.predict(source(tile))[0, 0]


@pytest.mark.parametrize("convention", ["depth:metric", "depth:scale"])
@pytest.mark.parametrize("kind", [Cut, CutByTile])
@pytest.mark.parametrize("number", [0.0, -1.0])
def test_a_depth_that_is_not_positive_is_invalid(kind, convention, number):
    cut, known = (patchwrap.predict(PHOTO, kind(convention, value), plan="2x2") for value in (number, torch.nan))
    assert 0.05 < (~cut.valid).mean() < 0.95
    np.testing.assert_array_equal(cut.valid, known.valid)
    np.testing.assert_array_equal(cut.coarse_map, known.coarse_map)
    np.testing.assert_array_equal(cut.values, known.values)


@pytest.mark.parametrize("convention", ["inverse_depth:metric", "inverse_depth:scale", "depth:affine"])
def test_zero_is_valid_where_it_has_a_meaning(convention):
    cut = patchwrap.predict(PHOTO, Cut(convention, 0.0), plan="2x2")
    assert cut.valid.all() and (cut.coarse_map == 0).any()


def test_a_backend_of_negative_depths_is_refused():
    backend = patchwrap.wrap_callable(lambda images: -1 - images.mean(1), "depth:metric", (60, 100))
    with pytest.raises(BackendContractError, match=r"^<lambda> returned no finite value above 0"):
        patchwrap.predict(PHOTO, backend)


class Reused(Painted):
    """Returns views of one buffer, which every call overwrites, as runtimes with preallocated outputs do."""

    buffer = torch.zeros(8 * 64 * 128)

    def _kept(self, maps):
        view = self.buffer[: maps.numel()].view(maps.shape)
        return view.copy_(maps)

    def predict(self, images):
        return self._kept(super().predict(images))


class ReusedByTile(Reused):
    def predict_tiles(self, source, tiles, context):
        for tile in tiles:
            yield tile, self.predict(source(tile))[0, 0]


@pytest.mark.parametrize("kind", [Reused, ReusedByTile])
def test_a_backend_may_reuse_its_output(kind):
    reused, fresh = (patchwrap.predict(PHOTO, made("depth:metric"), plan="3x3") for made in (kind, Painted))
    np.testing.assert_array_equal(reused.coarse_map, fresh.coarse_map)
    np.testing.assert_allclose(reused.values, fresh.values, rtol=1e-5)


def test_memory_errors_halve_the_batch():
    class Tight(Painted):
        def predict(self, images):
            if len(images) > 2:
                raise torch.OutOfMemoryError("out of memory")
            return super().predict(images)

    fused = patchwrap.predict(PHOTO, Tight(), plan="p16", tile_batch_size=16)
    assert fused.options["tile_count"] == 16


def test_progress_counts_tiles():
    seen = []
    patchwrap.predict(PHOTO, Painted(), plan="p16", tile_batch_size=8, progress=lambda *at: seen.append(at))
    assert seen == [(0, 16), (8, 16), (16, 16)]


def test_no_tiles_is_the_coarse_map_and_detail_zero_too():
    plain = patchwrap.predict(PHOTO, Painted(), tiles=False)
    assert np.allclose(plain.values, plain.coarse)
    zero = patchwrap.predict(PHOTO, Painted(), detail=0.0, plan="p49")
    assert np.allclose(zero.values, zero.coarse, atol=1e-3)


class Doubling:
    """A head that adds a constant in log depth, so that its effect can be measured."""

    def refine(self, view):
        assert view.images.shape[2:] == view.aligned.shape[2:] == view.coarse.shape[2:]
        return view.aligned + 0.7


def test_a_head_corrects_aligned_tiles_before_fusion():
    plain = patchwrap.predict(PHOTO, Painted("depth:scale"), plan="p49", fuser="blend")
    headed = patchwrap.predict(PHOTO, Painted("depth:scale"), plan="p49", fuser="blend", head=Doubling())
    # The coarse map has a weight of 0.01 in the mean.
    assert np.median(headed.values / plain.values) == pytest.approx(np.exp(0.7), rel=0.02)
    assert headed.options["head"] == "Doubling" and plain.options["head"] is None


class Guided(Painted):
    def predict_with_features(self, images):
        return self.predict(images), images[:, :2, ::2, ::2]


def test_features_under_a_tile_are_the_tiles_own():
    class Compare:
        def __init__(self):
            self.gaps = []

        def refine(self, view):
            assert view.coarse_features.shape == view.fine_features.shape
            self.gaps.append((view.fine_features - view.coarse_features).abs().mean().item())
            return view.aligned

    head = Compare()
    patchwrap.predict(PHOTO, Guided("depth:scale"), plan="p16", head=head)
    assert len(head.gaps) == 16 and max(head.gaps) < 0.015


class Focal(Painted):
    def metres_per_unit(self, focal):
        return 10 * focal


def test_a_known_field_of_view_makes_a_scale_metric():
    backend = Focal("depth:scale")
    plain, known = (patchwrap.predict(PHOTO, backend, fov=fov) for fov in (None, 90.0))
    assert str(plain.convention) == "depth:scale" and str(known.convention) == "depth:metric"
    # 90 degrees across: the focal length is half the width, which is the longer side.
    assert np.allclose(known.values, 5 * plain.values, rtol=1e-4)
    assert known.focal == pytest.approx(200)
    assert np.allclose(known.coarse, 5 * plain.coarse, rtol=1e-4)


def test_a_known_field_of_view_scales_distances_whatever_the_space():
    spaces = "depth:scale", "inverse_depth:scale"
    depth, inverse = (patchwrap.predict(PHOTO, Focal(space), fov=90.0) for space in spaces)
    assert str(inverse.convention) == "inverse_depth:metric"
    np.testing.assert_allclose(1 / inverse.coarse_map, depth.coarse_map, rtol=1e-4)


class EstimatesFov(Painted):
    estimate = 60.0

    def predict_with_fov(self, images):
        return self.predict(images), torch.full((len(images),), self.estimate)


@pytest.mark.parametrize("space", ["depth", "inverse_depth"])
@pytest.mark.parametrize("photo", [PHOTO, PHOTO.transpose(1, 0, 2)], ids=["landscape", "portrait"])
def test_metres_of_an_estimated_field_of_view_are_corrected_for_a_known_one(space, photo):
    backend = EstimatesFov(f"{space}:metric")
    guessed, known = (patchwrap.predict(photo, backend, plan="2x2", fov=fov) for fov in (None, 30.0))

    assert guessed.horizontal_fov() == (pytest.approx(60), "estimated")
    assert known.horizontal_fov() == (pytest.approx(30), "known")
    ratio = np.tan(np.radians(30)) / np.tan(np.radians(15))
    np.testing.assert_allclose(known.to_depth(), ratio * guessed.to_depth(), rtol=1e-4)
    plain = patchwrap.predict(photo, Painted(f"{space}:metric"), plan="2x2")
    np.testing.assert_array_equal(guessed.values, plain.values)


@pytest.mark.parametrize("estimate", [-3.0, 179.9, float("nan")])
def test_an_absurd_estimate_of_the_field_of_view_is_none(estimate):
    backend = EstimatesFov("depth:metric")
    backend.estimate = estimate
    guessed, known = (patchwrap.predict(PHOTO, backend, tiles=False, fov=fov) for fov in (None, 30.0))
    assert guessed.horizontal_fov() == (60, "assumed")
    np.testing.assert_array_equal(known.values, guessed.values)


def test_an_estimated_field_of_view_makes_no_scale_metric():
    class Both(EstimatesFov, Focal):
        pass

    guessed, known = (patchwrap.predict(PHOTO, Both("depth:scale"), tiles=False, fov=fov) for fov in (None, 90.0))
    assert str(guessed.convention) == "depth:scale" and guessed.horizontal_fov()[1] == "estimated"
    np.testing.assert_allclose(known.values, 5 * guessed.values, rtol=1e-4)


def test_lists_and_batches_give_lists():
    stack = np.stack([PHOTO, PHOTO])
    tensor = torch.from_numpy(stack).permute(0, 3, 1, 2)
    for images in ([PHOTO, Image.fromarray((255 * PHOTO).astype(np.uint8))], tensor, stack):
        maps = patchwrap.predict(images, Painted(), plan="p16")
        assert isinstance(maps, list) and [m.values.shape for m in maps] == [(240, 400)] * 2


def test_an_unregistered_object_with_predict_is_enough():
    class Anything:
        convention = patchwrap.DepthConvention("depth", "metric")
        processing = (32, 48)

        def predict(self, images):
            return 1 + images.mean(1, keepdim=True)

    assert patchwrap.predict(PHOTO, Anything()).options["coarse"] == "Anything"


def test_gradients_are_off_but_the_caller_may_still_train():
    class Tracks(Painted):
        def predict(self, images):
            assert not torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
            return super().predict(images)

    patchwrap.predict(PHOTO, Tracks(), plan="p16")
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"fuser": "magic"}, OptionError, "poisson"),
        ({"detail": 2.0}, OptionError, "detail"),
        ({"seed": -1}, OptionError, "seed -1 is negative"),
        ({"coarse": Painted(), "fine": Painted()}, OptionError, "Leave out backend"),
        ({"tile_batch_size": 0}, OptionError, "tile_batch_size"),
        ({"fov": 200.0}, OptionError, "degrees"),
        ({"dtype": "int8"}, OptionError, "bfloat16"),
        ({"device": "warp"}, OptionError, "device 'warp' is not known; give auto, cpu"),
        ({"plan": "p17"}, TilingError, "p49"),
        ({"plan": TilePlan.parse("p16"), "overlap": 0.25}, OptionError, "overlap 0.25 and a TilePlan"),
        ({"plan": "auto+r8"}, TilingError, "stands alone"),
    ],
)
def test_impossible_options_say_what_is_possible(options, error, words):
    with pytest.raises(error, match=words):
        patchwrap.predict(PHOTO, Painted(), **options)


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("fuser", "possion", "Doubling.fuser is 'possion'; expected one of poisson, blend"),
        ("drawn", "nevr", "Doubling.drawn is 'nevr'; expected one of alone, together, never"),
    ],
)
def test_impossible_attributes_of_a_head_are_refused(attribute, value, words):
    head = Doubling()
    setattr(head, attribute, value)
    with pytest.raises(BackendContractError, match=words):
        patchwrap.predict(PHOTO, Painted(), head=head)


def test_no_backend_at_all():
    with pytest.raises(OptionError, match="backend="):
        patchwrap.predict(PHOTO)


class Shortened(Painted):
    """Runs under an autocast of its own, and creates tensors with and without a device."""

    def predict(self, images):
        with torch.autocast("cpu", torch.bfloat16):
            assert (torch.ones(2, 2) @ torch.ones(2, 2, device="cpu")).dtype == torch.bfloat16
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
        assert torch.ones(1, device="meta").is_meta
        return super().predict(images)


@pytest.mark.parametrize("backend", [Painted, Shortened])
def test_the_callers_autocast_does_not_apply(backend):
    plain = patchwrap.predict(PHOTO, backend(), plan="2x2").values
    with torch.autocast("cpu", torch.bfloat16):
        within = patchwrap.predict(PHOTO, backend(), plan="2x2").values
        assert torch.is_autocast_enabled("cpu")
    np.testing.assert_array_equal(within, plain)


@pytest.mark.parametrize("backend", [Painted, Shortened])
def test_the_callers_default_device_does_not_apply(backend):
    plain, model = patchwrap.predict(PHOTO, backend(), plan="2x2").values, backend()
    with torch.device("meta"):
        within = patchwrap.predict(PHOTO, model, plan="2x2").values
        assert torch.ones(1).is_meta
    np.testing.assert_array_equal(within, plain)


@pytest.fixture
def default_dtype():
    yield torch.set_default_dtype
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_the_callers_default_number_type_is_none_of_the_pipelines(dtype, default_dtype):
    class Context:
        drawn = "together"

        def refine(self, view):
            given.append(view.images)
            return view.aligned + 0.01 * view.context.mean() + 0.01 * (view.centre * view.spread).view(-1, 1, 1, 1)

    given, maps = [], []
    large = np.random.default_rng(0).random((600, 1000, 3), np.float32)
    backend = patchwrap.wrap_callable(lambda images: given.append(images) or images.mean(1), "inverse_depth:affine")
    for one in (torch.float32, dtype):
        windows._ramp.cache_clear()
        default_dtype(one)
        maps.append(patchwrap.predict(large, backend, plan="2x2", head=Context(), fuser="blend").values)
    assert all(images.isfinite().all() for images in given)
    assert (maps[0] == maps[1]).all()


def test_backends_are_loaded_without_the_callers_default_device(ramp):
    with torch.device("meta"):
        assert np.isfinite(patchwrap.predict(PHOTO, "ramp", plan="2x2").values).all()


def test_other_devices_are_not_seeded(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    patchwrap.predict(PHOTO, Painted(), tiles=False)
    assert not seeded


def test_the_callers_random_numbers_are_left_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    patchwrap.predict(PHOTO, Painted(), plan="p16", seed=7)
    assert torch.equal(torch.rand(1), expected)


class Shared(Painted):
    """Rounds to its number type, draws from torch's generator, and gives way to other threads meanwhile."""

    def to(self, device, dtype):
        self.dtype = dtype

    def predict(self, images):
        noise = torch.rand(1)
        time.sleep(0.002)
        return (super().predict(images) + noise + torch.rand(1)).to(self.dtype)


def test_threads_take_turns():
    backend = Shared()
    calls = [{"seed": seed, "dtype": dtype, "plan": "2x2"} for seed, dtype in ((1, "float32"), (2, "bfloat16"))] * 4
    wanted = [patchwrap.predict(PHOTO, backend, **call).coarse_map for call in calls]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda call: patchwrap.predict(PHOTO, backend, **call).coarse_map, calls))
    for one, other in zip(found, wanted):
        np.testing.assert_array_equal(one, other)


def test_half_precision_on_a_cpu_is_a_warning_once(caplog):
    device._tell_once.cache_clear()
    for dtype in ("float32", "bfloat16", "bfloat16"):
        Engine.build(Painted(), None, None, dtype=dtype, device="cpu")
        assert ("on a CPU, bfloat16 may be several times slower" in caplog.text) == (dtype != "float32")
    assert len(caplog.records) == 1


def test_an_engine_places_networks_that_another_moved():
    backend = Shared()
    full, half = (Engine.build(backend, None, None, dtype=dtype, tiles=False) for dtype in ("float32", "bfloat16"))
    full(read_image(PHOTO))
    assert backend.dtype == torch.float32
    half(read_image(PHOTO))
    assert backend.dtype == torch.bfloat16


def test_a_prediction_inside_a_callback_leaves_the_outer_one_its_number_type():
    backend, seen = Shared(), []
    plain = backend.predict
    backend.predict = lambda images: seen.append(backend.dtype) or plain(images)

    def progress(done, total):
        inner = Shared.predict.__get__(backend)
        backend.predict, outer = inner, backend.predict
        patchwrap.predict(PHOTO, backend, dtype="bfloat16", tiles=False)
        backend.predict = outer

    patchwrap.predict(PHOTO, backend, plan="2x2", progress=progress)
    assert len(seen) > 1 and set(seen) == {torch.float32}


def test_a_prediction_that_fails_inside_a_callback_leaves_the_outer_one_its_number_type():
    backend, seen = Shared(), []

    def progress(done, total):
        seen.append(backend.dtype)
        with pytest.raises(ImageError):
            patchwrap.predict("missing.jpg", backend, dtype="bfloat16")

    patchwrap.predict(PHOTO, backend, plan="2x2", progress=progress)
    assert len(seen) > 1 and set(seen) == {torch.float32}


def test_a_prediction_inside_a_callback_whose_networks_do_not_fit_leaves_the_outer_one_its_number_type():
    class Large(Painted):
        def to(self, device, dtype):
            raise torch.OutOfMemoryError("CUDA out of memory")

    backend, seen = Shared(), []

    def progress(done, total):
        seen.append(backend.dtype)
        with pytest.raises(torch.OutOfMemoryError):
            patchwrap.predict(PHOTO, coarse=backend, fine=Large(), dtype="bfloat16")

    patchwrap.predict(PHOTO, backend, plan="2x2", progress=progress)
    assert len(seen) > 1 and set(seen) == {torch.float32}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_during_a_prediction_predicts():
    with engine_module._TURN:
        ended = threading.Thread(target=lambda: codes.append(_forked_prediction()))
        codes = []
        ended.start()
        ended.join(60)
    assert codes == [0]


def _forked_prediction():
    """The exit code of a forked process that asks for its turn."""
    child = os.fork()
    if child == 0:
        os._exit(0 if engine_module._TURN.acquire(timeout=30) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_options_of_numpy_become_pythons_own():
    plain = engine_module._without_numpy(DEFAULTS | {"mirror": np.True_, "seed": np.int64(3)})
    assert plain["mirror"] is True and json.loads(json.dumps(plain)) == DEFAULTS | {"mirror": True, "seed": 3}


def test_same_seed_same_result():
    maps = [patchwrap.predict(PHOTO, Painted("depth:scale"), plan="p16+r9", seed=5).values for _ in range(2)]
    assert np.array_equal(*maps)


def test_an_observer_sees_each_tile_as_predicted_and_as_fused():
    backend, seen = Painted("depth:metric", distort=0.3), []
    fused = patchwrap.predict(PHOTO, backend, plan="2x2", fuser="blend", observer=lambda *tile: seen.append(tile))
    assert len(seen) == fused.options["tile_count"] == 9 and "observer" not in fused.options
    canvas = max(tile.bottom for tile, *_ in seen), max(tile.right for tile, *_ in seen)
    truth = 1 / resize_maps(torch.from_numpy(INVERSE)[None, None], canvas)[0, 0]
    off = {"predicted": [], "fused": []}
    for tile, predicted, aligned in seen:
        assert predicted.shape == aligned.shape == tile.size
        for name, values in (("predicted", predicted), ("fused", aligned)):
            off[name].append(float((values / truth[tile.slices]).log().mean()))
    # Every predicted tile has a level of its own; aligned, all have the same.
    assert np.std(off["fused"]) < 0.01 < 0.1 < np.std(off["predicted"])


@pytest.mark.parametrize("convention", ["inverse_depth:affine", "depth:metric"])
def test_an_observer_may_change_what_it_is_given(convention):
    def spoil(tile, *maps):
        for values in maps:
            values.zero_()

    plain, observed = (
        patchwrap.predict(PHOTO, Painted(convention, distort=0.3), plan="2x2", observer=observer)
        for observer in (None, spoil)
    )
    np.testing.assert_array_equal(observed.values, plain.values)


def test_the_order_of_a_plans_parts_does_not_change_the_crossover():
    """Tiles of two sizes: the smaller ones decide, wherever they stand."""
    one, other = (patchwrap.predict(PHOTO, Painted(), plan=plan).values for plan in ("2x2+4x4", "4x4+2x2"))
    np.testing.assert_allclose(one, other, atol=1e-4 * np.ptp(one))


def test_an_observer_sees_the_coarse_map_where_no_tile_is_trusted():
    # Tiles of noise are not trusted, so the coarse map is fused.
    def noisy(images):
        tile = images.shape[0] > 1
        return torch.rand(images.shape[0], *images.shape[2:]) if tile else images.mean(1)

    backend = patchwrap.wrap_callable(noisy, "depth:affine", (60, 100))
    seen = []
    fused = patchwrap.predict(PHOTO, backend, plan="p16", tile_batch_size=16, observer=lambda *tile: seen.append(tile))
    assert len(seen) == 16
    low, high = fused.coarse.min(), fused.coarse.max()
    assert all(low - 1e-3 <= float(aligned.min()) and float(aligned.max()) <= high + 1e-3 for *_, aligned in seen)
