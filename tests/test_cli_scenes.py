"""``patchwrap scenes`` when it is interrupted, and what it takes for complete."""

import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from patchwrap.cli import main
from patchwrap.cli.scenes import Order, _draw
from patchwrap.scenes import Renderer

COMMAND = """
import signal, sys
from patchwrap.cli import main

# A shell that runs the tests in the background has its children ignore the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as opened:
        yield opened


def test_a_frame_whose_new_size_was_interrupted_is_not_complete(tmp_path, monkeypatch, renderer):
    monkeypatch.setattr("patchwrap.cli.scenes._renderer", lambda: renderer)
    old, new = (Order(tmp_path, 0, "table", size) for size in ((32, 48), (48, 64)))
    _draw(old)
    assert old.complete() and not new.complete()

    monkeypatch.setattr("patchwrap.io.encode.write_npy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        _draw(new)

    assert not old.complete() and not new.complete()


def test_a_frame_beyond_pillows_bomb_limit_is_complete(tmp_path, monkeypatch, renderer):
    monkeypatch.setattr("patchwrap.cli.scenes._renderer", lambda: renderer)
    order = Order(tmp_path, 0, "table", (32, 48))
    _draw(order)
    for limit in (1000, 100):  # Pillow warns beyond it, and refuses beyond twice as much
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert order.complete() and Order(tmp_path, 0, "table", (48, 64)).other_size() == (32, 48)


@pytest.mark.parametrize("ending", [".jpg", ".npy", ".json"])
def test_a_damaged_frame_is_not_complete(tmp_path, monkeypatch, renderer, ending):
    monkeypatch.setattr("patchwrap.cli.scenes._renderer", lambda: renderer)
    order = Order(tmp_path, 0, "table", (32, 48))
    _draw(order)
    path = tmp_path / f"000000_table{ending}"
    whole = path.read_bytes()
    for content in (b"", b"[]", whole[:-2], whole[: len(whole) // 2]):
        assert order.complete()
        path.write_bytes(content)
        assert not order.complete()
        path.write_bytes(whole)


def test_what_cannot_be_drawn_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    for place, size, words in (("a", "100000x16", "pixels wide here"), ("file", "64x48", "is not a folder")):
        command = ["scenes", "-o", str(tmp_path / place), "--count", "1", "--kinds", "table", "--jobs", "1"]
        assert main([*command, "--size", size]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1 and "bug" not in error


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_no_further_frame_is_begun_after_a_signal(tmp_path, end, code):
    words = ["scenes", "-o", str(tmp_path), "--count", "200", "--size", "640x480", "--jobs", "1", "--kinds", "table"]
    command = [sys.executable, "-c", COMMAND, *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as drawing:
        assert drawing.stderr.readline() == "1 of 200: 000000_table.jpg\n"
        drawing.send_signal(end)
        drawing.communicate(timeout=60)
    assert drawing.returncode == code
    assert len(list(tmp_path.glob("*.jpg"))) < 20
    # Those that were under way are whole.
    assert len(list(tmp_path.iterdir())) == 3 * len(list(tmp_path.glob("*.json")))


def draw(folder, size, *more):
    command = ["scenes", "-o", str(folder), "--count", "2", "--kinds", "table", "--jobs", "1", "--quiet"]
    return main([*command, "--size", size, *more])


def test_frames_of_another_size_are_replaced_only_when_asked(tmp_path, capsys):
    assert draw(tmp_path, "48x32") == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert draw(tmp_path, "64x48") == 2
    error = capsys.readouterr().err
    assert "000000_table.jpg' exists at 48x32; take another -o, or --overwrite" in error and error.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    assert draw(tmp_path, "64x48", "--overwrite") == 0
    assert np.load(tmp_path / "000001_table.npy").shape == (48, 64)


def test_damaged_frames_need_no_permission(tmp_path):
    (tmp_path / "000000_table.jpg").write_bytes(b"half a picture")
    assert draw(tmp_path, "48x32") == 0
    with Image.open(tmp_path / "000000_table.jpg") as picture:
        assert picture.size == (48, 32)


def test_a_full_disk_is_told_as_such_and_is_not_a_usage_error(tmp_path):
    """A limit on the size of files makes writes fail as a full disk does, after the picture and before its depth."""
    words = ["scenes", "-o", str(tmp_path), "--count", "1", "--size", "640x480", "--jobs", "1", "--kinds", "table"]
    limited = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))  # noqa: E731
    command = [sys.executable, "-c", COMMAND, *words]
    ended = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited)
    assert ended.returncode == 1, ended.stderr
    assert "000000_table.npy': File too large\n" in ended.stderr and ended.stderr.startswith("error: cannot write")
    assert not list(tmp_path.glob("*.json"))
