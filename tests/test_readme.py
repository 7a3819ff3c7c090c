"""The README's code runs, its tables are the committed ones, and CI calls its commands word by word."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from patchwrap import canvas
from patchwrap.testing import PaintedBackend
from patchwrap.tile_runner import backend_size
from patchwrap.tiling import TilePlan

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "README.md").read_text()


def blocks(text, *languages):
    """Contents of the fenced blocks of some languages."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [body for language, body in found if language in languages]


def test_python_blocks_run_one_after_the_other(readme, tmp_path):
    code = "\n".join(blocks(readme, "python"))
    assert code
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def test_ci_calls_the_commands_word_by_word(readme):
    commands = [
        line
        for body in blocks(readme, "sh", "bash", "console", "shell")
        for line in body.splitlines()
        if line.startswith("pip install") and "&&" in line
    ]
    called = (ROOT / ".ci" / "run").read_text().splitlines()
    assert len(commands) == 2
    assert [line for line in commands if line not in called] == []


def test_tables_are_the_committed_ones(readme):
    assert "<!-- table:quality -->" in readme
    check = [sys.executable, str(ROOT / "benchmarks" / "render_tables.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_plans_resolve_what_the_readme_says_of_forty_megapixels(readme, monkeypatch):
    monkeypatch.setattr(canvas, "resize_photo", lambda photo, size: photo[: size[0], : size[1]])
    photo, fine = np.broadcast_to(np.uint8(0), (5464, 7286, 3)), PaintedBackend()
    fine.processing, fine.multiple = (518, 518), 14
    cuts = {}
    for name in ("auto", "6x6", "slide"):
        plan = TilePlan.choose(name, photo.shape[:2], backend_size(fine, photo.shape[:2]))
        cuts[name] = canvas.Canvas.cut(photo, plan, fine)
    every = {name: round(photo.shape[1] / cut.size[1]) for name, cut in cuts.items()}
    assert every == {"auto": 4, "6x6": 2, "slide": 1}
    assert [len(cut.tiles) for cut in cuts.values()] == [25, 121, 576]
    text = " ".join(readme.split())
    assert "these are 25 tiles" in text and "`6x6` is 121 tiles" in text
    assert "every fourth pixel with `auto`, every second with `6x6`, all with `slide` (576 tiles)" in text


def test_system_packages_are_the_documented_list(readme):
    lines = (ROOT / ".ci" / "apt-packages.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert all(package in readme for package in packages)


def test_files_named_in_the_readme_exist(readme):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", readme)
    assert [link for link in links if not (ROOT / link).exists()] == []
