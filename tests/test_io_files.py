"""Writing: whole files or none, and codes that can be turned back into values."""

import json
import os
import resource
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

from patchwrap import DepthConvention, OutputError
from patchwrap.io import (
    quantize,
    replacing,
    replacing_together,
    write_json,
    write_npy,
    write_picture,
    write_png16,
    write_points,
    write_tiff,
)
from patchwrap.outputs import is_output, named_output, output_paths
from patchwrap.training_state import save_state

VALUES = np.array([[1.0, 2.0], [4.0, 9.0]], np.float32)
METRES, UNITS = DepthConvention("depth", "metric"), DepthConvention("depth", "scale")
VALID = np.array([[True, True], [True, False]])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_interrupted_file_leaves_the_old_one_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    with pytest.raises(error), replacing(path) as stream:
        stream.write(b"half")
        raise error

    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    with replacing(tmp_path / "deep" / "a.txt") as stream:
        stream.write(b"new")
        assert not (tmp_path / "deep" / "a.txt").exists()

    assert (tmp_path / "deep" / "a.txt").read_text() == "new"
    assert names(tmp_path / "deep") == ["a.txt"]


def test_files_that_belong_together_appear_together_or_not_at_all(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing_together(tmp_path) as folder:
        (folder / "a.txt").write_text("new")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "old"

    with replacing_together(tmp_path) as folder:
        for name in ("a.txt", "b.txt"):
            (folder / name).write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt", "b.txt"] and (tmp_path / "a.txt").read_text() == "new"

    with pytest.raises(OutputError, match="cannot write to"), replacing_together(tmp_path / "a.txt"):
        pass


def test_the_longest_file_name_can_be_written(tmp_path):
    with replacing(tmp_path / ("x" * 255)) as stream:
        stream.write(b"new")

    assert names(tmp_path) == ["x" * 255]


@contextmanager
def no_file_above(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_npy(path, np.zeros((1000, 1000), np.float32)),
        lambda path: save_state(path, "a training", {"weights": torch.zeros(1000, 1000)}),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, write):
    with no_file_above(100_000), pytest.raises(OutputError, match=r"cannot write .*a\.npy.*too large") as caught:
        write(tmp_path / "a.npy")

    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


NOISE = np.random.default_rng(0).random((64, 64), np.float32)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.jpg", lambda path: write_picture(path, np.uint8(255 * np.dstack([NOISE] * 3)))),
        ("a.png", lambda path: write_picture(path, np.uint8(255 * np.dstack([NOISE] * 3)))),
        ("a.tiff", lambda path: write_tiff(path, NOISE, NOISE >= 0)),
    ],
)
def test_a_disk_full_but_for_the_last_bytes_leaves_the_old_picture(tmp_path, name, write):
    write(tmp_path / name)
    whole = (tmp_path / name).read_bytes()

    for lacking in (1, 100, 2000):
        with no_file_above(len(whole) - lacking), pytest.raises(OutputError, match=r"cannot write .*too large"):
            write(tmp_path / name)
        assert (tmp_path / name).read_bytes() == whole
    assert names(tmp_path) == [name]


def test_a_folder_in_the_way_or_a_file_for_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    for path in (tmp_path / "folder", tmp_path / "file" / "a.npy"):
        with pytest.raises(OutputError, match="cannot write"):
            write_npy(path, VALUES)
    assert names(tmp_path) == ["file", "folder"]


def test_npy_and_tiff_hold_nan_where_invalid(tmp_path):
    write_npy(tmp_path / "a.npy", VALUES, VALID)
    write_tiff(tmp_path / "a.tiff", VALUES, VALID)

    for array in (np.load(tmp_path / "a.npy"), np.asarray(Image.open(tmp_path / "a.tiff"))):
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, [[1, 2], [4, np.nan]])


def test_npy_is_written_whole_beyond_one_band(tmp_path):
    values = np.arange(700 * 3, dtype=np.float32).reshape(700, 3)
    write_npy(tmp_path / "a.npy", values[::-1])

    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), values[::-1])


def test_metres_become_millimetres():
    scale = quantize(VALUES, VALID, METRES)

    assert scale.scale == 0.001 and scale.offset == 0
    assert scale.encode(VALUES, VALID).tolist() == [[1000, 2000], [4000, 0]]


def test_a_valid_pixel_never_gets_the_code_of_invalid_ones():
    values = np.zeros((1, 2), np.float32)

    assert quantize(values, values == 0, METRES).encode(values, values == 0).tolist() == [[1, 1]]


@pytest.mark.parametrize("convention", ["depth:scale", "inverse_depth:metric", "depth:metric", "depth:affine"])
def test_other_values_are_spread_over_all_codes(convention):
    values = VALUES * 100  # 100 to 400 m do not fit into millimetres
    scale = quantize(values, VALID, DepthConvention.parse(convention))
    codes = scale.encode(values, VALID)

    assert codes.tolist() == [[1, 21846], [65535, 0]]
    assert (scale.minimum, scale.maximum) == (100, 400)
    np.testing.assert_allclose((codes * scale.scale + scale.offset)[VALID], values[VALID], atol=scale.scale / 2)


def decoded(codes, note):
    """What the note's own formula makes of the codes."""
    value = note["formula"].removeprefix("value = ")
    return eval(value, {"exp": np.exp}, {"code": codes.astype(float), **note})


