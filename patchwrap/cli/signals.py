"""Ctrl-C and SIGTERM as exceptions that unwind the stack, and a note that Ctrl-C was pressed."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_pressed = threading.Event()


def interrupted() -> bool:
    """Whether Ctrl-C was pressed; imports and plugins may turn its KeyboardInterrupt into another error."""
    return _pressed.is_set()


@contextmanager
def terminable() -> Iterator[None]:
    """Note Ctrl-C, and let SIGTERM unwind the stack, so that no temporary file stays behind."""
    _pressed.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGTERM: _leave}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a caller ignores or handles it
        handlers[signal.SIGINT] = _interrupt
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _pressed.set()
    raise KeyboardInterrupt


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
