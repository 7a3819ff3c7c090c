"""Scenes without end: the same for everybody, shared out to processes and loader workers."""

import subprocess
import sys
from functools import partial
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest

from patchwrap.datasets import GeneratedScenes, generated
from patchwrap.errors import OptionError
from patchwrap.scenes import TRAINING_KINDS, Renderer, build_scene


def test_scenes_are_those_of_their_seeds():
    first, second = islice(GeneratedScenes((48, 64), seed=5, kinds=("room", "street")), 2)
    assert (first.name, second.name) == ("000005_street", "000006_room")
    again = next(iter(GeneratedScenes((48, 64), seed=6, kinds=("room", "street"))))
    np.testing.assert_array_equal(again.photo.pixels, second.photo.pixels)
    with Renderer() as renderer:
        frame = renderer.render(build_scene(6, "room"), (48, 64))
    np.testing.assert_array_equal(second.depth, frame.depth)
    assert second.intrinsics == frame.intrinsics and second.evaluated.any()
    np.testing.assert_array_equal(second.sky, np.isinf(frame.depth))


def test_a_model_that_needs_triton_can_be_loaded_after_scenes():
    """In a process of its own: what was loaded first decides."""
    code = """
from patchwrap.datasets import GeneratedScenes
next(iter(GeneratedScenes((32, 48))))
try:
    import triton
except ImportError:
    pass
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


@pytest.mark.parametrize("processes, workers", [(1, 1), (1, 3), (2, 1), (2, 2)])
def test_together_all_draw_what_one_would(monkeypatch, processes, workers):
    drawn = []
    for rank in range(processes):
        for index in range(workers):
            worker = SimpleNamespace(id=index, num_workers=workers)
            monkeypatch.setattr(generated, "get_worker_info", partial(lambda worker: worker, worker))
            drawn += islice(GeneratedScenes(seed=100, shard=(rank, processes)).numbers(), 3)
    assert sorted(drawn) == list(range(100, 100 + 3 * processes * workers))


def test_what_cannot_be_drawn():
    with pytest.raises(OptionError, match="given 'cellar', needed any of street"):
        GeneratedScenes(kinds=("cellar",))
    with pytest.raises(OptionError, match="given none, needed"):
        GeneratedScenes(kinds=())
    with pytest.raises(OptionError, match="shard 2 of 2"):
        GeneratedScenes(shard=(2, 2))
    assert GeneratedScenes().kinds == TRAINING_KINDS
