"""Ctrl-C, even where an import or a plugin turns it into another error, or before the verb runs."""

import signal
import subprocess
import sys

import pytest

from patchwrap.cli import main


@pytest.fixture
def default_handler():
    """The handler that a terminal's child has; a shell that runs tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pressed(*_, **__):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise ImportError("cannot import name 'x' from partially initialized module") from error


def test_ctrl_c_that_an_import_turned_into_an_error_is_130(default_handler, monkeypatch, capsys):
    monkeypatch.setattr("patchwrap.cli.env.run", pressed)
    assert main(["env"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_does_not_count(default_handler, monkeypatch, capsys):
    monkeypatch.setattr("patchwrap.cli.env.run", pressed)
    main(["env"])
    monkeypatch.setattr("patchwrap.cli.env.run", lambda args: 1 / 0)
    assert main(["env"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_ctrl_c_in_a_picture_ends_the_run(default_handler, ramp, paint, tmp_path, monkeypatch, capsys):
    for name in ("a", "b"):
        paint(tmp_path / "in" / f"{name}.png")
    monkeypatch.setattr("patchwrap.engine.Engine.__call__", pressed)
    code = main(["predict", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--backend", "ramp"])
    assert code == 130
    assert capsys.readouterr().err.splitlines()[-1] == "interrupted"


def test_an_ignored_ctrl_c_stays_ignored(default_handler, monkeypatch):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr("patchwrap.cli.env.run", lambda args: signal.raise_signal(signal.SIGINT) or 0)
    assert main(["env"]) == 0


def test_ctrl_c_while_the_command_line_is_imported_is_no_traceback():
    code = """
import sys
from patchwrap.__main__ import run

class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "patchwrap.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
sys.exit(run())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (130, "interrupted\n")
