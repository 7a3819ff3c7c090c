import logging

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from patchwrap.errors import BackendContractError, CheckpointError
from patchwrap_onnx.graph import Graph, providers

CUDA = torch.device("cuda", 1)


def test_open_and_fixed_sides_are_told_apart(save):
    assert Graph(save()).shape == [None, 3, None, None]
    assert Graph(save((1, 3, 48, "width"))).shape == [1, 3, 48, None]


@pytest.mark.parametrize("content", [None, b"", b"not ONNX at all"])
def test_what_is_no_model_is_one_clear_line(tmp_path, content):
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"bad\.onnx") as caught:
        Graph(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inputs": ["sparse", "focal"]}, r"3 inputs \(image, sparse, focal\)"),
        ({"sides": (3, "height", "width")}, "expected four sides"),
        ({"dtype": TensorProto.INT64}, r"takes tensor\(int64\)"),
    ],
)
def test_a_model_of_something_else_is_refused(save, options, words):
    with pytest.raises(CheckpointError, match=words) as caught:
        Graph(save(**options))
    assert "\n" not in str(caught.value)


def reshaping(save, *sides):
    """A graph that can only return maps of these sides."""
    constant = helper.make_node("Constant", [], ["sides"], value_ints=sides)
    return Graph(save(after=[constant, helper.make_node("Reshape", ["sum", "sides"], ["depth"])]))


def test_a_failing_run_names_the_input_and_what_may_help(save):
    graph = reshaping(save, -1, 1, 64, 64)
    with pytest.raises(BackendContractError, match=r"\(1, 3, 60, 60\).*multiple.*batch 1") as caught:
        graph.run(np.zeros((1, 3, 60, 60), np.float32), "depth")
    assert "\n" not in str(caught.value)


def test_memory_that_runs_out_is_told_apart(save):
    constant = helper.make_node("Constant", [], ["sides"], value_ints=[1 << 20, 1 << 20, 8, 8])
    graph = Graph(save(after=[constant, helper.make_node("Expand", ["sum", "sides"], ["depth"])]))
    with pytest.raises(MemoryError):
        graph.run(np.zeros((1, 3, 8, 8), np.float32), "depth")


def test_cuda_is_used_where_it_is(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    assert providers(CUDA) == [("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"]
    assert providers(torch.device("cpu")) == ["CPUExecutionProvider"]


def test_without_cuda_it_says_so_and_runs_on_the_cpu(save, caplog, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    graph = Graph(save())
    with caplog.at_level(logging.WARNING, "patchwrap"):
        graph.to(CUDA)
        graph.to(CUDA)
    assert len(caplog.records) == 1 and "onnxruntime-gpu" in caplog.text
    assert graph.run(np.ones((1, 3, 8, 8), np.float32), "depth").shape == (1, 1, 8, 8)


def test_threads_reach_onnxruntime(save):
    assert Graph(save(), threads=3)._session.get_session_options().intra_op_num_threads == 3
