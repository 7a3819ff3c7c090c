"""The alignments by name, and the baselines among them."""

import numpy as np
import pytest
import torch

from patchwrap.aligner import Aligner, aligner_for
from patchwrap.tiling import Tile

COARSE = torch.linspace(1, 3, 8).expand(8, 8)
TILE = Tile(0, 0, 16, 16)
VALUES = 5 + torch.linspace(0, 1, 16).expand(16, 16)


@pytest.mark.parametrize(("name", "scale"), [("plane", 2.0), ("range", 2.0), ("none", 1.0)])
def test_every_aligner_gives_one_correction_per_tile(name, scale):
    aligner = aligner_for(name, COARSE, (16, 16), False)
    assert isinstance(aligner, Aligner)
    aligner.observe(TILE, VALUES)
    [correction] = aligner.solve()
    assert correction.scale == pytest.approx(scale, rel=0.1) and correction.trust > 0.9


@pytest.mark.parametrize("name", ["range", "none"])
def test_baselines_give_no_evidence_of_agreement(name):
    aligner = aligner_for(name, COARSE, (16, 16), False)
    aligner.observe(TILE, VALUES)
    assert aligner.observations == [] and aligner.half == np.inf and aligner.solve()[0].agreement is None


def test_min_max_matching_regards_the_coarse_map_under_valid_pixels_only():
    aligner = aligner_for("range", COARSE, (16, 16), False)
    half = VALUES.clone()
    half[:, :8] = torch.nan
    aligner.observe(TILE, half)
    [correction] = aligner.solve()
    assert correction.apply(half)[:, 8:].mean() == pytest.approx(float(COARSE[:, 4:].mean()), rel=1e-3)


def test_min_max_matching_does_not_trust_a_tile_over_a_constant_coarse_map():
    aligner = aligner_for("range", torch.ones(8, 8), (16, 16), False)
    aligner.observe(TILE, VALUES)
    assert aligner.solve()[0].trust == 0


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_min_max_matching_does_not_trust_a_constant_tile(value):
    aligner = aligner_for("range", COARSE, (16, 16), False)
    aligner.observe(TILE, torch.full((16, 16), value))
    [correction] = aligner.solve()
    assert correction.trust == 0 and correction.scale == 1
