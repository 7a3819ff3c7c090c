"""Every distribution of the repository brings the licence that it names."""

import configparser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = [ROOT, *sorted(path.parent for path in ROOT.glob("backends/*/setup.cfg"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_distribution_has_the_licence(folder):
    settings = configparser.ConfigParser()
    settings.read(folder / "setup.cfg", encoding="utf-8")
    assert settings["metadata"]["license"] == "Apache-2.0" and settings["metadata"]["license_files"] == "LICENSE"
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
