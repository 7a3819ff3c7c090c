"""From a backend to an ONNX file and back: the same depth, on the command line too."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import patchwrap
from patchwrap.errors import CheckpointError
from patchwrap.testing import check_backend, painted_photo
from patchwrap_onnx.backend import load


@pytest.fixture(scope="module")
def native():
    return patchwrap.load_backend("native")


@pytest.fixture(scope="module")
def exported(native, tmp_path_factory):
    """The native coarse network as ``native.onnx``, with its JSON."""
    return patchwrap.export(native, tmp_path_factory.mktemp("exported") / "native.onnx").path


def relative(depth, wanted):
    return np.abs(depth / wanted - 1).max()


def test_the_backend_comes_back_with_all_its_facts(native, exported):
    backend = load(exported)
    check_backend(backend)

    for fact in ("convention", "processing", "multiple", "free_aspect", "mirror"):
        assert getattr(backend, fact) == getattr(native, fact)
    assert backend.metres_per_unit(0.7) == pytest.approx(native.metres_per_unit(0.7))


def test_the_file_alone_says_as_much_as_with_its_json(exported, tmp_path):
    alone = tmp_path / "alone.onnx"
    alone.symlink_to(exported)
    images = torch.rand(1, 3, 64, 96)

    assert load(alone).convention == load(exported).convention
    assert torch.equal(load(alone).predict(images), load(exported).predict(images))


@pytest.mark.parametrize("size", [(240, 400), (400, 240)])
def test_the_same_depth_comes_out(native, exported, size):
    photo = painted_photo(*size)
    options = {"plan": "2x2", "fov": 60.0}
    wanted = patchwrap.predict(photo, coarse=native, fine=patchwrap.wrap(native.fine), **options)
    whole = patchwrap.predict(photo, coarse=load(exported), fine=native.fine, **options)

    assert relative(whole.values, wanted.values) < 1e-3
    assert whole.convention == wanted.convention


def test_a_head_is_no_depth_model(native, tmp_path):
    head = patchwrap.export(native.head, tmp_path / "head.onnx")
    with pytest.raises(CheckpointError, match=r"6 inputs \(images, coarse"):
        load(head.path)


def run(folder, *arguments):
    command = [sys.executable, "-W", "error", "-m", "patchwrap", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_the_whole_way_on_the_command_line(tmp_path):
    picture = (255 * painted_photo(300, 480)).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "photo.png")

    export = run(tmp_path, "export", "--backend", "native", "-o", "m.onnx")
    assert export.returncode == 0, export.stderr
    assert len(export.stderr.splitlines()) == 1 and "depth:scale, equals torch" in export.stderr
    for name, backend in (("onnx", "onnx=m.onnx"), ("native", "native")):
        done = run(tmp_path, "predict", "photo.png", "--backend", backend, "-o", name, "--plan", "2x2", "--no-tiles")
        assert done.returncode == 0, done.stderr

    depth, wanted = (np.load(tmp_path / name / "photo_depth.npy") for name in ("onnx", "native"))
    assert relative(depth, wanted) < 1e-3
    facts = json.loads((tmp_path / "onnx" / "photo_depth.json").read_text())
    assert facts["convention"] == "depth:scale"


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        (None, "Nothing says what the numbers of m.onnx mean"),
        ({"convention": "disparity"}, "m.json: 'disparity' is not a depth convention"),
        ({"convention": "depth:metric", "colour": "BGR"}, "m.json: colour is not known"),
    ],
)
def test_the_command_line_refuses_in_one_line(save, beside, words):
    path = save(name="m.onnx")
    if beside is not None:
        path.with_suffix(".json").write_text(json.dumps(beside))
    Image.new("RGB", (64, 48)).save(path.parent / "photo.png")

    done = run(path.parent, "predict", "photo.png", "--backend", "onnx=m.onnx", "-o", "out")
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and words in lines[0]
