import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

import patchwrap
from patchwrap.errors import BackendContractError, CheckpointError, ConventionError, OptionError
from patchwrap.testing import check_backend, painted_photo
from patchwrap_onnx.backend import load

FACTS = {"convention": "inverse_depth:affine", "processing": (48, 64)}


def node(kind, given, made, **attributes):
    return helper.make_node(kind, given, made, **attributes)


POOL = node("AveragePool", ["sum"], ["depth"], kernel_shape=[2, 2], strides=[2, 2])
SQUEEZE = [node("Constant", [], ["one"], value_ints=[1]), node("Squeeze", ["sum", "one"], ["depth"])]
CHANNELS_LAST = node("Transpose", ["sum"], ["depth"], perm=[0, 2, 3, 1])
FLAT = node("Squeeze", ["sum"], ["depth"])
TWO = [node("Identity", ["sum"], ["depth"]), node("Neg", ["sum"], ["uncertainty"])]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sides": ("batch", 3, 48, 64)},
        {"sides": (1, 3, 48, 64)},
        {"sides": (1, 48, 64, 3), "nhwc": True},
        {"sides": (1, "height", "width", 3), "nhwc": True, "dtype": TensorProto.UINT8},
        {"after": [POOL]},
        {"after": SQUEEZE},
        {"after": [CHANNELS_LAST]},
        {"sides": (1, 3, 48, 64), "after": [FLAT]},
    ],
)
def test_every_kind_of_graph_keeps_the_contract_and_sees_the_same(save, options, images):
    backend = load(save(**options), **FACTS)
    check_backend(backend)

    resized = torch.nn.functional.interpolate(images, backend.processing)
    white = 255 if "dtype" in options else 1
    wanted = white * torch.tensor([2.1, 1.05])[:, None, None, None].expand(-1, 1, 48, 64)
    torch.testing.assert_close(backend.predict(resized), wanted, rtol=0.01, atol=0)


def test_holes_written_as_zero_do_not_mix_with_the_depths_around_them(save, images):
    first = torch.nn.functional.interpolate(images[:1], (48, 64))
    first[..., :20, :32] = 0
    values = load(save(after=[POOL]), convention="depth:metric", processing=(48, 64)).predict(first)
    valid = values[values.isfinite()]
    assert len(valid) < values.numel()
    torch.testing.assert_close(valid, torch.full_like(valid, 2.1))


def test_a_fixed_graph_tells_its_size_and_an_open_one_is_free(save):
    fixed, wide, free = (load(save(sides), **FACTS) for sides in ((1, 3, 48, 64), (1, 3, 48, "w"), ("b", 3, "h", "w")))

    assert (fixed.processing, fixed.free_aspect) == ((48, 64), False)
    assert (wide.processing, wide.free_aspect) == ((48, 64), False)
    assert (free.processing, free.free_aspect) == ((48, 64), True)
    assert load(save((1, 3, 32, 40)), convention="depth:scale").processing == (32, 40)


def test_a_fixed_batch_is_filled_up_and_a_limited_one_is_not(save, images, monkeypatch):
    for sides, options, seen in (
        ((1, 3, "h", "w"), {}, [1, 1, 1]),
        ((2, 3, "h", "w"), {}, [2, 2]),
        (("b", 3, "h", "w"), {"batch": 2}, [2, 1]),
        (("b", 3, "h", "w"), {}, [3]),
    ):
        backend = load(save(sides), **FACTS, **options)
        shapes = spy(backend, monkeypatch)
        maps = backend.predict(torch.cat([images, images[:1]]))
        assert [shape[0] for shape in shapes] == seen
        torch.testing.assert_close(maps[:, 0, 0, 0], torch.tensor([2.1, 1.05, 2.1]))


def spy(backend, monkeypatch):
    shapes, run = [], backend.graph.run
    monkeypatch.setattr(backend.graph, "run", lambda array, output: shapes.append(array.shape) or run(array, output))
    return shapes


def test_one_of_several_outputs_is_named(save, images):
    path = save(after=TWO, outputs=("depth", "uncertainty"))

    assert load(path, **FACTS, output="uncertainty").predict(images).max() < 0
    with pytest.raises(OptionError, match="several outputs; give output, one of depth, uncertainty"):
        load(path, **FACTS)
    with pytest.raises(OptionError, match="no output 'disparity'"):
        load(path, **FACTS, output="disparity")


@pytest.mark.parametrize(
    ("sides", "facts", "words"),
    [
        (("b", 3, "h", "w"), {"processing": None}, r"any size.*processing \(height, width\).*model\.json"),
        ((1, 3, 48, "w"), {"processing": None}, "any size"),
        ((1, 3, 48, 64), {"processing": (48, 48)}, r"fixed to \(48, 64\)"),
        (("b", 3, "h", "w"), {"multiple": 14, "free_aspect": False}, "not a multiple of 14"),
        (("b", 3, "h", "w"), {"colour": "BGR"}, "colour"),
    ],
)
def test_what_is_missing_or_contradicts_the_graph_is_one_clear_line(save, sides, facts, words):
    with pytest.raises(OptionError, match=words) as caught:
        load(save(sides), **{**FACTS, **facts})
    assert "\n" not in str(caught.value)


