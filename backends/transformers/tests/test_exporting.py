"""Transformers as ONNX: preprocessing and post-processing are in the graph, and its maps are torch's."""

import json

import jaxtyping
import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import patchwrap
from patchwrap.cli import main
from patchwrap.errors import ExportError, OptionError
from patchwrap.testing import painted_photo
from patchwrap_transformers.families import FAMILIES

TRACEABLE = [
    "depth_anything_metric",
    "prompt_depth_anything",
    "dpt",
    "dpt_hybrid",
    "dpt_dinov2",
    "glpn",
    "depth_pro",
    "chmv2",
    "tipsv2_dpt",
]


@pytest.fixture(autouse=True)
def untyped(monkeypatch):
    # Checked while a network is traced, a batch of two would be written down as the only one.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize("name", TRACEABLE)
def test_the_graph_equals_predict_and_says_what_it_takes(shared, name, tmp_path):
    backend = shared(name)
    exported = patchwrap.export(backend, tmp_path / "model.onnx")
    photo = torch.from_numpy(painted_photo(*backend.processing)).permute(2, 0, 1)[None]
    with torch.no_grad():
        wanted = backend.predict(photo).numpy()
    session = onnxruntime.InferenceSession(str(exported.path), providers=["CPUExecutionProvider"])

    maps = session.run(None, {"images": photo.numpy()})[0]

    assert np.abs(maps - wanted).max() <= 1e-4 * wanted.max() and wanted.std() > 0
    assert exported.facts["convention"] == str(backend.convention)
    assert exported.facts["processing"] == list(backend.processing) and not exported.facts["free_aspect"]


def test_all_families_but_one_are_covered():
    covered = {name for name, family in FAMILIES.items() if any(known.startswith(name) for known in TRACEABLE)}
    assert set(FAMILIES) - covered == {"zoedepth"} == {name for name, f in FAMILIES.items() if f.untraceable}


@pytest.mark.parametrize("name", ["zoedepth", "zoedepth_two_heads"])
def test_what_cannot_be_traced_says_so(shared, name, tmp_path):
    with pytest.raises(ExportError, match="ZoeDepthForDepthEstimation cannot be written as ONNX: it elects its head"):
        patchwrap.export(shared(name), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "size", "words"), [("dpt", (64, 128), r"nearest is \(64, 64\)"), ("depth_anything", (56, 90), "of 14")]
)
def test_a_size_that_the_network_never_sees_is_refused(shared, name, size, words, tmp_path):
    with pytest.raises(OptionError, match=words):
        patchwrap.export(shared(name), tmp_path / "model.onnx", size)


def test_a_network_of_squares_is_exported_for_any(shared):
    backend = shared("dpt")
    module, inputs = backend.exportable((96, 96))
    with torch.no_grad():
        raw = backend.network(backend.preprocessing(inputs["images"])).predicted_depth[:, None]
        assert torch.equal(module(*inputs.values()), raw) and torch.equal(backend.predict(**inputs), raw)


def test_a_compiled_backend_is_traced_as_it_was_before(load_tiny, tmp_path):
    exported = patchwrap.export(load_tiny("depth_anything", compile="eager"), tmp_path / "model.onnx")
    assert exported.difference < 1e-5


def test_the_whole_way_on_the_command_line(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray((255 * painted_photo(120, 160)).astype(np.uint8)).save("photo.png")
    named = ["--backend", f"transformers={tiny('dpt_dinov2')}", "--backend-option", "processing=70x56"]
    named += ["--convention", "depth:metric"]
    whole = ["predict", "photo.png", "--no-tiles", "-q", "-o"]

    assert main(["export", *named, "-o", "dpt.onnx"]) == 0
    assert "depth:metric, equals torch" in capsys.readouterr().err
    assert main([*whole, "torch", *named]) == main([*whole, "onnx", "--backend", "onnx=dpt.onnx"]) == 0

    facts = json.loads((tmp_path / "dpt.json").read_text())
    assert (facts["convention"], facts["processing"]) == ("depth:metric", [56, 70])
    depth, wanted = (np.load(tmp_path / way / "photo_depth.npy") for way in ("onnx", "torch"))
    assert np.abs(depth / wanted - 1).max() < 1e-3
