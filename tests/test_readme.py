"""The README's code runs, its tables are the committed ones, and CI calls its commands word by word."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_system_packages_are_the_documented_list(readme):
    lines = (ROOT / ".ci" / "apt-packages.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert all(package in readme for package in packages)


def test_files_named_in_the_readme_exist(readme):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", readme)
    assert [link for link in links if not (ROOT / link).exists()] == []
