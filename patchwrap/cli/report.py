"""Output of the command line: progress, one line per image, errors without tracebacks, listings."""

import json
import logging
import sys
import time
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from patchwrap.errors import PatchwrapError, is_out_of_memory, named, one_line

_A_MOMENT = 0.5
_LINE_BREAKERS = {code: repr(chr(code))[1:-1] for code in (*range(32), 127, 0x85, 0x2028, 0x2029)}


def explain(error: BaseException, culprit: str = "patchwrap", has_verbose: bool = True) -> str:
    """Say in one line what went wrong and what to do.

    Args:
        error: anything raised.
        culprit: what an unexpected error is attributed to.
        has_verbose: whether the verb has ``-v``, which shows the traceback.
    """
    if isinstance(error, PatchwrapError):
        return one_line(error)
    if is_out_of_memory(error):
        return "out of memory; try --tile-batch-size 1, a smaller picture or --device cpu"
    if isinstance(error, OSError):
        return f"{error.strerror or one_line(error)}{f': {error.filename!r}' if error.filename else ''}"
    what_to_do = "run again with -v and report the traceback" if has_verbose else "report it"
    return f"{named(error)}. This is a bug of {culprit}, not yours; {what_to_do}"


def escape(line: str) -> str:
    """Escape control characters, so that a file name with a newline in it remains on one line."""
    return line.translate(_LINE_BREAKERS)


def print_traceback(error: BaseException, verbose: bool) -> None:
    """Print an error's traceback if ``-v`` is given."""
    if verbose:
        traceback.print_exception(error, file=sys.stderr)


def print_listing(rows: Sequence[dict[str, Any]], as_json: bool, empty: str) -> None:
    """Print rows as JSON or as aligned columns, on stdout.

    Args:
        rows: of equal keys, which are the columns' titles.
        as_json: print one JSON array.
        empty: what to print when there is no row.
    """
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    if not rows:
        print(empty)
        return
    table = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table)]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


class Reporter:
    """Progress on stderr: bars on a terminal, one plain line per image elsewhere, errors always.

    The bars appear only when the work takes more than a moment.

    Args:
        images: how many there are to do.
        quiet: errors only.
        verbose: errors with their tracebacks.
        as_json: one JSON object for each image on stdout as well.
    """

    def __init__(self, images: int, quiet: bool = False, verbose: bool = False, as_json: bool = False) -> None:
        self._images = images
        self._quiet = quiet
        self._verbose = verbose
        self._as_json = as_json
        self._stream = sys.stderr
        self._bars: Any = None
        self._started = time.monotonic()
        self._done = 0
        self._log = logging.getLogger("patchwrap")
        self._level = self._log.level
        self.failures = 0

    def __enter__(self) -> "Reporter":
        if self._quiet:
            self._log.setLevel(logging.ERROR)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._log.setLevel(self._level)
        if self._bars is not None:
            self._bars.stop()
        if self.failures:
            self._line(f"{self.failures} of {self._images} images failed")

    def tiles(self, done: int, total: int) -> None:
        """Count tiles of the current image; the pipeline's ``progress``."""
        bars = self._live_bars()
        if bars is not None:
            bars.update(self._tile_task, completed=done, total=total, visible=True)

    def finished(self, name: str, how: str, status: str = "done", **facts: Any) -> None:
        """Count an image and, unless quiet, say how it went; ``status`` and ``facts`` are for JSON."""
        if not self._quiet:
            self._line(f"{name}: {how}")
        self._count()
        self._print_json(name, status, facts)

    def warn(self, line: str) -> None:
        """Warn about the current image unless quiet; counts nothing."""
        if not self._quiet:
            self._line(f"warning: {line}")

    def failed(self, name: str, error: BaseException, culprit: str = "patchwrap") -> None:
        """Count an image that failed and say why."""
        print_traceback(error, self._verbose)
        reason = explain(error, culprit)
        self._line(f"error: {_without_name(name, reason)}")
        self.failures += 1
        self._count()
        self._print_json(name, "failed", {"error": reason})

    def _print_json(self, name: str, status: str, facts: dict[str, Any]) -> None:
        if self._as_json:
            print(json.dumps({"image": name, "status": status, **facts}), flush=True)

    def _count(self) -> None:
        self._done += 1
        bars = self._live_bars()
        if bars is not None:
            bars.update(self._image_task, completed=self._done)
            bars.update(self._tile_task, completed=0, visible=False)

    def _line(self, text: str) -> None:
        text = escape(text)
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self._stream, flush=True)

    def _live_bars(self) -> Any:
        moment_passed = time.monotonic() - self._started >= _A_MOMENT
        if self._bars is None and moment_passed and not self._quiet and self._stream.isatty():
            self._bars = self._make_bars()
        return self._bars

    def _make_bars(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        bars = Progress(*columns, console=Console(file=self._stream), transient=True)
        self._image_task = bars.add_task("images", total=self._images, completed=self._done)
        self._tile_task = bars.add_task("tiles", visible=False)
        bars.start()
        return bars


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)


def _without_name(name: str, reason: str) -> str:
    """Put the image's name before the reason, unless the reason begins with it."""
    return f"{name}: {reason.removeprefix(f'{name!r} ')}"
