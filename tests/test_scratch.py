import errno
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from patchwrap import OutputError, scratch


@pytest.fixture
def low_limit(monkeypatch):
    monkeypatch.setattr(scratch, "LIMIT", 1000)


def test_small_arrays_live_in_memory_and_large_ones_in_a_file(low_limit):
    small, large = scratch.array((10, 25)), scratch.array((10, 26))
    assert not isinstance(small, np.memmap) and isinstance(large, np.memmap)
    for values in (small, large):
        assert values.dtype == np.float32 and not values.any() and values.flags.writeable


def test_what_is_released_is_still_there(low_limit):
    values = scratch.array((50, 50), bool)
    values[::2] = True
    scratch.release()
    assert values[::2].all() and not values[1::2].any()


def test_released_pages_no_longer_count_as_memory(low_limit):
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")

    values = scratch.array((4000, 4000))
    values += 1
    before = resident()
    scratch.release()
    assert before - resident() > 0.9 * values.nbytes
    assert values[-1, -1] == 1


def test_a_tensor_keeps_the_file_alive(low_limit):
    tensor = torch.from_numpy(scratch.array((100, 100)))
    tensor += 2
    scratch.release()
    assert tensor.sum() == 20000


def test_arrays_may_be_made_in_one_thread_while_another_releases_them(low_limit):
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        kept = [scratch.array((1000,)) for _ in range(50)]
        with ThreadPoolExecutor(2) as threads:
            made = threads.submit(lambda: [scratch.array((1000,)) for _ in range(1000)])
            while not made.done():
                scratch.release()
        assert len(made.result()) == 1000 and not any(values.any() for values in kept)
    finally:
        sys.setswitchinterval(before)


def test_nothing_is_left_in_the_folder(low_limit, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    values = scratch.array((100, 100))
    assert isinstance(values, np.memmap) and not list(tmp_path.iterdir())


def test_bands_cover_every_row():
    assert [(rows.start, rows.stop) for rows in scratch.bands(600)] == [(0, 256), (256, 512), (512, 600)]
    assert [(rows.start, rows.stop) for rows in scratch.bands(5, rows=3)] == [(0, 3), (3, 5)]


def test_a_missing_folder_is_named_with_the_cure(low_limit, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match=r"gone'.*No such file.*TMPDIR"):
        scratch.array((100, 100))


def test_a_full_disk_is_found_before_anything_is_written(low_limit, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OutputError, match=rf"38 MiB .*{tmp_path}.*No space left on device.*TMPDIR") as caught:
        scratch.array((10_000, 1000))
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
