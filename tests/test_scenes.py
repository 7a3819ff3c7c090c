import json
import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from patchwrap.cli import main
from patchwrap.scenes import FAMILIES, KINDS, PLACES, TRAINING_KINDS, Camera, Renderer, build_scene, viewpoint
from patchwrap.scenes.bands import Band
from patchwrap.scenes.families import family
from patchwrap.scenes.kinds import SEED_NUMBERS
from patchwrap.scenes.layout import Layout
from patchwrap.scenes.materials import Material
from patchwrap.scenes.scene import Builder

SIZE = (72, 96)


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as open_renderer:
        yield open_renderer


@pytest.fixture(scope="module")
def plane():
    """Nothing but a flat ground at height 0, seen from 1.5 m."""
    builder = Builder()
    builder.boxes([[0.0, 0.0, -0.5]], [2000.0, 2000.0, 1.0], Material.GRASS, [0.2, 0.5, 0.2])
    camera = Camera(position=(0.0, 0.0, 1.5), pitch=-0.3, fov=1.1)
    return replace(build_scene(1, "field"), parts=builder.parts(), camera=camera)


def rows_and_depth(frame):
    """Height of each pixel's ray above the horizon's slope, and its depth."""
    rows = np.arange(frame.depth.shape[0]) + 0.5
    return (rows - frame.intrinsics.cy) / frame.intrinsics.fy, frame.depth


def test_a_ground_plane_has_the_depth_of_the_closed_form(renderer, plane):
    slope, depth = rows_and_depth(renderer.render(plane, SIZE))
    # A ray (0, slope, 1) of a camera pitched by p falls (slope cos p - sin p) per unit of z.
    fall = slope * np.cos(-0.3) - np.sin(-0.3)
    ground = fall > 0.01
    assert np.allclose(depth[ground], (1.5 / fall[ground])[:, None], rtol=1e-4)
    assert np.isinf(depth[fall < 0]).all()


def test_back_projection_of_the_ground_is_flat(renderer, plane):
    frame = renderer.render(plane, SIZE)
    k, seen = frame.intrinsics, np.isfinite(frame.depth)
    y, x = np.nonzero(seen)
    z = frame.depth[seen].astype(float)
    points = np.stack([(x + 0.5 - k.cx) / k.fx * z, (y + 0.5 - k.cy) / k.fy * z, z], axis=1)
    heights = points @ plane.camera.rotation()[:, 2] + 1.5
    assert np.abs(heights / z).max() < 1e-4


def test_what_is_higher_than_opengl_allows_is_drawn_in_bands(renderer, plane):
    height = renderer._context.info["GL_MAX_TEXTURE_SIZE"] + 1000
    window = (0.2, 0.5, 0.6, 0.6 * 16 / height * SIZE[0] / SIZE[1])
    frame = renderer.render(plane, (height, 16), window=window)
    slope, depth = rows_and_depth(frame)
    fall = slope * np.cos(-0.3) - np.sin(-0.3)
    ground = fall > 0.01
    # The median of a row, since so narrow a window leaves OpenGL's numbers too little precision in single pixels.
    assert np.allclose(np.median(depth[ground], axis=1), 1.5 / fall[ground], rtol=1e-3)
    assert ground.sum() > height // 2 and frame.image[ground].std() > 2


@pytest.mark.parametrize("kind", ["garden", "street"])
@pytest.mark.parametrize("samples", [101 * 400 * 4, 202 * 400], ids=["bands of colour", "bands of depth, too"])
def test_bands_do_not_show(renderer, kind, samples, monkeypatch):
    scene, size = build_scene(3, kind), (448, 400)
    whole = renderer.render(scene, size)
    monkeypatch.setattr("patchwrap.scenes.bands.SAMPLES", samples)
    banded = renderer.render(scene, size)
    # A band has its own projection, so that silhouettes round to the other side in a few pixels.
    assert np.isclose(banded.depth, whole.depth, rtol=1e-4).mean() > 0.999
    assert (np.abs(banded.image.astype(int) - whole.image).max(axis=2) <= 1).mean() > 0.999


def test_bands_cover_all_rows_and_keep_the_pattern():
    whole = Band(0, 2160, (2160, 3840))
    parts = list(whole.parts(2, 8192))
    assert [part.shape[0] for part in parts] == [580, 580, 580, 420] and parts[-1].first == 0
    assert list(whole.parts(1, 8192)) == [whole]
    assert parts[1].widened() == Band(2160 - 2 * 580 - 480, 2160 - 580 + 480, whole.size)
    assert all((2160 - part.widened().last) % 20 == 0 for part in parts)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_near_and_far_and_looks_like_something(renderer, kind):
    frames = [renderer.render(build_scene(seed, kind), SIZE) for seed in range(30, 33)]
    finite = [frame.depth[np.isfinite(frame.depth)] for frame in frames]
    assert min(len(depth) for depth in finite) > 0.3 * SIZE[0] * SIZE[1]
    assert min(depth.min() for depth in finite) > 0.05
    assert max(depth.max() / depth.min() for depth in finite) > 3
    assert all(15 < frame.image.mean() < 245 and frame.image.std() > 10 for frame in frames)


