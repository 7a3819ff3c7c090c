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
