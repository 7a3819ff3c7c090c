"""Training data to the pixel: crops, focal lengths, mirroring, limits, pairs and the fusion network's target."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from patchwrap_native import canonical
from patchwrap_native.augmentation import augment
from patchwrap_native.batch import Batch
from patchwrap_native.crops import Diet, Sampler, cut, pick
from patchwrap_native.depth_code import decode_log, encode
from patchwrap_native.depth_stage import DepthStage
from patchwrap_native.fusion_network import FusionNetwork
from patchwrap_native.fusion_stage import FusionStage
from patchwrap_native.measures import mean_of
from patchwrap_native.pairs import make_pairs
from patchwrap_native.shards import SceneViews, open_shards, write_shard
from patchwrap_native.unet import UNet

WHOLE = (0.0, 0.0, 1.0, 1.0)
ALL = Diet(tiles=0.0, uncropped=1.0)


def opened(folder, images, depth, focals):
    """A shard of one scene with these views."""
    scene = SceneViews(images, encode(depth.astype(np.float32)), focals, [WHOLE] * len(images))
    write_shard(folder / "shard_00000", [scene])
    return open_shards(folder)


@pytest.fixture
def scenes(tmp_path):
    """A view with random pixels and depth, and a tile of constant depth."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (2, 64, 96, 3), np.uint8)
    depth = np.stack([draw.uniform(1, 100, (64, 96)), np.full((64, 96), 3.0)])
    return opened(tmp_path, images, depth, [80.0, 160.0])


def test_depth_is_picked_at_pixel_centres():
    codes = np.arange(8 * 10, dtype=np.uint16).reshape(8, 10)
    assert np.array_equal(pick(codes, (1, 2, 4, 6), (2, 3)), codes[np.ix_([2, 4], [3, 5, 7])])
    assert np.array_equal(pick(codes, (1, 2, 2, 3), (4, 3)), codes[np.ix_([1, 1, 2, 2], [2, 3, 4])])
    assert np.array_equal(pick(codes, (3, 4, 2, 5), (2, 5)), codes[3:5, 4:9])


def test_a_picture_is_cut_where_depth_is_picked():
    ramp = np.repeat((np.arange(8)[:, None] * 16 + np.arange(10) * 8)[..., None], 3, -1).astype(np.uint8)
    assert np.array_equal(cut(ramp, (3, 4, 2, 5), (2, 5))[0, 0], ramp[3:5, 4:9, 0])
    # A third of the size: the nearest pixel is also the mean of a ramp's three.
    smaller = cut(ramp, (0, 1, 6, 9), (2, 3))[0, 0].int().numpy()
    np.testing.assert_allclose(smaller, pick(ramp[..., 0], (0, 1, 6, 9), (2, 3)), atol=8)


def test_picture_and_depth_are_mirrored_together(scenes):
    batch = Sampler(scenes, ALL, 16).draw((0, 1), 1.0)
    image = torch.from_numpy(scenes[0].images[0, 0].copy()).permute(2, 0, 1) / 255
    target = decode_log(scenes[0].codes[0, 0])[None] + math.log(canonical.FOCAL / 80)
    mirrored = [torch.equal(picture, image.flip(-1)) for picture in batch.images]
    assert 0 < sum(mirrored) < 16
    for picture, logs, flip in zip(batch.images, batch.target, mirrored):
        assert torch.equal(picture, image.flip(-1) if flip else image)
        torch.testing.assert_close(logs, target.flip(-1) if flip else target)


@pytest.mark.parametrize(
    ("diet", "scale", "focal"),
    [
        (Diet(tiles=1.0, uncropped=1.0), 1.0, 160.0),
        (Diet(tiles=1.0, uncropped=1.0), 2.0, 320.0),
        # 48 of 64 rows on 32.
        (Diet(tiles=1.0, uncropped=1.0), 2 / 3, 160.0 * 32 / 48),
    ],
)
def test_the_focal_length_is_that_of_the_crop(scenes, diet, scale, focal):
    batch = Sampler(scenes, diet, 4).draw((0, 1), scale)
    assert batch.target.numpy() == pytest.approx(math.log(3.0 * canonical.FOCAL / focal), abs=1e-3)


def test_a_crop_of_half_the_height_has_twice_the_focal_length(tmp_path):
    scenes = opened(tmp_path, np.zeros((1, 64, 96, 3), np.uint8), np.full((1, 64, 96), 2.0), [80.0])
    batch = Sampler(scenes, Diet(tiles=0.0, uncropped=0.0, whole_zoom=(0.5, 0.5)), 2).draw((0, 1), 1.0)
    assert batch.target.numpy() == pytest.approx(math.log(2.0 * canonical.FOCAL / 160), abs=1e-3)


def test_depth_is_valid_below_a_limit_and_else_only_far():
    metres = torch.tensor([1.0, 199.9, 200.1, math.inf]).reshape(1, 1, 2, 2)
    images = torch.full((1, 3, 2, 2), 51, dtype=torch.uint8)
    batch = Batch.of(images, metres.log(), torch.tensor([250.0]))
    assert batch.valid.flatten().tolist() == [True, True, False, False]
    assert torch.equal(batch.beyond, ~batch.valid)
    # Half the canonical focal length doubles canonical depth.
    torch.testing.assert_close(batch.target, (2 * metres).log())
    torch.testing.assert_close(batch.far[0, 0, 1].exp(), torch.tensor([2 * canonical.VALID_METRES, canonical.SKY]))
    torch.testing.assert_close(batch.images, torch.full((1, 3, 2, 2), 0.2))


