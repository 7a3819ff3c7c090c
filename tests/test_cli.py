"""The command line: what it writes, what it says and how it ends."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import patchwrap
from patchwrap.cli import main
from patchwrap.cli.output_checks import check_folder
from patchwrap.cli.report import Reporter, explain
from patchwrap.datasets import Pairs
from patchwrap.datasets.heldout import COUNT, SIZE
from patchwrap.errors import OutputError
from patchwrap.io import read_image

ALL_ENDINGS = (
    *("depth.npy", "depth.png", "color.jpg", "depth.tiff", "points.ply", "points.glb", "confidence.png"),
    *("coarse.npy", "compare.jpg", "depth.json"),
)
ROOT = Path(patchwrap.__file__).parents[1]


@pytest.fixture
def photos(ramp, tmp_path, monkeypatch):
    """A folder with two pictures and a sub-folder with a third; the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, grey in {"in/a.png": 50, "in/b.jpg": 100, "in/sub folder/ü.png": 150}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (grey,) * 3).save(path)
    return tmp_path


def predict(*arguments, backend="ramp", out="out"):
    return main(["predict", "-o", str(out), "--backend", backend, "--plan", "2x2", *map(str, arguments)])


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def written_at(name):
    return Path("out", name).stat().st_mtime_ns


def one_line(capsys):
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_folder_is_done_with_its_sub_folders_mirrored(photos, capsys):
    assert predict("in") == 0

    assert files("out") == sorted(
        f"{stem}_{ending}"
        for stem in ("a", "b", "sub folder/ü")
        for ending in ("depth.npy", "depth.png", "color.jpg", "depth.json")
    )
    depth = np.load("out/a_depth.npy")
    assert depth.shape == (48, 64) and depth.dtype == np.float32
    assert depth[2, 30] > depth[40, 30]
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 3 and captured.out == ""


def test_the_sidecar_tells_how_it_was_made(photos):
    assert predict("in/a.png", "--fuser", "blend", "--seed", "7", "--fov", "70") == 0

    sidecar = json.loads(Path("out/a_depth.json").read_text())
    assert sidecar["convention"] == "depth:scale" and sidecar["unit"] is None
    assert sidecar["image"] == "in/a.png"
    options = sidecar["options"]
    assert (options["backend"], options["plan"], options["fuser"], options["seed"]) == (
        "ramp",
        "2x2",
        "blend",
        7,
    )
    assert sidecar["camera"]["horizontal_fov"] == pytest.approx(70) and "decode" in sidecar["timings"]


def test_every_format_and_the_coarse_map(photos):
    assert predict("in/a.png", "--format", "npy,png,color,tiff,ply,glb,confidence", "--save-coarse") == 0

    assert files("out") == sorted(f"a_{ending}" for ending in ALL_ENDINGS)


def test_options_reach_the_backend_they_are_for(photos, tuned):
    assert predict("in/a.png", "--convention", "depth:metric", "--backend-option", "gain=3", backend="tuned") == 0
    assert predict("in/a.png", "--coarse", "tuned", "--coarse-option", "gain=2", out="other") == 0
    assert predict("in/a.png", "--coarse", "tuned", "--coarse-convention", "depth:metric", out="third") == 0

    own, other, third = (json.loads(Path(out, "a_depth.json").read_text()) for out in ("out", "other", "third"))
    assert third["convention"] == "depth:metric"
    assert third["options"]["coarse_options"] == {"convention": "depth:metric"}
    assert own["convention"] == "depth:metric" and other["convention"] == "depth:scale"
    assert own["options"]["backend_options"] == {"convention": "depth:metric", "gain": 3}
    assert other["options"]["coarse_options"] == {"gain": 2} and "backend_options" not in other["options"]
    assert np.load("out/a_depth.npy").mean() == pytest.approx(1.5 * np.load("other/a_depth.npy").mean(), rel=1e-3)


def test_skip_existing_notices_other_options_of_a_backend(photos, tuned, capsys):
    for gain in (2, 2, 3):
        assert predict("in/a.png", "--skip-existing", "--backend-option", f"gain={gain}", backend="tuned") == 0
    err = capsys.readouterr().err
    assert err.count("skipped") == 1 and "other options" in err


