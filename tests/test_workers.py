"""Workers end with the process that called them."""

import os
import signal
import subprocess
import sys

import pytest

from patchwrap.workers import workers

CALLER = """
import time
from patchwrap.workers import workers

if __name__ == "__main__":
    with workers(2) as pool:
        pool.submit(abs, 1).result()
        print("at work", flush=True)
        list(pool.map(time.sleep, [600] * 8))
"""


def test_they_work_in_processes_of_their_own():
    with workers(1) as pool:
        assert pool.submit(pow, 2, 10).result() == 1024
        assert pool.submit(os.getpid).result() != os.getpid()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_none_outlives_a_caller_that_was_killed(tmp_path, end):
    script = tmp_path / "caller.py"
    script.write_text(CALLER)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as caller:
        assert caller.stdout.readline() == b"at work\n"
        caller.send_signal(end)
        # They write to the same pipe, which ends when the last of them has.
        caller.communicate(timeout=20)
    assert caller.returncode == -end
