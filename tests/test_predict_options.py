"""The options of ``predict`` as a type: the same names and defaults, and what is refused."""

import ast
import inspect
from pathlib import Path

import pytest

import patchwrap
from patchwrap import pipeline
from patchwrap.errors import OptionError
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"plan": 3}, "plan 3 is a int; give text"),
        ({"head": 3}, r"head 3 is a int without refine\(view\)"),
        ({"dtype": "int8"}, "not one of float32"),
    ],
)
def test_what_is_of_no_possible_type_is_refused(options, words):
    with pytest.raises(OptionError, match=words):
        check_options(DEFAULTS | options)
