"""DepthMap: what its numbers become, checked by eye on a handful of pixels."""

import json
import subprocess
import sys

import numpy as np
import pytest
import trimesh
from PIL import Image

from patchwrap import ConventionError, DepthConvention, DepthMap, ImageError, OptionError, OutputError, scratch

NEAR_LEFT = np.array([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]], np.float32)


def make(values=NEAR_LEFT, convention="depth:metric", valid=None, **changes):
    values = np.asarray(values, np.float32)
    valid = np.ones(values.shape, bool) if valid is None else np.asarray(valid)
    coarse = changes.pop("coarse_map", values[:1, :1])
    return DepthMap(values, DepthConvention.parse(convention), valid, coarse, **changes)


def test_a_map_is_printed_in_one_line():
    valid = [[True, True, False], [True, True, False]]

    named = make(valid=valid, options={"coarse": "Flat"})

    assert repr(named) == "DepthMap(3x2 pixels, depth:metric, from Flat, 1 to 2 m)"
    assert repr(make(convention="depth:affine")) == "DepthMap(3x2 pixels, depth:affine, 1 to 4)"
    assert repr(make(valid=np.zeros((2, 3), bool))) == "DepthMap(3x2 pixels, depth:metric, nothing valid)"


def test_coarse_is_brought_to_the_grid_of_values_bilinearly():
    depth = make(np.zeros((2, 4)), coarse_map=np.array([[0, 4]], np.float32))

    assert depth.coarse.tolist() == [[0, 1, 3, 4], [0, 1, 3, 4]]
    assert depth.coarse is depth.coarse


def test_confidence_is_brought_to_the_grid_of_values_bilinearly():
    depth = make(np.zeros((2, 4)), confidence_map=np.array([[0, 1]], np.float32))

    assert depth.confidence.tolist() == [[0, 0.25, 0.75, 1]] * 2
    assert make().confidence is None


def test_confidence_is_saved_with_its_meaning(tmp_path):
    depth = make(confidence_map=np.array([[0, 0.5, 1], [1, 1, 0.2]], np.float32))

    written = depth.save(tmp_path / "a", ["confidence"])

    assert [path.name for path in written] == ["a_confidence.png", "a_depth.json"]
    with Image.open(written[0]) as picture:
        codes = np.asarray(picture)
        assert "code / 255" in picture.text["patchwrap"]
    assert codes.dtype == np.uint8 and codes.tolist() == [[0, 128, 255], [255, 255, 51]]
    sidecar = json.loads(written[1].read_text())
    assert sidecar["confidence"]["formula"] == "confidence = code / 255"
    assert sidecar["files"]["confidence"] == "a_confidence.png"