def test_a_file_is_needed(tmp_path):
    with pytest.raises(CheckpointError, match=r"onnx=model\.onnx"):
        load()
    with pytest.raises(CheckpointError, match="No ONNX file"):
        load(tmp_path / "none.onnx")


def test_a_home_relative_file(save, monkeypatch):
    monkeypatch.setenv("HOME", str(save().parent))
    assert load("~/model.onnx", **FACTS).processing == (48, 64)


def test_a_sequence_in_place_of_maps_is_refused(save, images):
    backend = load(save(after=[node("SequenceConstruct", ["sum"], ["depth"])], sequence=True), **FACTS)
    with pytest.raises(BackendContractError, match=r"'depth' of .*model\.onnx is not a tensor"):
        backend.predict(images)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda backend: pickle.loads(pickle.dumps(backend))])
def test_a_backend_can_be_copied_and_pickled(save, images, again):
    backend = load(save(), **FACTS, threads=1)
    copied = again(backend)
    assert torch.equal(copied.predict(images), backend.predict(images))
    assert copied.graph._session.get_session_options().intra_op_num_threads == 1
    assert copied.graph._session is not backend.graph._session


@pytest.mark.parametrize("kind", [{"op": "Flatten"}, {"op": "Concat", "axis": 1}, {"op": "Concat", "axis": 0}])
def test_an_output_that_is_no_map_an_image_is_refused(save, kind, images):
    given = ["sum"] if kind["op"] == "Flatten" else ["sum", "sum"]
    backend = load(save(after=[node(kind.pop("op"), given, ["depth"], **kind)]), **FACTS)
    with pytest.raises(BackendContractError, match=r"one map per image.*batch to 1"):
        backend.predict(images)


def test_a_smaller_batch_follows_when_memory_runs_out(save, monkeypatch):
    backend = load(save(), **FACTS)
    run, seen = backend.graph.run, []

    def scarce(array, output):
        seen.append(len(array))
        if len(array) > 2:
            raise MemoryError
        return run(array, output)

    monkeypatch.setattr(backend.graph, "run", scarce)
    fused = patchwrap.predict(painted_photo(), backend, plan="4x4", tile_batch_size=8)
    assert seen[:4] == [1, 8, 4, 2] and np.isfinite(fused.values).all()


def test_the_focal_length_gives_metres(save):
    assert not hasattr(load(save(), **FACTS), "metres_per_unit")
    facts = {"convention": "depth:scale", "processing": (48, 64), "metres_per_focal": 3.0}
    backend = load(save(), **facts)
    one, metric = (patchwrap.predict(painted_photo(), backend, plan="2x2", fov=fov) for fov in (None, 90.0))

    assert (str(one.convention), str(metric.convention)) == ("depth:scale", "depth:metric")
    np.testing.assert_allclose(metric.values, one.values * 3.0 * 0.5, rtol=1e-5)


def test_the_focal_length_gives_metres_of_inverse_depth(save):
    backend = load(save(), convention="inverse_depth:scale", processing=(48, 64), metres_per_focal=3.0)
    one, metric = (patchwrap.predict(painted_photo(), backend, plan="2x2", fov=fov) for fov in (None, 90.0))

    assert str(metric.convention) == "inverse_depth:metric"
    np.testing.assert_allclose(metric.values, one.values / (3.0 * 0.5), rtol=1e-5)


@pytest.mark.parametrize("convention", ["depth:metric", "depth:affine", "inverse_depth:affine"])
def test_what_is_not_up_to_a_scale_has_no_metres_per_focal(save, convention):
    path = save()
    for beside, options in (({}, {"metres_per_focal": 3.0}), ({"metres_per_focal": 3.0}, {})):
        path.with_suffix(".json").write_text(json.dumps(beside))
        with pytest.raises(OptionError, match=f"metres_per_focal.*{convention}") as caught:
            load(path, convention=convention, processing=(48, 64), **options)
        assert "\n" not in str(caught.value)


def test_tiles_bring_detail_back(save):
    path = save()
    path.with_suffix(".json").write_text(json.dumps({"convention": "inverse_depth:affine", "processing": [60, 100]}))
    photo = painted_photo()
    fused = patchwrap.predict(photo, load(path), plan="p49")

    wanted = 7 * photo[..., 0]
    assert np.abs(fused.values - wanted).mean() < 0.2 * np.abs(fused.coarse - wanted).mean()


def test_the_plugin_loads_neither_torch_nor_onnxruntime():
    code = "import patchwrap_onnx.plugin, sys; print({'torch', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_a_convention_nothing_runs(save):
    with pytest.raises(ConventionError, match="convention"):
        load(save(), processing=(48, 64))
