"""A digest of sources follows imports and nothing else."""

import shutil
from pathlib import Path

import pytest

import patchwrap
from patchwrap import source_digest
from patchwrap.bench import fingerprint
from patchwrap.datasets import Spring, dataset
from patchwrap.finetune import preparation

RECORDS = (
    *("alignment", "canvas", "mirror", "observation", "overlaps", "resampling", "robust", "second_pass"),
    *("spaces", "surroundings", "tile_pass", "tile_runner", "tile_view", "tiling", "weighted_mean", "windows"),
    *("finetune/record", "finetune/truth", "metrics/edge"),
)
MEASURES = ("bench/consistency", "bench/protocol", "metrics/fit", "metrics/seam", "resampling", "tiling")


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the package that may be edited."""
    copy = tmp_path / "patchwrap"
    unneeded = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(Path(patchwrap.__file__).parent, copy, ignore=unneeded)
    monkeypatch.setattr(source_digest, "ROOT", copy)
    return copy


def edit(path):
    path.write_text(path.read_text() + "\nEDITED = True\n")


@pytest.mark.parametrize(("roots", "deciding"), [(preparation.DECIDING, RECORDS), (fingerprint.MEASURING, MEASURES)])
def test_every_module_that_decides_a_result_changes_the_digest(sources, roots, deciding):
    seen = {source_digest.source_digest(*roots)}
    for number, name in enumerate(deciding, start=2):
        edit(sources / f"{name}.py")
        seen.add(source_digest.source_digest(*roots))
        assert len(seen) == number, name


def test_every_module_that_a_data_set_reads_by_changes_its_digest(sources):
    digest = dataset._code.__wrapped__  # once for each class otherwise
    seen = {digest(Spring)}
    for number, name in enumerate(("spring", "disparity", "dataset", "../io/decode"), start=2):
        edit(sources / "datasets" / f"{name}.py")
        seen.add(digest(Spring))
        assert len(seen) == number, name


def test_other_modules_do_not(sources):
    before = source_digest.source_digest(*preparation.DECIDING)
    assert before == source_digest.source_digest(*preparation.DECIDING)
    for name in ("scenes/scene", "cli/predict", "bench/page", "__init__"):
        edit(sources / f"{name}.py")
    assert source_digest.source_digest(*preparation.DECIDING) == before