def test_no_confidence_cannot_be_saved(tmp_path):
    with pytest.raises(OptionError, match="no confidence"):
        make().save(tmp_path / "a", ["npy", "confidence"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ambiguity", ["metric", "scale"])
def test_to_depth_inverts_inverse_depth_and_marks_the_invalid(ambiguity):
    depth = make([[2, 4, 0, -1, 8]], f"inverse_depth:{ambiguity}", [[True, True, True, True, False]])

    np.testing.assert_array_equal(depth.to_depth(), [[0.5, 0.25, np.nan, np.nan, np.nan]])
    assert depth.to_depth().dtype == np.float32


def test_numpy_takes_a_depth_map_for_its_values_with_nan_where_it_is_invalid():
    depth = make([[2, 4, 8]], valid=[[True, False, True]])

    np.testing.assert_array_equal(np.asarray(depth), [[2, np.nan, 8]])
    assert np.asarray(depth).dtype == np.float32 and np.array(depth, np.float64).dtype == np.float64
    assert depth.values.tolist() == [[2, 4, 8]]
    with pytest.raises(OptionError, match=r"copy=False is not possible .* take \.values"):
        depth.__array__(copy=False)  # as numpy 2 asks for it


def test_a_large_depth_map_is_given_to_numpy_without_filling_the_memory(monkeypatch):
    monkeypatch.setattr(scratch, "LIMIT", 8)
    assert isinstance(np.asarray(make()).base, np.memmap)


def test_to_depth_keeps_depth():
    np.testing.assert_array_equal(make().to_depth(), NEAR_LEFT)


@pytest.mark.parametrize("convention", ["inverse_depth:affine", "depth:affine", "height:metric"])
def test_no_distances_follow_from_affine_maps_and_heights(convention):
    with pytest.raises(ConventionError, match=r"use \.values"):
        make(convention=convention).to_depth()
    with pytest.raises(ConventionError):
        make(convention=convention).to_point_cloud()


@pytest.mark.parametrize("colormap", ["Spectral", "turbo", "inferno"])
@pytest.mark.parametrize(
    ("convention", "near_is_left"),
    [
        ("depth:metric", True),
        ("depth:scale", True),
        ("depth:affine", True),
        ("inverse_depth:metric", False),
        ("inverse_depth:affine", False),
        ("height:metric", False),
    ],
)
def test_near_is_warm_whatever_the_convention(convention, near_is_left, colormap):
    picture = make(convention=convention).colorize(colormap).astype(int)

    warmth = picture[0, :, 0] - picture[0, :, 2]
    assert picture.shape == (2, 3, 3)
    assert (warmth[0] > warmth[2]) == near_is_left


def test_colours_are_spread_over_inverse_depth():
    depth = make(np.linspace(1, 10, 1000)[None])
    greys = depth.colorize("gray")[0, :, 0].astype(int)

    # Half of the greys lie between 1 and 1/.55 = 1.8 m, a tenth of the range in metres.
    assert greys[0] == 255 and greys[-1] == 0
    assert abs(greys[round((1 / 0.55 - 1) / 9 * 999)] - 128) < 25


def test_outliers_do_not_take_the_colours():
    values = np.ones((100, 100), np.float32)
    values[:, 50:] = 2
    values[0, 0], values[0, 1] = 1e6, 1e-6
    picture = make(values).colorize("gray")

    assert picture[5, 10, 0] == 255 and picture[5, 90, 0] == 0


def test_invalid_and_non_finite_pixels_are_black_and_do_not_count():
    depth = make([[1, 2, np.nan, np.inf, 1e9]], valid=[[True, True, False, False, False]])
    picture = depth.colorize("gray")

    assert picture[0, :, 0].tolist() == [255, 0, 0, 0, 0]
    assert make(valid=np.zeros((2, 3), bool)).colorize().max() == 0


def test_colorize_names_an_unknown_colour_map():
    with pytest.raises(OptionError, match="no colour map named 'rainbows'"):
        make().colorize("rainbows")


def test_colorize_refuses_what_is_no_name_of_a_colour_map():
    code = """
import numpy as np
from patchwrap import DepthConvention, DepthMap, OptionError
ones = np.ones((2, 3), np.float32)
try:
    DepthMap(ones, DepthConvention.parse("depth:metric"), ones > 0, ones).colorize(None)
except OptionError as error:
    print(error)
"""
    # In another process, since the checks of annotations that these tests run under raise first.
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "a colour map is given by its name, such as 'Spectral', not None" in result.stdout, result.stderr


def test_compare_puts_coarse_left_and_fused_right_in_the_same_colours():
    depth = make(np.array([[1, 2]] * 2), coarse_map=np.array([[2, 1]], np.float32))

    picture = depth.compare("gray")

    assert picture[0, :, 0].tolist() == [0, 255, 255, 0]


def test_points_by_the_pinhole_model():
    # 90 degrees over 2 pixels: focal length 1 pixel, so pixel centres lie half a unit off the axis.
    depth = make([[2, 4], [2, 4]])

    points, colours = depth.to_point_cloud(fov=90.0)

    np.testing.assert_allclose(points, [[-1, -1, 2], [2, -2, 4], [-1, 1, 2], [2, 2, 4]], rtol=1e-6)
    assert points.dtype == np.float32 and colours.dtype == np.uint8 and colours.shape == (4, 3)


def test_points_take_the_photos_colours_and_leave_out_the_invalid():
    photo = np.zeros((16, 16, 3), np.uint8)
    photo[0, 0] = (1, 2, 3)
    valid = np.zeros((16, 16), bool)
    valid[0, 0] = True

    points, colours = make(np.ones((16, 16)), valid=valid).to_point_cloud(photo)

    assert len(points) == 1 and colours.tolist() == [[1, 2, 3]]


def test_a_photo_of_another_size_is_refused():
    with pytest.raises(ImageError, match="20x30 pixels, but the depth map is 16x16"):
        make(np.ones((16, 16))).to_point_cloud(np.zeros((30, 20, 3), np.uint8))


def test_the_field_of_view_is_given_known_or_assumed():
    assert make().horizontal_fov(75.0) == (75, "given")
    assert make(focal=1.5).horizontal_fov() == (pytest.approx(90), "known")
    assert make().horizontal_fov() == (60, "assumed")
    with pytest.raises(OptionError, match="between 0 and 180"):
        make().to_point_cloud(fov=180.0)


@pytest.mark.parametrize("count", [0, -1])
def test_no_fewer_than_one_point_can_be_asked_for(count):
    with pytest.raises(OptionError, match=f"max_points is {count}"):
        make().to_point_cloud(max_points=count)


def test_points_are_thinned_on_a_regular_grid():
    points, _ = make(np.ones((100, 100))).to_point_cloud(fov=90.0, max_points=2500)

    assert len(points) == 2500
    np.testing.assert_allclose(np.diff(points[:50, 0]), 2 / 50, rtol=1e-4)


def test_save_names_files_by_a_stem_and_tells_everything_in_the_sidecar(tmp_path):
    depth = make(focal=1.5, timings={"total": 1.5}, options={"plan": "p16"})

    written = depth.save(tmp_path / "out" / "room.2", ["npy", "png", "color"], save_coarse=True)

    assert [path.name for path in written] == [
        "room.2_depth.png",
        "room.2_depth.npy",
        "room.2_color.jpg",
        "room.2_coarse.npy",
        "room.2_compare.jpg",
        "room.2_depth.json",
    ]
    assert sorted(written) == sorted((tmp_path / "out").iterdir())
    np.testing.assert_array_equal(np.load(written[1]), NEAR_LEFT)
    assert np.load(written[3]).tolist() == [[1]]
    with Image.open(written[4]) as picture:
        assert picture.size == (6, 2)
    sidecar = json.loads(written[-1].read_text())
    assert sidecar["convention"] == "depth:metric" and sidecar["unit"] == "m"
    assert (sidecar["width"], sidecar["height"]) == (3, 2)
    assert (sidecar["minimum"], sidecar["maximum"], sidecar["valid_fraction"]) == (1, 4, 1)
    assert sidecar["camera"]["horizontal_fov"] == pytest.approx(90)
    assert sidecar["camera"]["focal_px"] == pytest.approx(1.5)
    assert sidecar["options"] == {"plan": "p16"} and sidecar["timings"] == {"total": 1.5}
    assert set(sidecar["versions"]) == {"patchwrap", "python", "torch", "numpy"}
    assert sidecar["files"]["npy"] == "room.2_depth.npy"
    codes = np.asarray(Image.open(written[0])).astype(float)
    np.testing.assert_allclose(codes * sidecar["png16"]["scale"] + sidecar["png16"]["offset"], NEAR_LEFT)


def test_the_sidecar_says_how_a_far_sky_is_encoded(tmp_path):
    values = np.array([[1, 1.1, 1000]], np.float32)
    make(values, "depth:scale").save(tmp_path / "a", ["png"])

    png16 = json.loads((tmp_path / "a_depth.json").read_text())["png16"]
    codes = np.asarray(Image.open(tmp_path / "a_depth.png")).astype(float)
    assert png16["formula"] == "value = exp(code * scale + offset)"
    np.testing.assert_allclose(np.exp(codes * png16["scale"] + png16["offset"]), values, rtol=6e-5)


def test_the_sidecar_forgets_the_files_that_a_save_deletes(tmp_path):
    confident = make(confidence_map=np.ones((2, 3), np.float32))
    confident.save(tmp_path / "a", ["npy", "confidence"])
    targets = {"npy": tmp_path / "a_depth.npy", "json": tmp_path / "a_depth.json"}
    make().save_as(targets, without=[tmp_path / "a_confidence.png"])
    assert not (tmp_path / "a_confidence.png").exists()
    assert json.loads(targets["json"].read_text())["earlier"] == []


def test_the_sidecar_says_when_the_field_of_view_was_assumed(tmp_path):
    make().save(tmp_path / "a", ["ply", "glb"])

    sidecar = json.loads((tmp_path / "a_depth.json").read_text())
    assert sidecar["camera"]["source"] == "assumed" and sidecar["camera"]["horizontal_fov"] == 60
    assert sidecar["points"].items() >= {"written": 6, "every_nth_row_and_column": 1}.items()


def test_the_sidecar_says_which_way_the_axes_of_a_point_cloud_point(tmp_path):
    make().save(tmp_path / "a", ["ply", "glb"])

    axes = json.loads((tmp_path / "a_depth.json").read_text())["points"]["axes"]
    ply, glb = (trimesh.load(tmp_path / f"a_points.{kind}").bounds for kind in ("ply", "glb"))
    assert axes["ply"] == "x right, y down, z forward" and ply[1, 2] > ply[0, 2] > 0
    assert axes["glb"] == "x right, y up, z backward" and glb[0, 2] < glb[1, 2] < 0


@pytest.mark.parametrize("name", ["a.npy", "a.png", "a.jpg", "a.tiff", "a.ply", "a.glb"])
def test_save_to_one_named_file(tmp_path, name):
    make().save(str(tmp_path / name))

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "a.json"])