@pytest.mark.parametrize("axis", [-1, -2])
def test_augmentation_moves_no_edge(axis):
    images = torch.full((4, 3, 32, 32), 0.2)
    images.narrow(axis, 11, 21).fill_(0.8)
    other = -3 - axis
    for seed in range(12):
        for picture in augment(images.clone(), seed):
            profile = picture.mean(0).mean(other)
            assert profile.diff().abs().argmax() == 10


def test_what_a_depth_network_learns_from_shows_what_its_depth_says(tmp_path):
    image, depth = np.full((1, 64, 96, 3), 50, np.uint8), np.full((1, 64, 96), 20.0)
    image[:, 8:40, 10:50], depth[:, 8:40, 10:50] = 200, 2.0
    scenes = opened(tmp_path, image, depth, [80.0])
    stage = DepthStage("coarse", UNet(), Diet(0.0, 0.5, whole_zoom=(0.8, 1.0)), scenes, scenes, batch_size=8)
    for step in range(4):
        batch = stage.batch(step, 1.0)
        for picture, logs in zip(batch.images, batch.target):
            bright = picture.mean(0) > (picture.mean(0).min() + picture.mean(0).max()) / 2
            near = logs[0] < (logs.min() + logs.max()) / 2
            assert (bright == near).float().mean() > 0.97


@pytest.fixture
def canvas():
    """Depth and picture at the tiles' resolution: 128x192, twice the views'."""
    # Smooth, so that tiles can be aligned.
    depth = 2 + 0.1 * np.arange(128)[:, None] + 0.03 * np.arange(192) + np.sin(np.arange(192) / 9)
    return depth.astype(np.float32), np.random.default_rng(1).integers(0, 256, (128, 192, 3), np.uint8)


@pytest.fixture
def pair(canvas):
    """A scene whose second tile lies a quarter below and a quarter left of the first."""
    depth, image = canvas
    places = [(0, 48), (16, 24)]
    views = [
        (part[::2, ::2], *(part[top : top + 64, left : left + 96] for top, left in places)) for part in (image, depth)
    ]
    windows = [WHOLE, *((top / 128, left / 192, 0.5, 0.5) for top, left in places)]
    return SceneViews(np.stack(views[0]), encode(np.stack(views[1])), [80.0, 160.0, 160.0], windows, [(1, -1)])


@pytest.mark.parametrize("mirrored", [False, True])
def test_tiles_of_a_pair_lie_where_windows_and_shifts_say(canvas, pair, mirrored):
    batch = make_pairs([pair], [0], mirrored, None)
    depth, image = (np.ascontiguousarray(part[:, ::-1] if mirrored else part) for part in canvas)
    whole, picture = decode_log(encode(depth)), torch.from_numpy(image).permute(2, 0, 1) / 255
    assert batch.shifts == [(16, 24 if mirrored else -24)]
    for n, window in enumerate(batch.windows):
        top, left, height, width = (round(float(part) * side) for part, side in zip(window, (128, 192, 128, 192)))
        assert (height, width) == (64, 96)
        assert torch.equal(batch.tiles.images[n], picture[:, top : top + 64, left : left + 96])
        # In the photo's canonical unit: with the photo's focal length.
        wanted = whole[top : top + 64, left : left + 96] + math.log(canonical.FOCAL / 80)
        torch.testing.assert_close(batch.tiles.target[n, 0], wanted)
    (rows, columns), (first, second) = batch.shifts[0], batch.windows
    assert (second - first)[:2].tolist() == pytest.approx([rows / 128, columns / 192])


@pytest.mark.parametrize("error", [0.5, -0.3])
def test_the_fusion_network_is_not_blamed_for_the_coarse_networks_scale(pair, error):
    batch = make_pairs([pair], [0], False, None)
    stage = FusionStage(FusionNetwork(), UNet(), UNet(), [], [])
    features = torch.zeros(2, 32, 32, 48)
    stage.coarse.forward = lambda _: (batch.photos.target + error, features[:1])
    stage.fine.forward = lambda _: (batch.tiles.target + error, features)
    found = {}
    for off in (error, 0.0):
        stage.network.forward = lambda *_, off=off: (batch.tiles.target + off, features)
        found[off] = stage.losses(batch), mean_of(stage._measured(stage.network, batch))
    # A batch without valid pixels has no such measure, rather than one without error.
    nowhere = replace(batch, tiles=replace(batch.tiles, valid=batch.tiles.valid & False))
    assert "refined_abs_rel" not in mean_of(stage._measured(stage.network, nowhere))
    right, wrong = found[error], found[0.0]
    assert right[0]["silog"] < 0.01 and right[1]["refined_abs_rel"] == pytest.approx(0, abs=1e-4)
    assert wrong[0]["silog"] > 0.1 and wrong[1]["refined_abs_rel"] == pytest.approx(abs(math.exp(-error) - 1), abs=1e-3)
