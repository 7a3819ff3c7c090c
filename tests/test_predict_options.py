"""The options of ``predict`` as a type: the same names and defaults, and what is refused."""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch

import patchwrap
from patchwrap import pipeline
from patchwrap.errors import OptionError, TilingError
from patchwrap.predict_options import DEFAULTS, PredictOptions, check_options

BACKENDS = {"coarse", "fine"}


def test_names_and_defaults_are_those_of_predict():
    parameters = inspect.signature(patchwrap.predict).parameters.values()
    by_keyword = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in BACKENDS}
    assert by_keyword == DEFAULTS
    assert list(by_keyword) == list(PredictOptions.__annotations__)


def test_type_checkers_see_the_options_in_every_overload():
    # From the source: at run time, the hook that checks types in tests hides all overloads but the last.
    tree = ast.parse(Path(pipeline.__file__).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    bags = [ast.unparse(node.args.kwarg.annotation) for node in functions if node.name == "predict" and node.args.kwarg]
    assert bags == ["Unpack[PredictOptions]"] * 3


def test_defaults_are_possible():
    check_options(DEFAULTS)


def test_numbers_of_numpy_and_devices_of_torch_are_possible():
    numbers = {"fov": np.float32(60), "tile_batch_size": np.uint8(2)}
    check_options(DEFAULTS | numbers | {"device": torch.device("cpu"), "tiles": np.bool_(True)})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"plan": 3}, "plan 3 is of type int; give text"),
        ({"head": 3}, r"head 3 is of type int without refine\(view\)"),
        ({"dtype": "int8"}, "not one of float32"),
        ({"fov": "60"}, "fov '60' is of type str; give a number or None"),
        ({"detail": "a"}, "detail 'a' is of type str; give a number or None"),
        ({"overlap": "x"}, "overlap 'x' is of type str; give a number or None"),
        ({"seed": 1.5}, "seed 1.5 is of type float; give a whole number"),
        ({"tile_batch_size": 2.5}, "tile_batch_size 2.5 is of type float; give a whole number"),
        ({"device": None}, "device None is of type NoneType; give text such as 'cpu'"),
        ({"progress": 3}, "progress 3 is of type int; give a function or None"),
        ({"observer": 3}, "observer 3 is of type int; give a function or None"),
        ({"tiles": "no"}, "tiles 'no' is of type str; give True or False"),
        ({"mirror": "no"}, "mirror 'no' is of type str; give True, False or None"),
    ],
)
def test_what_is_of_no_possible_type_is_refused(options, words):
    with pytest.raises(OptionError, match=words):
        check_options(DEFAULTS | options)


@pytest.mark.parametrize("tiles", [True, False])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"plan": "p17"}, "'p17' in plan 'p17' is not known"),
        ({"plan": "auto+r8"}, "stands alone"),
        ({"overlap": 0.95}, "overlap 0.95 is not in"),
        ({"plan": "slide", "overlap": float("nan")}, "overlap nan is not in"),
    ],
)
def test_a_plan_is_read_before_anything_is_loaded_with_and_without_tiles(options, words, tiles):
    with pytest.raises(TilingError, match=words):
        check_options(DEFAULTS | options | {"tiles": tiles})