def test_a_backend_without_a_convention_lists_its_checkpoints(install, tuned_source, capsys):
    checkpoint = "checkpoints=[Checkpoint('small', 'org/small-hf', 'depth:metric', 'BSD-2-Clause')])"
    source = tuned_source.replace("import ", "import hookspecs, ", 1).replace('told")', f'told", {checkpoint}')
    install("tuned", source.replace("Checkpoint(", "hookspecs.Checkpoint("))

    assert main(["backends"]) == 0
    _, backend, line = capsys.readouterr().out.splitlines()
    assert backend.split()[:2] == ["tuned", "-"]
    assert line.split() == ["tuned=small", "depth:metric", "BSD-2-Clause", "dist-tuned", "1.2", "org/small-hf"]

    assert main(["backends", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["convention"] is None
    assert row["checkpoints"] == [
        {"name": "small", "source": "org/small-hf", "convention": "depth:metric", "licence": "BSD-2-Clause"}
    ]


def test_no_tiles_is_the_coarse_map(photos):
    assert predict("in/a.png", "--no-tiles", "--save-coarse") == 0

    np.testing.assert_allclose(np.load("out/a_depth.npy"), np.load("out/a_coarse.npy"), atol=1e-5)


def test_a_quoted_glob_mirrors_below_its_fixed_part(photos):
    assert predict("in/**/*.png", "--format", "npy") == 0

    assert files("out") == [
        "a_depth.json",
        "a_depth.npy",
        "sub folder/ü_depth.json",
        "sub folder/ü_depth.npy",
    ]


def test_pictures_that_differ_by_suffix_only_keep_it(photos):
    Image.new("RGB", (64, 48)).save("in/a.jpg")

    assert predict("in/a.jpg", "in/a.png", "in/a.png", "--format", "npy") == 0

    assert files("out") == [f"a.{s}_depth.{k}" for s in ("jpg", "png") for k in ("json", "npy")]


@pytest.mark.parametrize("inputs", [["in"], ["in/*.png"], ["in/Alias.png", "in/a.png"]])
def test_a_linked_picture_is_done_once_under_its_own_name(photos, inputs):
    Path("in/Alias.png").symlink_to("a.png")

    assert predict(*inputs, "--format", "npy") == 0
    assert "a_depth.npy" in files("out") and "Alias_depth.npy" not in files("out")


def test_suffixes_are_kept_until_all_names_differ(photos):
    for name in ("a.jpg", "a.jpg.jpg"):
        Image.new("RGB", (64, 48)).save(f"in/{name}")

    assert predict("in/*", "--format", "npy") == 0
    assert [name for name in files("out") if name.endswith(".npy")] == [
        f"{stem}_depth.npy" for stem in ("a.jpg.jpg", "a.jpg", "a.png", "b")
    ]


def test_pictures_that_would_overwrite_each_other_are_refused(photos, capsys):
    Image.new("RGB", (64, 48)).save("a.png")

    assert predict("a.png", "in/a.png") == 2
    assert "'a.png' and 'in/a.png' would both" in one_line(capsys)
    assert not Path("out").exists()


def test_outputs_of_an_earlier_run_are_no_inputs(photos, capsys):
    assert predict("in", out="in") == 0
    assert predict("in", "--skip-existing", out="in") == 0
    assert predict("in", "--skip-existing", out="in/deeper") == 0
    assert predict("in", "--skip-existing", "--format", "npy,png", out="in/deeper") == 0

    assert not [name for name in files("in") if name.count("_depth") > 1 or "color_depth" in name]


def test_results_alone_are_a_usage_error(photos, capsys):
    assert predict("in", "-q", out="r") == 0
    assert predict("r/a_color.jpg", "r/b_color.jpg") == 2
    assert capsys.readouterr().err.splitlines()[:2] == [
        f"error: r/{name}_color.jpg: result of an earlier run; give the photo" for name in "ab"
    ]
    assert not Path("out").exists()
    assert predict("r/a_color.jpg", "in/a.png", "-q") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["_color.jpg", "_depth.png"])
def test_a_photo_named_like_an_ending_is_predicted(photos, name):
    Image.new("RGB", (64, 48)).save(f"in/{name}")
    assert predict("in", "--format", "npy") == 0
    assert f"{Path(name).stem}_depth.npy" in files("out")


def test_hidden_files_and_other_kinds_are_not_searched(photos):
    Path("in/notes.txt").write_text("x")
    Path("in/._a.png").write_text("x")
    Path("in/.hidden").mkdir()
    Path("in/.hidden/x.png").write_text("x")

    assert predict("in", "--format", "npy") == 0
    assert len(files("out")) == 6


def test_photos_that_cannot_be_read_are_counted(photos, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for name in ("x.heic", "y.HEIC", "sub folder/z.dng", ".hidden.dng"):
        Path("in", name).write_text("x")

    assert predict("in", "--format", "npy") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "3 files left out: 1 .dng, 2 .heic; convert to JPEG, PNG or TIFF first, "
        'or pip install "patchwrap[heic]" for HEIC'
    )
    assert len(lines) == 4
    assert predict("in", "--format", "npy", "-q", "--overwrite") == 0
    assert capsys.readouterr().err == ""


def test_jpegs_by_other_names_are_searched(photos):
    Image.new("RGB", (64, 48)).save("in/c.jfif", "JPEG")
    Image.new("RGB", (64, 48)).save("in/d.mpo", save_all=True, append_images=[Image.new("RGB", (64, 48))])

    assert predict("in", "--format", "npy") == 0
    assert {"c_depth.npy", "d_depth.npy"} <= set(files("out"))


def test_existing_files_stop_everything_before_computing(photos, capsys):
    Path("out").mkdir()
    Path("out/b_depth.npy").write_text("mine")

    assert predict("in") == 2

    line = one_line(capsys)
    assert "--skip-existing" in line and "--overwrite" in line and "b_depth.npy" in line
    assert files("out") == ["b_depth.npy"] and Path("out/b_depth.npy").read_text() == "mine"


def test_what_a_stopped_run_wrote_beside_its_photo_is_no_photo(photos, capsys):
    assert main(["predict", "-o", "in", "--backend", "ramp", "--plan", "2x2", "in"]) == 0
    Path("in/a_depth.json").unlink()
    Path("in/b_depth.json").unlink()
    capsys.readouterr()
    assert main(["predict", "-o", "in", "--backend", "ramp", "--plan", "2x2", "--overwrite", "in"]) == 0
    assert not any("_depth_" in name or "_color_" in name for name in files("in"))


@pytest.mark.parametrize("inputs", [["in"], ["in/*.*"], ["in/a.png", "in/a_depth.png", "in/B.JPG", "in/B_depth.png"]])
def test_a_stopped_run_beside_its_photos_is_resumed(photos, inputs):
    Path("in/b.jpg").rename("in/B.JPG")
    assert predict("in/a.png", "in/B.JPG", "--format", "png", out="in") == 0
    Path("in/a_depth.json").unlink()
    Path("in/B_depth.json").unlink()

    assert predict(*inputs, "--format", "png", "--skip-existing", out="in") == 0
    assert [name for name in files("in") if "/" not in name] == [
        *("B.JPG", "B_depth.json", "B_depth.png", "a.png", "a_depth.json", "a_depth.png")
    ]


def test_skip_existing_does_what_is_missing_and_overwrite_everything(photos, capsys):
    predict("in")
    Path("out/a_depth.json").unlink()
    before = {name: written_at(name) for name in files("out")}

    assert predict("in", "--skip-existing") == 0
    changed = {name for name, when in before.items() if written_at(name) != when}
    assert changed == {"a_depth.npy", "a_depth.png", "a_color.jpg"} and Path("out/a_depth.json").exists()

    assert predict("in", "--skip-existing", "--format", "npy,tiff") == 0
    assert Path("out/b_depth.tiff").exists()

    capsys.readouterr()
    assert predict("in", "--overwrite") == 0
    assert "skipped" not in capsys.readouterr().err


def test_what_is_not_ours_is_not_replaced_unless_told(photos, capsys):
    """A folder to train on: the depth beside a photo has the name that its prediction would have."""
    truth = Image.fromarray(np.full((48, 64), 2000, np.uint16))
    truth.save("in/a_depth.png")
    capsys.readouterr()
    assert predict("in", "--skip-existing", out="in") == 2
    assert "is not patchwrap's" in one_line(capsys)
    assert (np.asarray(Image.open("in/a_depth.png")) == 2000).all() and files("in") == sorted(
        ["a.png", "a_depth.png", "b.jpg", "sub folder/ü.png"]
    )
    assert predict("in", "--overwrite", out="in") == 0
    assert len(np.unique(Image.open("in/a_depth.png"))) > 1


def test_true_depth_stays_what_it_is_beside_a_sidecar(photos, capsys):
    Image.fromarray(np.full((48, 64), 2000, np.uint16)).save("in/a_depth.png")
    assert predict("in/a.png", "--format", "npy", out="in") == 0
    assert [entry.depth for entry in Pairs("in").entries if entry.name == "a"] == [Path("in/a_depth.png")]
    capsys.readouterr()
    assert predict("in/a.png", "--skip-existing", "--format", "npy,png", out="in") == 2
    assert "'in/a_depth.png' exists and is not patchwrap's" in one_line(capsys)
    assert (np.asarray(Image.open("in/a_depth.png")) == 2000).all()


def test_true_depth_that_takes_the_place_of_a_result_is_true(photos, capsys):
    assert predict("in/a.png", "--format", "npy,png", out="in") == 0
    Image.fromarray(np.full((48, 64), 2000, np.uint16)).save("in/a_depth.png")
    assert [entry.depth for entry in Pairs("in").entries if entry.name == "a"] == [Path("in/a_depth.png")]
    capsys.readouterr()
    assert predict("in/a.png", "--skip-existing", "--format", "npy,png", "--seed", "3", out="in") == 2
    assert "'in/a_depth.png' exists and is not patchwrap's" in one_line(capsys)


@pytest.mark.parametrize("formats", ["npy,png", "npy"])
def test_an_array_that_is_not_ours_is_not_replaced_either(photos, capsys, formats):
    np.save("in/a_depth.npy", np.full((48, 64), 2.0))
    assert predict("in", "--skip-existing", "--format", formats, out="in") == 2
    assert "'in/a_depth.npy' exists and is not patchwrap's" in one_line(capsys)
    assert (np.load("in/a_depth.npy") == 2).all() and "a_depth.png" not in files("in")


def test_an_array_that_no_run_wrote_is_not_replaced_beside_results(photos, capsys):
    np.save("in/a_depth.npy", np.full((48, 64), 2.0))
    assert predict("in/a.png", "--format", "png", out="in") == 0
    capsys.readouterr()
    assert predict("in/a.png", "--skip-existing", "--format", "npy,png", out="in") == 2
    assert "'in/a_depth.npy' exists and is not patchwrap's" in one_line(capsys)
    assert (np.load("in/a_depth.npy") == 2).all()


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"versions": {"other": "1"}}', '{"versions": null}'])
def test_the_sidecar_of_another_tool_does_not_make_an_array_ours(photos, capsys, content):
    np.save("in/a_depth.npy", np.full((48, 64), 2.0))
    Path("in/a_depth.json").write_text(content)
    assert predict("in", "--skip-existing", "--format", "npy", out="in") == 2
    assert "exists and is not patchwrap's" in one_line(capsys)
    assert (np.load("in/a_depth.npy") == 2).all() and Path("in/a_depth.json").read_text() == content


