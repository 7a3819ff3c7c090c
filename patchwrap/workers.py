"""Processes that work side by side and end with the one that called them, however that ended. Knows no task."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

_given_up: Any = None
"""In a worker: a number shared with its caller, 0 while tasks shall begin."""


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that start from nothing, as an OpenGL context and threads of torch demand.

    A block that ends well waits for all tasks; one that ends by an error, Ctrl-C included, for those under way alone.

    Args:
        count: how many.
    """
    context = get_context("spawn")
    given_up = context.RawValue("b", 0)
    with _Pool(count, context, initializer=_prepare, initargs=(given_up,)) as pool:
        try:
            yield pool
        except BaseException:
            given_up.value = 1
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _Pool(ProcessPoolExecutor):
    """Can also call off the tasks that wait in the workers' queue, which ``cancel_futures`` no longer reaches."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(_unless_given_up, fn, *args, **kwargs)


def _unless_given_up(task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if _given_up.value:
        raise CancelledError
    return task(*args, **kwargs)


def _prepare(given_up: Any) -> None:
    """Whoever is killed cannot tell its workers, and they would wait for their next task for ever."""
    global _given_up
    _given_up = given_up
    Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
