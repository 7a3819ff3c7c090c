"""``patchwrap scenes`` when it is interrupted, and what it takes for complete."""

import signal
import subprocess
import sys

import numpy as np
import pytest

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

    monkeypatch.setattr(np, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        _draw(new)

    assert not old.complete() and not new.complete()


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