def test_the_sidecar_says_how_large_the_colour_pictures_are(tmp_path):
    make(np.ones((4, 40_000))).save(tmp_path / "a", "color", save_coarse=True)

    sidecar = json.loads((tmp_path / "a_depth.json").read_text())
    assert sidecar["color"] == {"width": 40_000, "height": 4}
    assert sidecar["compare"] == {"width": 65_500, "height": 3}  # half of 80,000: what JPEG knows


def test_an_old_sidecar_does_not_vouch_for_an_interrupted_save(tmp_path, monkeypatch):
    make().save(tmp_path / "a", ["npy", "png"])
    monkeypatch.setattr("patchwrap.depth_files.write_png16", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        make().save(tmp_path / "a", ["npy", "png"])

    sidecar = json.loads((tmp_path / "a_depth.json").read_text())
    assert sidecar["unfinished"] and sidecar["versions"]["patchwrap"] and "options" not in sidecar


def test_save_refuses_the_impossible_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        make().save(tmp_path / "file" / "a")
    with pytest.raises(OptionError, match="'exr' is not one of"):
        make().save(tmp_path / "a", ["exr"])
    for suffix in ("exr", "NPZ", "webp"):
        with pytest.raises(OptionError, match=rf"\.{suffix} files cannot be written"):
            make().save(tmp_path / f"a.{suffix}")
    (tmp_path / "folder").mkdir()
    for folder in (f"{tmp_path}/folder/", f"{tmp_path}/new/", tmp_path / "folder"):
        with pytest.raises(OptionError, match="is a folder; give a name"):
            make().save(folder)
    (tmp_path / "folder").rmdir()
    for nameless in (".", tmp_path / ".."):
        with pytest.raises(OptionError, match="names no file"):
            make().save(nameless)
    with pytest.raises(OptionError, match=r"a\.png' names one file.*without its suffix.*a'"):
        make().save(tmp_path / "a.png", save_coarse=True)
    with pytest.raises(OptionError, match="fov"):
        make().save(tmp_path / "a", ["ply"], fov=200.0)
    with pytest.raises(OptionError, match="no colour map"):
        make().save(tmp_path / "a", ["npy", "color"], colormap="rainbows")
    with pytest.raises(ConventionError):
        make(convention="depth:affine").save(tmp_path / "a", ["npy", "ply"])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_photo_that_does_not_fit_is_refused_before_any_file_is_replaced(tmp_path):
    make().save(tmp_path / "a", ["npy", "png"])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for photo in (np.zeros((9, 9, 3), np.uint8), tmp_path / "none.jpg"):
        with pytest.raises(ImageError):
            make(values=2 * NEAR_LEFT).save(tmp_path / "a", ["npy", "png", "ply"], photo)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_one_format_may_be_a_word(tmp_path):
    written = make().save(tmp_path / "a", "npy")
    assert [path.name for path in written] == ["a_depth.npy", "a_depth.json"]


def test_an_empty_point_cloud_is_still_a_file(tmp_path):
    make(valid=np.zeros((2, 3), bool)).save(tmp_path / "a", ["npy", "png", "color", "ply"])

    assert (tmp_path / "a_points.ply").exists()


@pytest.mark.parametrize("changes", [{"valid": np.zeros((2, 3), bool)}, {"values": -NEAR_LEFT}])
def test_an_empty_glb_is_refused_before_any_file(tmp_path, changes):
    with pytest.raises(OptionError, match="no valid pixel"):
        make(**changes).save(tmp_path / "a", ["npy", "glb"])
    assert not list(tmp_path.iterdir())


def test_memory_limits_change_no_file(tmp_path, monkeypatch):
    draw = np.random.default_rng(0)
    values = draw.uniform(1, 9, (70, 50)).astype(np.float32)
    for folder in ("plain", "limited"):
        depth = make(values, valid=values < 8, coarse_map=values[::7, ::5])
        depth.save(tmp_path / folder / "a", ["npy", "png", "color", "tiff", "ply"], save_coarse=True)
        assert isinstance(depth.to_depth(), np.memmap) == isinstance(depth.coarse, np.memmap) == (folder == "limited")
        monkeypatch.setattr(scratch, "LIMIT", 1000)
        monkeypatch.setattr(scratch, "BAND", 16)

    for path in (tmp_path / "plain").iterdir():
        assert path.read_bytes() == (tmp_path / "limited" / path.name).read_bytes(), path.name


def test_a_memory_mapped_map_is_saved_and_coloured(tmp_path):
    np.save(tmp_path / "m.npy", np.tile(NEAR_LEFT, (300, 1)))
    values = np.load(tmp_path / "m.npy", mmap_mode="r")
    depth = DepthMap(values, DepthConvention("depth", "scale"), np.ones(values.shape, bool), NEAR_LEFT)

    depth.save(tmp_path / "a", ["npy", "color", "tiff"])

    np.testing.assert_array_equal(np.load(tmp_path / "a_depth.npy"), values)