def test_the_sidecar_of_another_tool_makes_no_photo_a_result(photos):
    Path("in/b.jpg").rename("in/sunset_color.jpg")
    Path("in/sunset_depth.json").write_text('{"sensor": "kinect"}')
    assert predict("in", "--format", "npy") == 0
    assert "sunset_color_depth.npy" in files("out")


@pytest.mark.parametrize("formats", ["npy", "tiff"])
def test_a_photo_with_a_results_name_is_none_if_the_sidecar_tells_of_no_such_result(photos, formats):
    Path("in/b.jpg").rename("in/a_color.jpg")
    assert predict("in/a.png", "--format", formats, out="in") == 0
    assert "a_color" in [entry.name for entry in Pairs("in").entries]
    assert predict("in", "--format", "npy") == 0
    assert {"a_depth.npy", "a_color_depth.npy"} <= set(files("out"))


def test_results_that_are_renamed_with_their_photo_are_made_again(photos, capsys):
    assert predict("in/a.png", out="in") == 0
    for name in [name for name in files("in") if name.startswith("a")]:
        Path("in", name).rename(f"in/c{name[1:]}")
    assert predict("in", "--skip-existing", out="in") == 0
    assert "in/c_depth.json" in capsys.readouterr().err
    assert json.loads(Path("in/c_depth.json").read_text())["image"] == "in/c.png"
    assert not any("_depth_" in name or "_color_" in name for name in files("in"))


def test_a_link_to_itself_is_a_picture_that_cannot_be_read(photos, capsys):
    Path("in/loop.jpg").symlink_to("loop.jpg")
    assert predict("in/loop.jpg") == 2
    assert capsys.readouterr().err.splitlines()[0].startswith("error: in/loop.jpg: does not exist")


def test_a_name_that_is_too_long_does_not_stop_the_others(photos, capsys):
    too_long = "in/" + "y" * 251 + ".png"  # its outputs' names would be
    Image.new("RGB", (64, 48)).save(too_long)
    for how in ("--overwrite", "--skip-existing"):
        assert predict("in/a.png", "x" * 300, too_long, "--format", "npy", how) == 1
        assert capsys.readouterr().err.splitlines()[-1] == "2 of 3 images failed"
    assert files("out") == ["a_depth.json", "a_depth.npy"]


