"""Small graphs with answers that can be worked out by hand: a weighted sum of the three channels, 1 R + 2 G + 4 B."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

PIXEL = torch.tensor([0.1, 0.2, 0.4])[:, None, None]
"""Its weighted sum is 2.1; read as BGR, 1.2."""


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def images():
    """Two pictures of one colour each, the second darker."""
    first = PIXEL.expand(3, 8, 12)
    return torch.stack([first, first / 2])


@pytest.fixture
def save(tmp_path):
    """Write a graph and return its path: ``save(input sides, nodes after the sum …)``; see ``weighted_sum``."""

    def save(sides=("batch", 3, "height", "width"), name="model.onnx", **options) -> Path:
        onnx.save(weighted_sum(sides, **options), tmp_path / name)
        return tmp_path / name

    return save


def weighted_sum(
    sides, nhwc=False, dtype=TensorProto.FLOAT, after=(), outputs=("depth",), metadata=None, inputs=(), sequence=False
):
    """A graph of the weighted sum.

    Args:
        sides: of the input.
        nhwc: whether channels come last in the input.
        dtype: of the input.
        after: nodes that turn ``sum`` (batch, 1, height, width) into the outputs; default: it is the output.
        outputs: their names.
        metadata: the graph's.
        inputs: names of further inputs.
        sequence: whether the outputs are sequences of tensors.
    """
    info = helper.make_tensor_sequence_value_info if sequence else helper.make_tensor_value_info
    nodes = [helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT)]
    if nhwc:
        nodes.append(helper.make_node("Transpose", ["float"], ["first"], perm=[0, 3, 1, 2]))
    weights = numpy_helper.from_array(np.array([1, 2, 4], np.float32).reshape(1, 3, 1, 1), "weights")
    nodes.append(helper.make_node("Mul", ["first" if nhwc else "float", "weights"], ["weighted"]))
    nodes.append(helper.make_node("ReduceSum", ["weighted", "axis"], ["sum"]))
    nodes += after or [helper.make_node("Identity", ["sum"], list(outputs))]
    graph = helper.make_graph(
        nodes,
        "weighted_sum",
        [helper.make_tensor_value_info(name, dtype, sides) for name in ("image", *inputs)],
        [info(name, TensorProto.FLOAT, None) for name in outputs],
        [weights, numpy_helper.from_array(np.array([1]), "axis")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    return model
