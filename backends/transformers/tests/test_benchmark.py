import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import patchwrap
from patchwrap.testing import painted_photo

FOLDER = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def speed(monkeypatch):
    """The benchmark, imported as a script does, and forgotten again."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("transformers_speed")
    for name in ("transformers_speed", "report", "bare"):
        sys.modules.pop(name, None)


def test_it_measures_both_ways_in_every_precision(speed, tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules["report"], "machine", lambda device="auto": {"accelerator": device})
    photo = tmp_path / "photo.png"
    Image.fromarray((255 * painted_photo(200, 300)).astype(np.uint8)).save(photo)
    checkpoint = str(tiny("depth_anything_metric"))

    words = ["--short", "--checkpoint", checkpoint, "--image", str(photo), "--device", "cpu"]
    speed.main([*words, "--results", str(tmp_path)])

    result = json.loads((tmp_path / "transformers_speed.json").read_text())
    assert result["machine"] == {"accelerator": "cpu"}
    assert result["options"]["checkpoint"] == "depth_anything_metric" and result["options"]["processing"] == "126x126"
    assert [row[0] for row in result["tables"]["transformers_speed"]["rows"]] == ["float32", "bfloat16"]
    assert all(len(seconds) == 1 for ways in result["data"]["seconds"].values() for seconds in ways.values())
    assert result["data"]["difference"]["float32"] == 0 < result["data"]["difference"]["bfloat16"] < 0.2
    assert "aim 0.95" in capsys.readouterr().out


def test_the_bare_loop_sees_the_same_tiles(speed, load_tiny):
    seen = []
    backend = load_tiny("depth_anything")
    backend.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    picture = (255 * painted_photo(200, 300)).astype(np.uint8)
    options = speed._parser().parse_args(["--plan", "2x2", "--device", "cpu"])
    tiles = speed.bare_loop(picture, backend, "float32", options)
    count = len(seen)
    fused = patchwrap.predict(picture, backend, plan="2x2", device="cpu")
    assert len(tiles) == fused.options["tile_count"] and len(seen) == 2 * count
    # The canvas that tiles are cut from is resampled once more than the photo.
    assert all(abs(ours - bare).mean() < 0.1 for ours, bare in zip(seen[count:], seen))


def test_the_random_network_gives_a_map_that_is_not_flat(speed):
    backend = patchwrap.load_backend("transformers", speed.random_network(0), processing=126)
    depth = patchwrap.predict(painted_photo(200, 300), backend, tiles=False)
    assert depth.values.min() > 0 and depth.values.std() > 0.05 * depth.values.mean()