def test_an_output_folder_that_cannot_be_looked_at_is_refused(monkeypatch):
    error = PermissionError(13, "Permission denied")
    monkeypatch.setattr(Path, "exists", lambda path: (_ for _ in ()).throw(error))
    with pytest.raises(OutputError, match=r"^-o 'out' cannot be used: Permission denied$"):
        check_folder(Path("out"))


@pytest.mark.parametrize("pattern", ["in/**/*.png", "in/**", "**/*.png", "**/*ü*/**/**"])
def test_a_glob_follows_no_links_in_circles(photos, pattern):
    for name in ("in/one", "in/two", "in/sub folder/three"):
        Path(name).symlink_to(Path("in").absolute())
    Path("in/ü").mkdir()
    Path("in/a.png").rename("in/ü/a.png")
    assert predict(pattern, "--format", "npy") == 0
    assert {name.split("/")[-1] for name in files("out")} >= {"a_depth.npy"}


def test_a_linked_folder_that_is_named_is_searched(photos):
    Path("link").symlink_to("in")
    assert predict("l*/**/*.png", "--format", "npy") == 0
    assert len([name for name in files("out") if name.endswith(".npy")]) == 2


@pytest.mark.parametrize("source", ["in", "in/**/*.*"])
def test_a_folder_that_cannot_be_read_is_told_once(photos, capsys, monkeypatch, source):
    look = os.scandir

    def refuse(folder):
        if "sub folder" in os.fspath(folder):
            raise PermissionError(13, "Permission denied", os.fspath(folder))
        return look(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert predict(source, "--format", "npy", "-q") == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: in/sub folder: cannot be read: Permission denied",
        "1 of 3 images failed",
    ]
    assert {"a_depth.npy", "b_depth.npy"} <= set(files("out"))


def test_a_picture_to_predict_is_never_written_over(photos, capsys):
    Image.new("RGB", (64, 48)).save("in/a_color.jpg")
    for how in ("--skip-existing", "--overwrite"):
        assert predict("in", how, out="in") == 2
        assert "'in/a_color.jpg' is to be predicted, and would be written for 'in/a.png'" in one_line(capsys)


def test_results_that_a_shell_names_beside_their_pictures_are_no_pictures(photos):
    Image.new("RGB", (64, 48), (30,) * 3).save("in/b.png")
    names = ["in/a.png", "in/b.jpg", "in/b.png"]
    assert predict(*names, out="in") == 0
    first = files("in")
    assert "b.jpg_color.jpg" in first
    shell = [f"in/{name}" for name in first if name.endswith((".jpg", ".png")) and "/" not in name]
    assert predict(*shell, "--skip-existing", out="in") == 0
    assert files("in") == first
    Path("in/b.jpg_depth.json").unlink()
    assert predict("in", "--overwrite", out="in") == 0
    assert not any("_depth.png_" in name or "_color.jpg_" in name for name in files("in"))


def test_the_output_folder_may_contain_the_input_folder(photos):
    assert predict("in", out=".") == 0
    assert Path("a_depth.npy").exists() and Path("sub folder/ü_depth.npy").exists()


def test_options_that_are_left_out_again_count(photos, tuned, capsys):
    options = {"backend": "tuned"}
    predict("in/a.png", "--convention", "depth:metric", "--backend-option", "gain=3", **options)
    before = np.load("out/a_depth.npy")
    assert predict("in/a.png", "--convention", "depth:metric", "--skip-existing", **options) == 0
    assert not np.allclose(np.load("out/a_depth.npy"), before)


def test_files_of_another_run_are_made_again(photos, capsys):
    predict("in/a.png", "--format", "npy", "--no-tiles")
    assert predict("in/a.png", "--format", "png", "--overwrite") == 0
    old = np.load("out/a_depth.npy")
    capsys.readouterr()
    assert predict("in/a.png", "--format", "npy,png", "--skip-existing", "-v") == 0
    assert "a_depth.npy is from another run" in capsys.readouterr().err
    assert not np.array_equal(np.load("out/a_depth.npy"), old)


@pytest.mark.parametrize("other", ["more/a.jpg", "more/a.png"])
def test_results_of_another_picture_are_made_again(photos, capsys, other):
    Path("more").mkdir()
    Image.new("RGB", (32, 24)).save(other)
    os.utime(other, (0, 0))
    predict("in/a.png", "--format", "npy")
    capsys.readouterr()

    assert predict("more", "--format", "npy", "--skip-existing", "-v") == 0
    assert f"{other}: is of another picture, 'in/a.png'" in capsys.readouterr().err.splitlines()
    assert np.load("out/a_depth.npy").shape == (24, 32)


@pytest.mark.parametrize("age", [-10, 10])
def test_results_of_a_picture_that_was_replaced_are_made_again(photos, capsys, age):
    predict("in", "--format", "npy")
    Image.new("RGB", (32, 24)).save("in/a.png")
    when = Path("out/a_depth.json").stat().st_mtime + age
    os.utime("in/a.png", (when, when))
    capsys.readouterr()

    assert predict("in", "--format", "npy", "--skip-existing", "-v") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("warning: 1 of the existing results") and lines[1] == "in/a.png: the picture has changed"
    assert np.load("out/a_depth.npy").shape == (24, 32) and sum("skipped" in line for line in lines) == 2


def test_a_picture_that_is_replaced_while_it_is_read_is_made_again(photos, capsys, monkeypatch):
    def read(source):
        photo = read_image(source)
        Image.new("RGB", (80, 60)).save(source)
        return photo

    with monkeypatch.context() as patch:
        patch.setattr("patchwrap.io.read_image", read)
        assert predict("in/a.png", "--format", "npy") == 0
    assert predict("in/a.png", "--format", "npy", "--skip-existing", "-v") == 0
    assert "in/a.png: the picture has changed" in capsys.readouterr().err
    assert np.load("out/a_depth.npy").shape == (60, 80)


