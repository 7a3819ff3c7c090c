"""Export to ONNX: what is written equals torch, says what it means, and nothing else is ever written."""

import importlib
import json
import sys
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import patchwrap
from patchwrap.cli import main
from patchwrap.errors import BackendContractError, ExportError, MissingExtraError, OptionError
from patchwrap.exporting import METADATA
from patchwrap.testing import PaintedBackend, bare_view


class Grey(nn.Module):
    """A 3x3 mean of the channels' weighted sum; ``factor`` may depend on the input."""

    def __init__(self, factor=lambda images: 1.0):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3, padding=1)
        self.factor = factor

    def forward(self, images):
        return self.conv(images) * self.factor(images)


class MedianHead:
    """A head that subtracts each tile's coarse median, as a head may."""

    class Centre(nn.Module):
        def forward(self, images, coarse, aligned):
            return aligned - coarse.flatten(1).median(1).values[:, None, None, None] + 0 * images[:, :1]

    def refine(self, view):
        return self.Centre()(view.images, view.coarse, view.aligned)

    def exportable(self, size):
        maps = {name: torch.rand(2, 1, *size) for name in ("coarse", "aligned")}
        return self.Centre().eval(), {"images": torch.rand(2, 3, *size), **maps}


def backend(module=None, **facts):
    facts = {"convention": "inverse_depth:affine", "processing": (32, 48), "multiple": 4} | facts
    return patchwrap.wrap_callable((module or Grey()).eval(), **facts)


def session_of(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    """A small backend and what its export returned."""
    made = backend()
    return made, patchwrap.export(made, tmp_path_factory.mktemp("grey") / "deep" / "grey.onnx")


@pytest.mark.parametrize("shape", [(1, 3, 32, 48), (3, 3, 48, 32), (2, 3, 64, 4)])
def test_the_file_equals_torch_at_any_size_and_batch(grey, shape):
    made, exported = grey
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = made.predict(images).numpy()

    np.testing.assert_allclose(session_of(exported.path).run(None, {"images": images.numpy()})[0], wanted, atol=1e-5)
    assert 0 <= exported.difference < 1e-5


def test_the_meaning_lies_in_the_file_and_beside_it(grey):
    _, exported = grey
    assert names(exported.path.parent) == ["grey.json", "grey.onnx"]
    facts = json.loads(exported.facts_path.read_text())
    assert facts == {
        "convention": "inverse_depth:affine",
        "processing": [32, 48],
        "multiple": 4,
        "free_aspect": True,
        "mirror": False,
        "knows_tiles": False,
        "layout": "NCHW",
        "color": "RGB",
        "range": [0, 1],
        "output": "inverse_depth",
    }
    session = session_of(exported.path)
    assert json.loads(session.get_modelmeta().custom_metadata_map[METADATA]) == facts == exported.facts
    assert session.get_inputs()[0].shape == ["batch", 3, "height", "width"]


def test_a_size_can_be_fixed(tmp_path):
    exported = patchwrap.export(backend(), tmp_path / "fixed.onnx", size=(16, 24))

    assert session_of(exported.path).get_inputs()[0].shape == ["batch", 3, 16, 24]
    assert (exported.facts["processing"], exported.facts["free_aspect"]) == ([16, 24], False)


def test_what_keeps_its_aspect_is_fixed_by_itself(tmp_path):
    exported = patchwrap.export(backend(processing=(16, 16), free_aspect=False), tmp_path / "square.onnx")

    assert session_of(exported.path).get_inputs()[0].shape == ["batch", 3, 16, 16]


def test_a_module_that_was_traced_for_one_size_gets_the_preferred_one(tmp_path):
    made = backend()
    made.open_size = False
    exported = patchwrap.export(made, tmp_path / "one.onnx")

    assert session_of(exported.path).get_inputs()[0].shape == ["batch", 3, 32, 48]
    assert (exported.facts["processing"], exported.facts["free_aspect"]) == ([32, 48], False)


def with_scale(convention, scale):
    made = backend(convention=convention)
    made.metres_per_unit = scale
    return made


@pytest.mark.parametrize("number", [np.float32, torch.tensor, float])
def test_a_scale_is_written_as_a_number(tmp_path, number):
    made = with_scale("inverse_depth:scale", lambda focal: number(3 * focal))
    facts = patchwrap.export(made, tmp_path / "scaled.onnx").facts
    assert facts["metres_per_focal"] == 3 and type(facts["metres_per_focal"]) is float


def test_a_scale_is_written_only_where_it_is_unknown(tmp_path):
    made = with_scale("inverse_depth:metric", lambda focal: 3 * focal)
    assert "metres_per_focal" not in patchwrap.export(made, tmp_path / "metric.onnx").facts


@pytest.mark.parametrize(
    ("scale", "error", "words"),
    [
        (lambda focal: focal + 1, ExportError, "is 1.5 at focal length 0.5 and 2 at 1; .* proportional"),
        (lambda focal: -focal, BackendContractError, "expected a positive number"),
    ],
)
def test_a_scale_that_one_number_cannot_state_is_refused(tmp_path, scale, error, words):
    with pytest.raises(error, match=f"Grey.metres_per_unit.*{words}"):
        patchwrap.export(with_scale("depth:scale", scale), tmp_path / "scaled.onnx")
    assert names(tmp_path) == []


@pytest.mark.parametrize("pixels", [(5, 7), (4, 8)])
def test_a_heads_median_is_torchs_lower_one(tmp_path, pixels):
    exported = patchwrap.export(MedianHead(), tmp_path / "head.onnx")
    draw = torch.Generator().manual_seed(2)
    maps = {name: torch.rand(3, 1, *pixels, generator=draw) for name in ("coarse", "aligned")}
    images = torch.rand(3, 3, *pixels, generator=draw)
    feed = {"images": images, **maps}
    wanted = MedianHead().refine(bare_view(images, **maps))

    got = session_of(exported.path).run(None, {name: value.numpy() for name, value in feed.items()})[0]
    np.testing.assert_allclose(got, wanted.numpy(), atol=1e-6)
    assert "convention" not in exported.facts


def longer_side(images):
    """Fixed by tracing to whichever side is longer in the example."""
    return images.shape[2] / 10 if images.shape[2] > images.shape[3] else images.shape[3] / 10


def bright(images):
    """A branch on values, which no graph has."""
    return 2.0 if images.mean() > 0.5 else 1.0


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (PaintedBackend(), "PaintedBackend is not one torch module"),
        (patchwrap.wrap_callable(lambda images: images.mean(1), "depth:metric", (32, 48)), "plain function"),
        (backend(Grey(longer_side)), r"differs from torch by 0\.\d+ for 1 of 32x48 pixels.*--size"),
        (backend(Grey(bright)), "cannot be traced: Could not guard on data-dependent"),
        (backend(Grey(lambda images: images.new_ones(1, 1, 32, 48))), r"cannot be traced: .*\b32\b.*--size"),
    ],
)
def test_what_cannot_be_exported_says_why_and_leaves_nothing(tmp_path, capfd, thing, words):
    (tmp_path / "old.onnx").write_text("old")
    with pytest.raises(ExportError, match=words) as caught:
        patchwrap.export(thing, tmp_path / "old.onnx")

    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    assert names(tmp_path) == ["old.onnx"] and (tmp_path / "old.onnx").read_text() == "old"
    assert capfd.readouterr() == ("", "")


