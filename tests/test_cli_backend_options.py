"""How what is written after ``--backend-option`` is read."""

import argparse

import pytest

from patchwrap.cli.backend_options import add_backend_options, backend_options


def read(*words, role="backend"):
    parser = argparse.ArgumentParser()
    add_backend_options(parser, role)
    return backend_options(parser.parse_args(words), role)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("True", True),
        ("False", False),
        ("None", None),
        ("3", 3),
        ("0.5", 0.5),
        ("[3, 4]", [3, 4]),
        ("TRUE", "TRUE"),
        ("700x518", "700x518"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_values_are_read_as_json_or_as_python_writes_them_and_else_as_text(text, value):
    found = read("--backend-option", f"key={text}")["key"]
    assert found == value and type(found) is type(value)


def test_the_convention_is_an_option_like_any_other():
    given = read("--fine-convention", "depth:metric", "--fine-option", "a=1", "--fine-option", "b=x", role="fine")
    assert given == {"convention": "depth:metric", "a": 1, "b": "x"}
    assert read() == {}


@pytest.mark.parametrize("text", ["key", "=3", "two words=3"])
def test_what_is_no_option_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        read("--backend-option", text)
    assert "is not OPTION=VALUE" in capsys.readouterr().err