def test_a_sidecar_without_the_photos_size_and_time_is_compared_by_age(photos, capsys):
    predict("in/a.png", "in/b.jpg", "--format", "npy")
    for name in ("a", "b"):
        path = Path(f"out/{name}_depth.json")
        sidecar = json.loads(path.read_text())
        del sidecar["options"]["file"]
        path.write_text(json.dumps(sidecar))
    later = path.stat().st_mtime + 10
    os.utime("in/a.png", (later, later))
    capsys.readouterr()

    assert predict("in/a.png", "in/b.jpg", "--format", "npy", "--skip-existing", "-v") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "in/a.png: the picture is newer" and sum("skipped" in line for line in lines) == 1


def test_the_same_picture_under_another_path_is_skipped(photos, capsys):
    predict("in", "--format", "npy")
    capsys.readouterr()
    assert predict(Path("in").absolute(), "--format", "npy", "--skip-existing") == 0
    assert capsys.readouterr().err.count("skipped") == 3


def test_nothing_left_to_do_loads_no_backend(photos, monkeypatch):
    predict("in")
    monkeypatch.setattr("patchwrap.cli.predict._build_engine", lambda *_: pytest.fail("loaded"))

    assert predict("in", "--skip-existing") == 0


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (["--fuser", "blend"], "fuser 'auto', now 'blend'"),
        (["--detail", "0.25"], "detail None, now 0.25"),
        (["--plan", "3x3"], "plan '2x2', now '3x3'"),
        (["--overlap", "0.25"], "overlap None, now 0.25"),
        (["--head"], "head None, now 'auto'"),
        (["--mirror"], "mirror None, now True"),
        (["--fov", "60"], "fov None, now 60.0"),
        (["--seed", "1"], "seed 0, now 1"),
        (["--no-tiles"], "no_tiles False, now True"),
        (["--colormap", "turbo"], "colormap 'Spectral', now 'turbo'"),
        (["--fine", "moody"], "fine None, now 'moody'"),
    ],
)
def test_results_of_other_options_are_made_again(photos, capsys, now, why):
    predict("in", "--format", "npy")
    capsys.readouterr()
    before = {name: written_at(name) for name in files("out")}

    assert predict("in", "--format", "npy", "--skip-existing", "-v", *now) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "warning: 3 of the existing results were made from other pictures or with other options and are made again"
    )
    assert lines[1] == f"in/a.png: {why}"
    assert all(written_at(name) != when for name, when in before.items())

    assert predict("in", "--format", "npy", "--skip-existing", *now) == 0
    assert "warning" not in capsys.readouterr().err


def test_quiet_keeps_the_pipelines_warnings_back(photos, caplog):
    for how, warnings in ((["-q"], 0), ([], 1)):
        assert predict("in/a.png", "--head", "auto", "--overwrite", "--format", "npy", *how) == 0
        assert caplog.text.count("head 'auto' is not used") == warnings


def test_the_warning_comes_once_and_not_when_quiet(photos, capsys):
    predict("in")
    capsys.readouterr()

    assert predict("in", "--skip-existing", "--seed", "3", "-q") == 0
    assert capsys.readouterr().err == ""
    assert predict("in", "--skip-existing", "--seed", "4") == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and lines[0].endswith("; -v says which")


def test_options_that_change_no_file_do_not_count(photos, capsys):
    predict("in")

    assert predict("in", "--skip-existing", "--tile-batch-size", "1", "--device", "cpu", "--format", "npy") == 0
    assert capsys.readouterr().err.count("skipped") == 3


@pytest.mark.parametrize("content", ["", ', "options": null', ', "options": {"asked": 3}'])
def test_a_sidecar_that_does_not_tell_the_options_is_one_of_others(photos, capsys, content):
    predict("in/a.png", "--format", "npy")
    known = '{"versions": {"patchwrap": "1"}, "files": {"npy": "a_depth.npy", "json": "a_depth.json"}'
    Path("out/a_depth.json").write_text(known + content + "}")
    capsys.readouterr()

    assert predict("in/a.png", "--format", "npy", "--skip-existing", "-v") == 0
    assert capsys.readouterr().err.splitlines()[1] == "in/a.png: its sidecar lacks the options"


@pytest.mark.parametrize("content", ["", "{", "\udcff"])
def test_an_unreadable_sidecar_vouches_for_nothing(photos, capsys, content):
    predict("in/a.png", "in/b.jpg", "--format", "png")
    Path("out/a_depth.json").write_bytes(content.encode(errors="surrogateescape"))
    before = written_at("b_depth.png")

    assert predict("in/a.png", "in/b.jpg", "--format", "png", "--skip-existing") == 0
    assert json.loads(Path("out/a_depth.json").read_text())["options"]["plan"] == "2x2"
    assert written_at("b_depth.png") == before and "warning" not in capsys.readouterr().err


def test_bad_images_are_told_and_the_rest_is_done(photos, capsys):
    Path("in/c.png").write_text("no picture")
    Path("in/d.png").touch()

    assert predict("in", "missing.png", "none*.png", "-q", "--format", "npy") == 1

    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 5 and all(line.startswith("error: ") for line in errors[:4])
    assert {line.split(": ")[1] for line in errors[:4]} == {
        "none*.png",
        "in/c.png",
        "in/d.png",
        "missing.png",
    }
    assert errors[-1] == "4 of 7 images failed"
    assert len(files("out")) == 6


@pytest.mark.parametrize("source", ["missing.png", "none*.png", "empty", "", "https://host/a.png", "https://host/a.png?w=1"])
def test_no_input_is_a_usage_error(photos, capsys, source):
    Path("empty").mkdir()

    assert predict(source) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {source}: ") and ("is a URL" in told) == ("https" in source)
    assert not Path("out").exists()


