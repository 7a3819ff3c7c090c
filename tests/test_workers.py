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

STOPPED = """
import signal, sys, time
from concurrent.futures import as_completed
from pathlib import Path
from patchwrap.workers import workers

def note(number):
    Path(sys.argv[1], str(number)).touch()
    time.sleep(0.4)

if __name__ == "__main__":
    # A shell that runs the tests in the background has its children ignore the signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with workers(1) as pool:
        tasks = [pool.submit(note, number) for number in range(40)]
        for task in as_completed(tasks):
            print("at work", flush=True)
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


def test_ctrl_c_waits_for_the_tasks_under_way_alone(tmp_path):
    script, begun = tmp_path / "caller.py", tmp_path / "begun"
    script.write_text(STOPPED)
    begun.mkdir()
    command = [sys.executable, str(script), str(begun)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as caller:
        assert caller.stdout.readline() == "at work\n"
        caller.send_signal(signal.SIGINT)
        _, error = caller.communicate(timeout=30)
    assert error.splitlines()[-1] == "KeyboardInterrupt"
    # The first is done and the second under way; the third may begin before the signal arrives.
    assert len(list(begun.iterdir())) <= 3


def test_a_block_that_ends_well_waits_for_all_tasks():
    with workers(1) as pool:
        tasks = [pool.submit(pow, 2, number) for number in range(5)]
    assert [task.result() for task in tasks] == [1, 2, 4, 8, 16]