def test_a_batch_that_tracing_fixed_is_found(tmp_path):
    fixed = Grey(lambda images: images.new_ones(2, 1, 1, 1))
    with pytest.raises(ExportError, match=r"cannot be traced|fails as ONNX|for 1 of"):
        patchwrap.export(backend(fixed), tmp_path / "a.onnx")


def test_training_mode_is_refused(tmp_path, monkeypatch):
    made = backend()
    exportable = type(made).exportable

    def in_training(self, size):
        module, inputs = exportable(self, size)
        return module.train(), inputs

    monkeypatch.setattr(type(made), "exportable", in_training)
    with pytest.raises(ExportError, match=r"training mode.*eval\(\)"):
        patchwrap.export(made, tmp_path / "a.onnx")


@pytest.mark.parametrize(("path", "size", "words"), [("a.pt", None, r"\.onnx"), ("a.onnx", (16, 22), "multiples of 4")])
def test_impossible_paths_and_sizes_are_refused(tmp_path, path, size, words):
    with pytest.raises(OptionError, match=words):
        patchwrap.export(backend(), tmp_path / path, size=size)


@pytest.mark.parametrize("missing", ["onnxscript", "onnx_ir"])
def test_without_the_extra_or_what_it_needs_it_says_which(tmp_path, monkeypatch, missing):
    for name in [name for name in sys.modules if name.partition(".")[0] == "onnxscript"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    told = rf'needs onnxscript, which cannot be imported \(.*{missing}.*\): `pip install "patchwrap\[export\]"'
    with pytest.raises(MissingExtraError, match=told):
        patchwrap.export(backend(), tmp_path / "a.onnx")


def test_without_onnxruntime_nothing_is_compared(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert patchwrap.export(backend(), tmp_path / "a.onnx").difference is None


FAULTS = ImportError("DLL load failed"), ModuleNotFoundError("No flatbuffers", name="flatbuffers")


@pytest.mark.parametrize("error", FAULTS)
def test_an_onnxruntime_that_fails_is_told(tmp_path, monkeypatch, error):
    def fail(name):
        if name == "onnxruntime":
            raise error
        return importlib.import_module(name)

    monkeypatch.setattr("patchwrap.exporting.importlib", SimpleNamespace(import_module=fail))
    with pytest.raises(ExportError, match=f"cannot be compared: onnxruntime fails: {error.msg}"):
        patchwrap.export(backend(), tmp_path / "a.onnx")


def test_the_callers_default_device_does_not_apply(tmp_path):
    made = backend()
    with torch.device("meta"):
        assert patchwrap.export(made, tmp_path / "a.onnx", size=(16, 24)).difference < 1e-5


def test_the_callers_random_numbers_go_on(grey, tmp_path, monkeypatch):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU was seeded"))
    patchwrap.export(grey[0], tmp_path / "a.onnx", size=(16, 24))
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "a.onnx", "--backend", "ramp"], "Ramp is not one torch module"),
        (["-o", "a.onnx", "--backend", "ramp", "--part", "head"], "'ramp' has no part 'head'"),
        (["-o", "a.pt", "--backend", "ramp"], "does not end in .onnx"),
        (["-o", ".", "--backend", "ramp"], "does not end in .onnx"),
        (["-o", "old.onnx", "--backend", "ramp"], "'old.onnx' exists; add --overwrite"),
        (["-o", "old.onnx/a.onnx", "--backend", "ramp"], "-o 'old.onnx' is not a folder"),
        (["-o", "a.onnx", "--backend", "ramp", "--size", "320"], "WIDTHxHEIGHT"),
        (["-o", "a.onnx", "--backend", "romp"], "Did you mean 'ramp'"),
        (
            ["-o", "a.onnx", "--backend", "ramp", "--convention", "depth:metric"],
            "takes no such option: got an unexpected keyword argument 'convention'. It has: no options. It states its",
        ),
        (["-o", "a.onnx", "--backend", "ramp", "--backend-option", "steps=3"], "takes no such option"),
    ],
)
def test_the_command_line_refuses_in_one_line(ramp, tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.onnx").touch()

    assert main(["export", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and words in lines[0]