def test_a_name_of_dots_keeps_its_suffix(photos):
    Path("in/a.png").rename("..png")
    assert predict("..png", "--format", "npy") == 0
    assert files("out") == ["..png_depth.json", "..png_depth.npy"] and not Path("out_depth.npy").exists()
    Path("..png").rename("in/..png")
    assert predict("in/.*", "--format", "npy", out="glob") == 0
    assert files("glob") == files("out")
    Image.new("RGB", (64, 48)).save("in/._depth.png")
    assert predict("in/b.jpg", "in/._depth.png", "--format", "npy", out="both") == 0
    assert "._depth_depth.npy" in files("both")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--overlap", "1"],
        ["--overlap", "x"],
        ["--detail", "2"],
        ["--fov", "200"],
        ["--shard", "0/3"],
        ["--shard", "4/3"],
        ["--shard", "3"],
        ["--format", "npy,exr"],
        ["--format", ""],
        ["--tile-batch-size", "0"],
        ["--plan", "p17"],
        ["--fuser", "glue"],
        ["--dtype", "int8"],
        ["--device", "abacus"],
        ["--colormap", "rainbows"],
        ["--backend", "rampp"],
        ["--coarse", "nobody"],
        ["--backend-option", "size"],
        ["--backend-option", "size=3"],
        ["--coarse-option", "size=3"],
        ["--convention", "depth:metric"],
        ["--fine-convention", "depth:metric"],
        ["--skip-existing", "--overwrite"],
        ["--frobnicate"],
    ],
)
def test_impossible_options_end_with_2_and_no_traceback(photos, capsys, arguments):
    try:
        code = main(["predict", "in", "-o", "out", "--backend", "ramp", *arguments])
    except SystemExit as leaving:
        code = leaving.code

    error = capsys.readouterr().err
    assert code == 2
    assert "error: " in error.splitlines()[-1] and "Traceback" not in error
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--detail", "2"], "detail"),
        (["--fov", "200"], "fov"),
        (["--seed", "-1"], "seed"),
        (["--coarse", "ramp", "--fine", "ramp"], "all given"),
        (["--device", "quantum"], "quantum"),
    ],
)
def test_impossible_options_are_told_before_a_backend_is_loaded(photos, capsys, arguments, words):
    assert predict("in", *arguments, backend="ramp=broken") == 2
    assert words in one_line(capsys)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        *(("--plan=p50", "p50"), ("--fov=200", "fov"), ("--head=hd.safetensors", "no file")),
        *(("--coarse=nobody", "nobody"), ("--coarse-option=a=1", "but no --coarse")),
    ],
)
def test_impossible_options_are_told_before_existing_files(photos, capsys, option, words):
    Path("out").mkdir()
    Path("out/a_depth.npy").touch()
    try:
        code = predict("in", option)
    except SystemExit as leaving:
        code = leaving.code
    error = capsys.readouterr().err.splitlines()[-1]
    assert code == 2 and words in error and "--overwrite" not in error


def test_an_unusable_output_folder_ends_with_2(photos, capsys):
    Path("file").touch()

    assert predict("in", out="file") == 2
    assert "file' is a file" in one_line(capsys)
    assert predict("in", out="file/deeper") == 2
    assert "file/deeper" in one_line(capsys)


def test_an_output_folder_on_a_missing_drive_is_refused(monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda path: False)
    with pytest.raises(OutputError, match=r"^-o 'out': '.+' does not exist; give a folder on another drive$"):
        check_folder(Path("out"))


def test_point_clouds_of_affine_maps_are_refused_before_computing(photos, capsys):
    assert predict("in", "--format", "ply", backend="affine") == 2
    assert "inverse_depth:affine" in one_line(capsys)


def test_confidence_is_refused_where_there_will_be_none(photos, capsys):
    assert predict("in", "--format", "confidence", "--no-tiles") == 2
    assert "--no-tiles" in one_line(capsys)
    assert not Path("out").exists()


def test_confidence_is_left_out_for_a_picture_that_fits_into_a_tile(photos, capsys):
    one_tile = ("in/a.png", "--plan", "auto", "--format", "npy,confidence", "--json")
    assert predict(*one_tile) == 0

    captured = capsys.readouterr()
    warning, finished = captured.err.splitlines()
    assert warning.startswith("warning: in/a.png: no confidence written") and finished.startswith("in/a.png")
    assert set(json.loads(captured.out)["outputs"]) == {"npy", "json"}
    assert files("out") == ["a_depth.json", "a_depth.npy"]

    assert predict(*one_tile, "--skip-existing") == 0
    captured = capsys.readouterr()
    assert "skipped" in captured.err and set(json.loads(captured.out)["outputs"]) == {"npy", "json"}


def test_no_old_confidence_stays_beside_a_map_without(photos, capsys):
    how = ("in/a.png", "--format", "npy,confidence")
    assert predict(*how) == 0 and "a_confidence.png" in files("out")
    assert predict(*how, "--plan", "auto", "--overwrite") == 0
    assert files("out") == ["a_depth.json", "a_depth.npy"]
    capsys.readouterr()
    assert predict(*how, "--plan", "auto", "--skip-existing") == 0
    assert "skipped" in one_line(capsys)


def test_a_sensors_confidence_stays_where_none_is_written(photos, capsys):
    Path("out").mkdir()
    Image.new("L", (64, 48), 7).save("out/a_confidence.png")
    how = ("in/a.png", "--format", "npy,confidence", "--plan", "auto")
    assert predict(*how, "--overwrite") == 0
    assert files("out") == ["a_confidence.png", "a_depth.json", "a_depth.npy"]
    capsys.readouterr()
    assert predict(*how, "--skip-existing") == 0
    assert "skipped" in one_line(capsys)


def full(*_):
    raise OSError("full")


def test_an_old_confidence_goes_before_the_sidecar_that_leaves_it_out(photos, monkeypatch):
    how = ("in/a.png", "--format", "npy,confidence")
    assert predict(*how) == 0
    monkeypatch.setattr("patchwrap.depth_files.write_npy", full)
    assert predict(*how, "--plan", "auto", "--overwrite") == 1
    assert files("out") == ["a_depth.json", "a_depth.npy"]
    assert "unfinished" in json.loads(Path("out/a_depth.json").read_text())


def test_an_old_confidence_stays_as_long_as_a_finished_sidecar_names_it(photos, monkeypatch):
    how = ("in/a.png", "--format", "npy,confidence")
    assert predict(*how) == 0
    monkeypatch.setattr("patchwrap.depth_files.write_json", full)
    assert predict(*how, "--plan", "auto", "--overwrite") == 1
    assert files("out") == ["a_confidence.png", "a_depth.json", "a_depth.npy"]