def test_the_same_seed_is_the_same_frame_and_another_is_not():
    pictures = []
    for seed in (7, 7, 8):
        with Renderer() as fresh:
            pictures.append(fresh.render(build_scene(seed, "garden"), SIZE))
    assert np.array_equal(pictures[0].image, pictures[1].image)
    assert np.array_equal(pictures[0].depth, pictures[1].depth)
    assert not np.array_equal(pictures[0].depth, pictures[2].depth)


@pytest.mark.parametrize("kind", ["street", "room"])
def test_a_window_is_the_crop_of_the_whole(renderer, kind):
    scene = build_scene(40, kind)
    whole = renderer.render(scene, (144, 192))
    part = renderer.render(scene, SIZE, window=(0.25, 0.5, 0.5, 0.5))
    crop = whole.depth[36:108, 96:192]
    same = np.isclose(crop, part.depth, rtol=1e-4) | (np.isinf(crop) & np.isinf(part.depth))
    # A sample on the very edge of a triangle may fall to either side.
    assert same.mean() > 0.98
    assert part.intrinsics.fx == pytest.approx(whole.intrinsics.fx)
    assert part.intrinsics.cx == pytest.approx(whole.intrinsics.cx - 96)


def test_colours_are_smooth_where_depth_is_not(renderer):
    scene = build_scene(41, "hall")
    one, many = (renderer.render(scene, SIZE, supersample=n) for n in (1, 4))
    assert np.array_equal(one.depth, many.depth)
    assert (
        np.abs(np.diff(many.image.astype(int), axis=1)).mean() < np.abs(np.diff(one.image.astype(int), axis=1)).mean()
    )


def test_a_family_is_recorded_where_it_is_put_and_only_there():
    @family("brick")
    def brick(b, count):
        b.boxes(np.zeros((count, 3)), 0.1, Material.BRICK, [0.5, 0.2, 0.1])

    builder = Builder()
    brick(builder.at([1, 2, 3]), 0)
    assert builder.families == set()
    brick(builder.at([1, 2, 3]).at([0, 0, 1]), 4)
    assert builder.families == {"brick"} and len(builder.parts()[0].tints) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_every_declared_family_appears(kind):
    assert len(FAMILIES[kind]) == len(set(FAMILIES[kind])) >= 12
    missing = set(FAMILIES[kind])
    for seed in range(120):
        missing -= build_scene(seed, kind).families
        if not missing:
            break
    assert not missing


def test_without_a_kind_only_training_kinds_are_drawn_and_the_same_as_ever():
    assert set(TRAINING_KINDS) | {"playground", "workshop"} == set(KINDS)
    assert set(TRAINING_KINDS) == {*PLACES, "still"}
    drawn = [TRAINING_KINDS[np.random.default_rng([seed, 1]).integers(7)] for seed in range(8)]
    assert [build_scene(seed).kind for seed in range(8)] == drawn
    with pytest.raises(ValueError, match="playground"):
        build_scene(0, "moon")


