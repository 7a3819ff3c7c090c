import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
PHOTO = str(EXAMPLES / "street_photo.jpg")


@pytest.mark.parametrize(
    ("name", "checkpoints", "words"),
    [
        ("04_wrap_a_pretrained_model.py", ["depth_anything"], "inverse_depth:affine from 25 tiles, seen at (56, 84)"),
        ("05_coarse_and_fine.py", ["depth_anything_metric", "depth_anything"], "depth:metric from "),
    ],
)
def test_the_example_runs(name, checkpoints, words, tiny, tmp_path):
    command = [sys.executable, str(EXAMPLES / name), PHOTO, *(str(tiny(checkpoint)) for checkpoint in checkpoints)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert (tmp_path / "depth_depth.npy").is_file()
