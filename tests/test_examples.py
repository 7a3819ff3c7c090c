import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTO = EXAMPLES / "street_photo.jpg"


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("01_predict.py", ["photo.jpg", "street"], "depth:metric from 9 tiles"),
        ("02_wrap_anything.py", ["photo.jpg"], "inverse_depth:affine, difference"),
        ("03_two_backends.py", ["photo.jpg"], "inverse_depth:affine from lower_is_nearer"),
        ("06_finetune_a_head.py", ["photos", "head.safetensors", "2"], "tiles of held-out photos disagree by 0."),
        ("07_compare_backends.py", ["generated:1@240x160", "report"], "lower is nearer, 2x2"),
    ],
)
def test_the_example_runs(name, arguments, words, tmp_path):
    write_photos(tmp_path)
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    own = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


def write_photos(folder):
    """The example photo at a third of its size, and two corners of it."""
    (folder / "photos").mkdir()
    photo = Image.open(PHOTO)
    photo.reduce(3).save(folder / "photo.jpg")
    for number, left in enumerate((0, 900)):
        photo.crop((left, 0, left + 480, 320)).save(folder / "photos" / f"{number}.jpg")


def test_every_example_is_tested():
    # Examples of a backend are tested beside it, where its tiny checkpoints are made.
    text = "".join(path.read_text() for path in EXAMPLES.parent.rglob("test_examples.py"))
    assert [path.name for path in EXAMPLES.glob("[0-9]*.py") if f'"{path.name}"' not in text] == []