def test_a_still_life_has_no_floor_to_tell_depth_by(renderer):
    """Where a place recedes to its far end, a still life ends before a backdrop a few metres away."""
    far, tops = [], []
    for seed in range(12):
        depth = renderer.render(build_scene(seed, "still"), SIZE).depth
        rows = np.median(depth, axis=1)
        far.append(np.median(rows[: len(rows) // 3]))
        tops.append(rows[0] / rows[-1])
    assert 0.5 < np.median(far) < 3 and max(far) < 8
    assert 1 < np.median(tops) < 4


def test_discs_on_the_ground_do_not_overlap():
    layout, rng = Layout(), np.random.default_rng(0)
    assert layout.claim([0, 0], 1) and not layout.claim([1.5, 0], 1) and layout.claim([2.1, 0], 1)
    found = [layout.find(rng, [-5, 5], [5, -5], 0.5) for _ in range(30)]
    at = np.array([point for point in found if point is not None])
    apart = np.linalg.norm(at[:, None] - at, axis=-1) + 10 * np.eye(len(at))
    assert len(at) > 10 and apart.min() >= 1.0 and np.abs(at[:, :2]).max() <= 5
    assert layout.find(rng, [0, 0], [0.1, 0.1], 0.5) is None


def wall_before(distance):
    builder = Builder()
    builder.boxes([[0.0, distance + 0.5, 1.5]], [20.0, 1.0, 20.0], Material.BRICK, [0.5, 0.2, 0.1])
    return builder.parts()


def test_a_camera_is_blocked_inside_things_close_to_them_and_before_a_bare_wall():
    camera = Camera(position=(0.0, 0.0, 1.5), fov=1.1, near=0.05)
    assert [viewpoint.blockage(camera, wall_before(d)) for d in (-0.5, 0.2, 3.0)] == [1.0, 1.0, 0.6]
    beside = Builder()
    beside.boxes([[0.0, -0.7, 1.5]], [1.0, 1.0, 1.0], Material.BRICK, [0.5, 0.2, 0.1])
    assert viewpoint.crowded(camera, beside.parts())
    assert not viewpoint.crowded(replace(camera, position=(0.0, 0.06, 1.5)), beside.parts())


def test_corners_darken_by_the_fourth_power_of_the_cosine(renderer, plane):
    clear = replace(plane, camera=replace(plane.camera, pitch=1.2, fov=1.4))
    sky = replace(clear.atmosphere, zenith=(0.3,) * 3, horizon=(0.3,) * 3, clouds=0.0, contrast=1.0, snow=0.0)
    dark = replace(clear.lighting, key=(0.0, 0.0, 0.0))
    corner, middle = {}, {}
    for strength in (0.0, 1.0):
        scene = replace(clear, lighting=dark, atmosphere=replace(sky, vignette=strength))
        picture = renderer.render(scene, SIZE).image.astype(float)
        corner[strength], middle[strength] = picture[0, 0].mean(), picture[36, 48].mean()
    assert middle[0.0] == pytest.approx(middle[1.0], abs=1)
    assert corner[0.0] == pytest.approx(middle[0.0], abs=2) and corner[1.0] < 0.8 * middle[1.0]


def test_snow_whitens_what_looks_up(renderer, plane):
    pictures = [
        renderer.render(replace(plane, atmosphere=replace(plane.atmosphere, snow=snow)), SIZE) for snow in (0.0, 1.0)
    ]
    ground = np.isfinite(pictures[0].depth)
    green, white = (np.ptp(frame.image[ground].astype(int), axis=-1).mean() for frame in pictures)
    assert white < 0.5 * green
    assert np.array_equal(pictures[0].depth, pictures[1].depth)


def test_importing_the_package_opens_no_gl():
    code = "import patchwrap.scenes, sys; print('moderngl' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_torch_optimises_in_a_process_that_has_rendered():
    code = """
from patchwrap.scenes import Renderer, build_scene

with Renderer() as renderer:
    renderer.render(build_scene(0, "table"), (16, 24))
import torch

torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # imports triton, whose LLVM and Mesa's may collide
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_command_writes_triples_and_goes_on_where_it_stopped(tmp_path, renderer):
    command = ["scenes", "-o", str(tmp_path), "--count", "2", "--size", "64x48", "--kinds", "table,hall", "-q"]
    assert main(command) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    stems = ["000000_table", "000001_hall"]
    assert names == sorted(stem + ending for stem in stems for ending in (".jpg", ".json", ".npy"))
    about = json.loads((tmp_path / "000001_hall.json").read_text())
    assert (about["width"], about["height"], about["kind"]) == (64, 48, "hall")
    with Image.open(tmp_path / "000000_table.jpg") as picture:
        assert picture.size == (64, 48)
    depth = np.load(tmp_path / "000000_table.npy")
    scene = build_scene(0, "table")
    assert depth.shape == (48, 64) and depth.dtype == np.float32
    frame = renderer.render(scene, (48, 64))
    np.testing.assert_array_equal(depth, frame.depth)
    Image.fromarray(frame.image).save(packed := BytesIO(), "JPEG", quality=95)
    assert (tmp_path / "000000_table.jpg").read_bytes() == packed.getvalue()
    assert about["seed"] == 1 and about["intrinsics"]["cx"] == 32
    assert about["intrinsics"]["fx"] == pytest.approx(32 / np.tan(build_scene(1, "hall").camera.fov / 2))
    before = (tmp_path / "000000_table.npy").stat().st_mtime_ns
    (tmp_path / "000001_hall.json").unlink()
    assert main(command) == 0
    assert (tmp_path / "000001_hall.json").exists()
    assert (tmp_path / "000000_table.npy").stat().st_mtime_ns == before
    assert main([*command[:6], "48x32", *command[7:]]) == 2
    assert main([*command[:6], "48x32", *command[7:], "--overwrite"]) == 0
    assert np.load(tmp_path / "000000_table.npy").shape == (32, 48)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--kinds", "moon"], "street"),
        (["--size", "12"], "WIDTHxHEIGHT"),
        (["--count", "0"], "count"),
        (["--seed", "-5"], "--seed"),
    ],
)
def test_impossible_orders_are_one_line(tmp_path, capsys, option, words):
    assert main(["scenes", "-o", str(tmp_path), *option]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_a_kinds_part_of_the_random_seed_never_changes():
    """Another number would draw other scenes, in the training data and in the held-out set."""
    assert SEED_NUMBERS == {
        **{"street": 0, "garden": 1, "room": 2, "hall": 3, "field": 4, "table": 5},
        **{"playground": 6, "workshop": 7, "still": 8},
    }
    assert set(SEED_NUMBERS) == set(KINDS)
    assert PLACES == ("street", "garden", "room", "hall", "field", "table")