@pytest.mark.parametrize("convention", [METRES, UNITS])
def test_a_far_sky_leaves_codes_for_what_is_near(tmp_path, convention):
    near = np.linspace(0.5, 0.6, 1000)
    values = np.concatenate([near, near * 10, [1000]]).astype(np.float32)[None]
    valid = values > 0
    write_png16(tmp_path / "a.png", values, valid, quantize(values, valid, convention), {})

    with Image.open(tmp_path / "a.png") as picture:
        note, codes = json.loads(picture.text["patchwrap"]), np.asarray(picture)
    assert note["formula"] == "value = exp(code * scale + offset)"
    assert codes.min() == 1 and codes.max() == 65535 and len(np.unique(codes[:, :1000])) > 900
    # Half a step is the same part of every depth.
    np.testing.assert_allclose(decoded(codes, note), values, rtol=0.51 * np.log(2000) / 65534)


@pytest.mark.parametrize(
    ("convention", "values"),
    [
        ("inverse_depth:metric", [0.001, 2]),
        ("depth:affine", [0.1, 1000]),
        ("height:metric", [0.1, 100]),
        ("depth:scale", [0, 1000]),
        ("depth:scale", [-1, 1000]),
        ("depth:metric", [0.01, 60]),
        ("depth:metric", [10, 900]),
    ],
)
def test_codes_are_linear_where_ratios_say_nothing_or_are_small(convention, values):
    values = np.array([values], np.float32)
    scale = quantize(values, values > -2, DepthConvention.parse(convention))
    codes = scale.encode(values, values > -2)
    assert scale.formula == "value = code * scale + offset"
    np.testing.assert_allclose(decoded(codes, vars(scale)), values, atol=scale.scale)


def test_constant_and_wholly_invalid_maps_are_encoded():
    values = np.full((2, 2), 3, np.float32)
    constant = quantize(values, values > 0, UNITS)

    assert (constant.encode(values, values > 0) * constant.scale + constant.offset).tolist() == [
        [3, 3],
        [3, 3],
    ]
    assert quantize(values, values < 0, UNITS).encode(values, values < 0).max() == 0


def test_a_png_tells_in_a_text_chunk_what_its_codes_mean(tmp_path):
    write_png16(tmp_path / "a.png", VALUES, VALID, quantize(VALUES, VALID, UNITS), {"convention": "depth:scale"})

    with Image.open(tmp_path / "a.png") as picture:
        note = json.loads(picture.text["patchwrap"])
        codes = np.asarray(picture).astype(float)
    assert codes[1, 1] == note["invalid"] == 0
    np.testing.assert_allclose((codes * note["scale"] + note["offset"])[VALID], [1, 2, 4], atol=1e-4)
    assert note["convention"] == "depth:scale" and note["unit"] is None


def test_a_picture_beyond_what_jpeg_knows_is_scaled_down(tmp_path):
    write_picture(tmp_path / "a.jpg", np.zeros((40, 131_000, 3), np.uint8))

    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.size == (65_500, 20)


def test_ply_keeps_the_cameras_axes_and_srgb_and_glb_is_upright_and_linear(tmp_path):
    import trimesh

    points, colours = np.array([[1, 2, 3]], np.float32), np.array([[9, 128, 255]], np.uint8)
    # glTF's colours are linear: 9 / 255 / 12.92 and ((128 / 255 + 0.055) / 1.055) ** 2.4, times 255.
    for kind, expected, stored in [("ply", [1, 2, 3], [9, 128, 255]), ("glb", [1, -2, -3], [1, 55, 255])]:
        write_points(tmp_path / f"a.{kind}", points, colours, kind)
        cloud = trimesh.load(tmp_path / f"a.{kind}", force="scene").to_geometry()
        np.testing.assert_array_equal(cloud.vertices, [expected])
        assert cloud.colors[0, :3].tolist() == stored


def test_json_has_no_word_for_nan_and_keeps_unicode(tmp_path):
    write_json(tmp_path / "a.json", {"ü": float("nan"), "n": [np.float32(1.5), np.int64(2)], "p": tmp_path})

    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"ü": None, "n": [1.5, 2], "p": str(tmp_path)}
    assert "ü" in text


def test_json_takes_file_names_that_are_no_utf_8(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    write_json(tmp_path / "a.json", {"image": name, name: "ü"})

    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"image": name, name: "ü"}


def test_output_names(tmp_path):
    paths = output_paths(tmp_path / "IMG.2024", ["color", "npy"], save_coarse=True)

    assert [path.name for path in paths.values()] == [
        "IMG.2024_depth.npy",
        "IMG.2024_color.jpg",
        "IMG.2024_coarse.npy",
        "IMG.2024_compare.jpg",
        "IMG.2024_depth.json",
    ]
    assert named_output(tmp_path / "IMG.2024") is None
    assert list(named_output(tmp_path / "a.TIF")) == ["tiff", "json"]


def test_a_file_is_an_output_only_beside_its_sidecar(tmp_path):
    assert not is_output(tmp_path / "room_depth.npy")
    (tmp_path / "room_depth.json").write_text('{"sensor": "kinect"}')
    assert not is_output(tmp_path / "room_depth.npy"), "it is another tool's"
    (tmp_path / "room_depth.json").write_text('{"versions": {"patchwrap": "1"}, "files": {"npy": "room_depth.npy"}}')
    assert is_output(tmp_path / "room_depth.npy")
    assert not is_output(tmp_path / "room.npy")
    assert not is_output(tmp_path / "room_color.jpg"), "its sidecar names no picture"