def test_a_confidence_that_lost_its_mark_is_no_photo(photos):
    how = ("in/a.png", "--format", "npy,confidence")
    assert predict(*how, out="in") == 0
    Image.fromarray(np.asarray(Image.open("in/a_confidence.png"))).save("in/a_confidence.png")
    assert predict("in", "--skip-existing", "--format", "npy", out="in") == 0
    assert "a_confidence_depth.npy" not in files("in")


def test_confidence_alone_is_refused_for_a_picture_that_fits_into_a_tile(photos, capsys):
    assert predict("in/a.png", "--plan", "auto", "--format", "confidence") == 1
    assert "this map has no confidence" in capsys.readouterr().err
    assert not Path("out").exists()


def test_an_unexpected_error_is_one_line_that_names_the_backend(photos, capsys):
    Image.new("RGB", (64, 48), "white").save("in/b.jpg")

    assert predict("in", "-q", backend="moody") == 1

    first, summary = capsys.readouterr().err.splitlines()
    assert first.startswith("error: in/b.jpg: KeyError") and "'moody'" in first and "-v" in first
    assert summary == "1 of 3 images failed"
    assert Path("out/a_depth.json").exists() and Path("out/sub folder/ü_depth.json").exists()


def test_verbose_shows_the_traceback(photos, capsys):
    Image.new("RGB", (64, 48), "white").save("in/b.jpg")

    predict("in", "-v", backend="moody")

    assert "Traceback" in capsys.readouterr().err


def test_shards_are_disjoint_and_complete(photos):
    for index in (1, 2, 3, 4):
        assert predict("in", "--format", "npy", "--shard", f"{index}/4", out=f"out{index}") == 0

    parts = [[name for name in files(f"out{i}") if name.endswith(".npy")] for i in (1, 2, 3)]
    assert parts == [["a_depth.npy"], ["b_depth.npy"], ["sub folder/ü_depth.npy"]]
    assert files("out4") == []


def test_a_picture_of_another_shard_is_never_written_over(photos, capsys):
    Image.new("RGB", (64, 48)).save("in/a_color.jpg")
    for index in (1, 2, 3, 4):
        assert predict("in", "--overwrite", "--shard", f"{index}/4", out="in") == 2
        assert "'in/a_color.jpg' is to be predicted" in one_line(capsys)


def test_a_shard_whose_pictures_are_all_missing_is_begun_like_the_others(photos, capsys):
    pictures = ("in/a.png", "missing.png", "--format", "npy")
    assert [predict(*pictures, "--shard", f"{index}/2") for index in (1, 2)] == [0, 1]
    assert "error: missing.png: does not exist" in capsys.readouterr().err


def test_json_lines_on_stdout(photos, capsys):
    Path("in/c.png").touch()
    predict("in/a.png", "--format", "npy")
    capsys.readouterr()

    assert predict("in", "--json", "--format", "npy", "--skip-existing") == 1

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["image"]: line["status"] for line in lines} == {
        "in/a.png": "skipped",
        "in/b.jpg": "done",
        "in/c.png": "failed",
        "in/sub folder/ü.png": "done",
    }
    done = next(line for line in lines if line["image"] == "in/b.jpg")
    assert done["outputs"]["npy"] == "out/b_depth.npy" and (done["width"], done["height"]) == (64, 48)
    assert done["convention"] == "depth:scale" and done["seconds"] > 0
    assert "0 bytes" in next(line for line in lines if line["status"] == "failed")["error"]


@pytest.mark.parametrize(("inputs", "code"), [(["missing.png", "none*.png"], 2), (["in/a.png", "none*.png"], 1)])
def test_json_lines_of_what_is_missing(photos, capsys, inputs, code):
    assert predict(*inputs, "--json", "--format", "npy") == code

    lines = {line["image"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert set(lines) == set(inputs)
    assert lines["none*.png"]["status"] == "failed"
    assert lines["none*.png"]["error"] == "no file matches this pattern"


def test_the_backend_is_loaded_once(photos, monkeypatch):
    calls = []
    monkeypatch.setattr("patchwrap.wrapping.resolve", lambda name: calls.append(name) or _factory(name))

    assert predict("in", "--format", "npy") == 0
    assert calls == ["ramp"]


def _factory(name):
    from patchwrap.plugins import resolve

    return resolve(name)


def test_ctrl_c_is_130_and_leaves_no_temporary_file(photos, monkeypatch, capsys):
    save = Image.Image.save

    def interrupt(picture, *place, **how):
        if picture.mode == "RGB":
            raise KeyboardInterrupt
        save(picture, *place, **how)

    monkeypatch.setattr("patchwrap.io.encode.Image.Image.save", interrupt)

    assert predict("in") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"
    assert files("out") == ["a_depth.json", "a_depth.npy", "a_depth.png"]


def test_a_run_without_png_that_was_stopped_is_resumed(photos, monkeypatch, capsys):
    formats = ("--format", "npy,tiff")
    for how in ("--skip-existing", "--overwrite"):  # the second run finds all files and replaces some
        with monkeypatch.context() as patch:
            patch.setattr("patchwrap.depth_files.write_tiff", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            assert predict("in", *formats, how, "--seed", "1") == 130
        before = written_at("a_depth.npy")
        capsys.readouterr()

        assert predict("in", *formats, "--skip-existing", "--seed", "1") == 0
        assert written_at("a_depth.npy") != before
        assert "in/a.png: skipped" not in (told := capsys.readouterr().err) and "warning" not in told


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "--tile-batch-size 1"),
        (RuntimeError("CUDA out of memory.\nTried to"), "--tile-batch-size 1"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "--tile-batch-size 1"),
        (RuntimeError("onnxruntime: std::bad_alloc"), "--tile-batch-size 1"),
        (PermissionError(13, "Permission denied", "x"), "Permission denied: 'x'"),
        (ZeroDivisionError("a\nb"), "ZeroDivisionError: a b. This is a bug of patchwrap"),
        (AssertionError(), "AssertionError. This is a bug of patchwrap"),
        (patchwrap.ImageError("a\nb"), "a b"),
    ],
)
def test_errors_become_one_line(error, words):
    assert words in explain(error) and "\n" not in explain(error)


