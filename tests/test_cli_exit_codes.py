"""What the command's exit codes tell."""

import pytest

from patchwrap.cli import main
from patchwrap.errors import ImageError, OptionError, OutputError, TrainingError


@pytest.mark.parametrize(
    ("error", "code"), [(TrainingError, 1), (OptionError, 2), (ImageError, 2), (OutputError, 2), (ZeroDivisionError, 1)]
)
def test_a_training_that_fails_was_begun(tmp_path, monkeypatch, capsys, error, code):
    def fail(args):
        raise error("so it is")

    monkeypatch.setattr("patchwrap.cli.finetune.run", fail)
    assert main(["finetune", "--data", str(tmp_path), "-o", str(tmp_path / "head.safetensors")]) == code
    told = capsys.readouterr().err
    assert "so it is" in told and told.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "advice"), [(["scenes", "-o", "x", "-v"], "run again with -v"), (["plugins"], "not yours; report it")]
)
def test_an_unexpected_error_advises_what_the_verb_has(monkeypatch, capsys, words, advice):
    def fail(args):
        raise ZeroDivisionError

    monkeypatch.setattr(f"patchwrap.cli.{words[0]}.run", fail)
    assert main(words) == 1
    assert advice in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["predict", "bench", "finetune", "export", "scenes"])
def test_help_names_the_code_of_an_interruption(capsys, verb):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    assert "130 interrupted" in " ".join(capsys.readouterr().out.split())
