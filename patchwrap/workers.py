"""Processes that work side by side and end with the one that called them, however that ended. Knows no task."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from threading import Thread


def workers(count: int) -> ProcessPoolExecutor:
    """Processes that start from nothing, as an OpenGL context and threads of torch demand.

    Args:
        count: how many.
    """
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """Whoever is killed cannot tell its workers, and they would wait for their next task for ever."""
    Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
