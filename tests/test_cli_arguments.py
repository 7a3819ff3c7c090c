"""Values of options that several verbs share: what is refused before anything is read or written."""

import pytest

import patchwrap
from patchwrap.cli import main
from patchwrap.errors import OptionError

PREDICT = ["predict", "a.jpg", "-o", "out"]
BENCH = ["bench", "-o", "out"]
FINETUNE = ["finetune", "--data", "data", "-o", "head.safetensors"]


def refused(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        *((PREDICT, option) for option in ("--backend", "--coarse", "--fine", "--convention", "-o")),
        *((BENCH, option) for option in ("--data", "-o", "--backends")),
        *((FINETUNE, option) for option in ("--backend", "--coarse", "--fine", "--data", "-o")),
        *((FINETUNE, option) for option in ("--start-from", "--cache")),
        *((["export", "-o", "m.onnx"], option) for option in ("--backend", "-o")),
        (["scenes", "-o", "out"], "-o"),
    ],
)
def test_an_unset_shell_variable_is_not_taken_for_a_default(tmp_path, monkeypatch, capsys, verb, option):
    monkeypatch.chdir(tmp_path)
    error = refused([*verb, option, ""], capsys)
    assert option in error and ("is empty" in error or "contains no name" in error)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["ramp=", "ramp= "])
def test_a_checkpoint_that_is_empty_is_not_the_default(ramp, name):
    with pytest.raises(OptionError, match="'ramp=' names no checkpoint; write ramp=CHECKPOINT, or ramp"):
        patchwrap.load_backend(name)


@pytest.mark.parametrize(
    ("verb", "option", "values", "words"),
    [
        (PREDICT, "--overlap", ["-.1", ".91", "nan", "x"], "is not a fraction in [0, 0.9]"),
        (BENCH, "--depth-scale", ["0", "-1", "nan", "inf", "x"], "is not a finite number above 0"),
        (FINETUNE, "--depth-scale", ["0", "-1", "nan", "inf"], "is not a finite number above 0"),
        (FINETUNE, "--save-every", ["-5", "nan", "inf"], "is not a finite number of seconds from 0"),
    ],
)
def test_impossible_numbers_are_refused(capsys, verb, option, values, words):
    for value in values:
        assert f"{value!r} {words}" in refused([*verb, f"{option}={value}"], capsys)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([*PREDICT, "--detial", ".5"], "unrecognized arguments: --detial .5; did you mean --detail?"),
        ([*FINETUNE, "--frobnicate=3"], "unrecognized arguments: --frobnicate=3"),
        (["export", "-o", "m.onnx", "--over-write"], "unrecognized arguments: --over-write; did you mean --overwrite?"),
    ],
)
def test_a_misspelt_option_is_told_by_its_verb_with_the_right_name(capsys, words, told):
    assert refused(words, capsys) == f"patchwrap {words[0]}: error: {told}"


@pytest.mark.parametrize("folder", ["head.safetensors", "head.json"])
def test_a_folder_in_place_of_the_output_is_told_before_a_training(tmp_path, monkeypatch, capsys, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / folder).mkdir()
    assert main([*FINETUNE, "--overwrite"]) == 2
    assert capsys.readouterr().err == f"error: {folder!r} is a folder; give another name\n"


def test_an_option_before_its_verb_is_told(capsys):
    told = "unrecognized arguments: --quiet; options come after predict"
    assert refused(["--quiet", *PREDICT], capsys) == f"patchwrap predict: error: {told}"


@pytest.mark.parametrize(("verb", "option"), [("predict", "--plan"), ("bench", "--plans")])
def test_help_names_every_form_of_a_plan(capsys, verb, option):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    shown = " ".join(capsys.readouterr().out.split()).split(f" {option} P", 1)[1]
    forms = ("auto (", "COLUMNSxROWS such as 3x3", "p16 (", "p49 (", "slide (", "slide:WIDTHxHEIGHT", "2x2+p16", "+rN")
    places = [shown.find(form) for form in forms]
    assert places[0] >= 0 and places == sorted(places)
