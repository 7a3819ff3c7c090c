import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTO = str(EXAMPLES / "street_photo.jpg")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("01_predict.py", [PHOTO, "street"], "depth:metric from 25 tiles"),
        ("02_wrap_anything.py", [PHOTO], "inverse_depth:affine, difference"),
        ("03_two_backends.py", [PHOTO], "inverse_depth:affine from CallableBackend"),
    ],
)
def test_the_example_runs(name, arguments, words, tmp_path):
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


def test_every_example_is_tested():
    # Examples of a backend are tested beside it, where its tiny checkpoints are made.
    text = "".join(path.read_text() for path in EXAMPLES.parent.rglob("test_examples.py"))
    assert [path.name for path in EXAMPLES.glob("[0-9]*.py") if f'"{path.name}"' not in text] == []