def test_a_newline_in_a_file_name_is_shown_escaped(capsys):
    with Reporter(2) as reporter:
        reporter.finished("new\nline.jpg", "1.0 s")
        reporter.failed("new\nline.jpg", patchwrap.ImageError("is damaged"))
    assert capsys.readouterr().err.splitlines()[:2] == [
        r"new\nline.jpg: 1.0 s",
        r"error: new\nline.jpg: is damaged",
    ]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def become_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", Terminal())
    return sys.stderr


def test_bars_count_images_and_tiles_on_a_terminal(monkeypatch):
    terminal = become_terminal(monkeypatch)
    monkeypatch.setattr("patchwrap.cli.report._A_MOMENT", 0)

    with Reporter(3) as reporter:
        reporter.tiles(5, 16)
        time.sleep(0.2)  # rich draws ten times a second
        reporter.finished("first", "[done]")
        time.sleep(0.2)

    for words in ("images", "tiles", "5/16", "1/3", "first: [done]"):
        assert words in terminal.getvalue()


def test_no_bars_for_a_moments_work(monkeypatch):
    terminal = become_terminal(monkeypatch)
    with Reporter(1) as reporter:
        reporter.tiles(1, 2)
        reporter.finished("line", "1 s")

    assert terminal.getvalue() == "line: 1 s\n"


def test_a_closed_stderr_is_no_error(photos, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    assert predict("in", "missing.png", "--format", "npy") == 1
    assert predict("none*.png") == 2
    sys.stderr.close()
    assert "a_depth.npy" in files("out")


def test_no_bars_and_no_lines_when_quiet(monkeypatch):
    terminal = become_terminal(monkeypatch)
    monkeypatch.setattr("patchwrap.cli.report._A_MOMENT", 0)
    with Reporter(1, quiet=True) as reporter:
        reporter.tiles(1, 2)
        reporter.finished("line", "1 s")

    assert terminal.getvalue() == ""


def test_backends_are_listed(ramp, install, capsys):
    install("bad", "raise RuntimeError('why')")

    assert main(["backends"]) == 0
    title, *rows = capsys.readouterr().out.splitlines()
    assert title.split() == ["name", "convention", "licence", "distribution", "version", "summary"]
    assert rows[2].split() == ["ramp", "depth:scale", "MIT", "dist-ramps", "1.2", "a", "ramp"]

    assert main(["backends", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["affine", "moody", "ramp"]


def test_plugins_are_listed_with_their_faults(ramp, install, monkeypatch, capsys):
    install("bad", "raise RuntimeError('why')")
    install("off", "raise RuntimeError('never')")
    monkeypatch.setenv("PATCHWRAP_DISABLE", "off")

    assert main(["plugins", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {name: row["state"] for name, row in rows.items()} == {
        "bad": "broken",
        "off": "disabled",
        "ramps": "loaded",
    }
    assert rows["bad"]["error"] == "RuntimeError: why"
    assert rows["ramps"]["backends"] == ["ramp", "affine", "moody"]

    assert main(["plugins"]) == 0
    assert "RuntimeError: why" in capsys.readouterr().out


def test_env_names_versions_and_devices(capsys):
    assert main(["env", "--json"]) == 0

    facts = json.loads(capsys.readouterr().out)
    assert facts["patchwrap"] == patchwrap.__version__ and facts["devices"][0] == "cpu"
    assert facts["numpy"] == np.__version__ and facts["torch_threads"] >= 1 and facts["memory_gib"] > 0
    assert main(["env"]) == 0


def test_env_tells_of_a_torch_that_fails_without_a_message(monkeypatch, capsys):
    class Failing:
        def find_spec(self, name, *_):
            if name == "torch":
                raise OSError

    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])
    assert main(["env", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["torch_error"] == "OSError"


def run_python(code, site, **environment):
    path = os.pathsep.join([str(ROOT), str(site)])
    variables = {**os.environ, "PYTHONPATH": path, **environment}
    return subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True)


LIGHT = [["--help"], ["--version"], ["predict", "--help"], ["bench", "--help"], ["backends"], ["plugins"]]


@pytest.mark.parametrize("arguments", LIGHT)
def test_light_verbs_import_nothing_heavy(ramp, arguments):
    code = f"""
import sys
from patchwrap.cli import main
try:
    main({arguments})
except SystemExit:
    pass
heavy = {{"torch", "numpy", "PIL", "scipy", "rich", "cmap", "trimesh", "ramp_code"}}
print("HEAVY", sorted(heavy & set(sys.modules)))
"""
    result = run_python(code, ramp)

    assert result.stdout.splitlines()[-1] == "HEAVY []", result.stderr


def test_help_tells_how_many_scenes_are_compared_by_default(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert f"that is generated:{COUNT}@{SIZE[1]}x{SIZE[0]})" in told


def test_hookimpl_imports_no_torch(site):
    result = run_python("import sys; from patchwrap import hookimpl; print('torch' in sys.modules)", site)

    assert result.stdout == "False\n"


def test_a_closed_pipe_is_no_error(ramp):
    code = "import sys, os; from patchwrap.cli import main; sys.exit(main(['backends']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ramp)]), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    process.wait()

    assert error == b""


def test_sigterm_unwinds_so_that_temporary_files_go(ramp, tmp_path):
    code = f"""
import sys, time
from pathlib import Path
from patchwrap.cli.signals import terminable
from patchwrap.io.files import replacing
with terminable(), replacing(Path({str(tmp_path / "a")!r})) as stream:
    print("ready", flush=True)
    time.sleep(30)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ramp)])}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)

    assert process.returncode == 143
    assert not [name for name in files(tmp_path) if name.endswith(".tmp")]
