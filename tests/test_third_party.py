"""A distribution that is none of ours, from pip install to a depth map."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import patchwrap

ROOT = Path(__file__).parents[1]
HAZE = ROOT / "examples" / "third_party" / "patchwrap-haze"


def run(site, folder, *arguments):
    """Run a Python module with ``site`` importable, and patchwrap as this test run has it."""
    paths = [site, Path(patchwrap.__file__).parents[1]]
    # This run's own options (such as where to write its report) are not meant for a run inside it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that pip installed the example to; built from a copy, since pip leaves files in the source."""
    folder = tmp_path_factory.mktemp("haze")
    source = shutil.copytree(HAZE, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    done = run(folder, folder, "pip", "install", *offline, "--target", folder / "site", source)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.mark.pip
def test_its_entry_point_is_found(installed, tmp_path):
    done = run(installed, tmp_path, "patchwrap", "backends")

    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("haze "))
    assert "depth:scale" in line and "patchwrap-haze" in line and "dark channel prior" in line


@pytest.mark.pip
def test_it_predicts(installed, tmp_path):
    Image.open(ROOT / "examples" / "street_photo.jpg").reduce(4).save(tmp_path / "street.png")
    done = run(installed, tmp_path, "patchwrap", "predict", "street.png", "--backend", "haze", "-o", "out")

    assert done.returncode == 0, done.stderr
    depth = np.load(tmp_path / "out" / "street_depth.npy")
    assert depth.shape == (400, 600) and np.isfinite(depth).all()
    sky, bush = depth[:60, :200], depth[330:380, 550:]
    assert np.median(sky) > 2 * np.median(bush)


@pytest.mark.pip
def test_its_own_tests_pass(installed, tmp_path):
    done = run(installed, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", HAZE / "tests")

    assert done.returncode == 0, done.stdout
