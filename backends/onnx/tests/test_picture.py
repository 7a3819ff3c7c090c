import numpy as np
import pytest
import torch
from onnx import TensorProto

from patchwrap.errors import CheckpointError, OptionError
from patchwrap_onnx.card import complete, read_facts
from patchwrap_onnx.graph import Graph
from patchwrap_onnx.picture import PictureInput

PICTURE = torch.tensor([0.1, 0.2, 0.4])[:, None, None].expand(1, 3, 8, 12)


def input_of(path, **facts):
    card = complete(read_facts(path, {"convention": "depth:metric", **facts}), {}, path)
    return PictureInput.of(Graph(path), card)


def pixel(path, **facts):
    """The first pixel's channels, as they enter the graph."""
    array = input_of(path, **facts).encode(PICTURE)
    channels = array[0, 0, 0] if array.shape[3] == 3 else array[0, :, 0, 0]
    return channels.tolist()


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({}, [0.1, 0.2, 0.4]),
        ({"color": "BGR"}, [0.4, 0.2, 0.1]),
        ({"range": (-1, 1)}, [-0.8, -0.6, -0.2]),
        ({"range": (0, 255)}, [25.5, 51, 102]),
        ({"mean": (0.1, 0.1, 0.2), "std": (1, 0.5, 0.1)}, [0, 0.2, 2]),
        ({"range": (0, 255), "mean": (25.5, 1, 2), "std": (1, 2, 4)}, [0, 25, 25]),
        ({"color": "BGR", "mean": (0.4, 0, 0)}, [0, 0.2, 0.1]),
    ],
)
def test_normalisation_can_be_worked_out_by_hand(save, facts, wanted):
    assert pixel(save(), **facts) == pytest.approx(wanted, abs=1e-5)


def test_bytes_go_from_0_to_255_and_are_rounded(save):
    path = save(dtype=TensorProto.UINT8)
    assert pixel(path) == [26, 51, 102]
    assert input_of(path).encode(PICTURE).dtype == np.uint8


def test_half_precision(save):
    assert input_of(save(dtype=TensorProto.FLOAT16)).encode(PICTURE).dtype == np.float16


@pytest.mark.parametrize(
    ("sides", "facts", "layout", "fixed"),
    [
        (("batch", 3, "height", "width"), {}, "NCHW", (None, None)),
        (("batch", "height", "width", 3), {}, "NHWC", (None, None)),
        ((1, 3, 48, 64), {}, "NCHW", (48, 64)),
        ((1, 48, 64, 3), {}, "NHWC", (48, 64)),
        (("batch", "a", "b", "c"), {"layout": "NHWC"}, "NHWC", (None, None)),
        ((1, 3, 48, 3), {"layout": "NCHW"}, "NCHW", (48, 3)),
    ],
)
def test_layout_and_sides_are_read_off_the_graph(save, sides, facts, layout, fixed):
    entrance = input_of(save(sides, nhwc=layout == "NHWC"), **facts)

    assert (entrance.layout, entrance.sides) == (layout, fixed)
    assert entrance.encode(PICTURE).shape == ((1, 3, 8, 12) if layout == "NCHW" else (1, 8, 12, 3))


def test_what_the_graph_does_not_tell_is_asked_for(save):
    with pytest.raises(OptionError, match="layout NCHW or NHWC"):
        input_of(save(("batch", "a", "b", "c")))


def test_grey_pictures_are_refused(save):
    with pytest.raises(CheckpointError, match="48 channels"):
        input_of(save((1, 48, 64, 3), nhwc=True), layout="NCHW")
