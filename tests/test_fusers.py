"""The table of fusers: every entry loads, and one more is known everywhere."""

import numpy as np
import pytest

import patchwrap
from patchwrap.backend_selection import fuser_for
from patchwrap.bench.combination import Matrix
from patchwrap.bench.report import Row
from patchwrap.cli import build_parser
from patchwrap.errors import BackendContractError
from patchwrap.fusers import AUTO, FUSERS, FuserRecipe
from patchwrap.spec import Fuser
from patchwrap.testing import PaintedBackend, painted_photo


@pytest.mark.parametrize("name", FUSERS)
def test_every_recipe_loads_a_fuser(name):
    assert issubclass(FUSERS[name].load(), Fuser)


def test_auto_is_what_the_head_asks_for_or_poisson():
    class Head:
        fuser = "split"

    assert [fuser_for(AUTO, head) for head in (None, object(), Head())] == ["poisson", "poisson", "split"]
    assert fuser_for("blend", Head()) == "blend"
    Head.fuser = "auto"
    with pytest.raises(BackendContractError, match="fuser is 'auto'; expected one of poisson"):
        fuser_for(AUTO, Head())


def test_one_entry_is_all_a_fuser_takes(monkeypatch):
    monkeypatch.setitem(FUSERS, "mine", FuserRecipe("my fuser", "none", "patchwrap.fusion:BlendFuser", 0.75))
    fused = patchwrap.predict(painted_photo(120, 200), PaintedBackend(), plan="2x2", fuser="mine")
    assert np.isfinite(fused.values).all() and fused.options["fuser"] == "mine" and fused.options["detail"] == 0.75
    first = Row("painted", "", "painted")
    rows = [one.row for one in Matrix(["2x2"], ["mine"], ["none"]).combinations(first, PaintedBackend(), True)]
    assert rows[-1].title == "2x2: my fuser"
    assert build_parser().parse_args(["predict", "photo.jpg", "-o", "out", "--fuser", "mine"]).fuser == "mine"
