"""A pool of processes that end with their parent, even if it is killed."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

_given_up: Any = None
"""In a worker: flag shared with the parent; nonzero means that no further task may start."""


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Pool of spawned (not forked) processes, as OpenGL contexts and torch threads require.

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
    """Also cancels tasks already in the workers' queue, which ``cancel_futures`` does not."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(_unless_given_up, fn, *args, **kwargs)


def _unless_given_up(task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    if _given_up.value:
        raise CancelledError
    return task(*args, **kwargs)


def _prepare(given_up: Any) -> None:
    """End the worker when the parent is gone; a killed parent cannot do it."""
    global _given_up
    _given_up = given_up
    Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
