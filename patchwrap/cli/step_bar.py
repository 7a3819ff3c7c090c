"""Progress of a long run on stderr: a bar on a terminal, plain lines elsewhere."""

import sys
from typing import Any, TypeVar

Bar = TypeVar("Bar", bound="StepBar")


class StepBar:
    """Shows one step after another.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._bar: Any = None

    def __enter__(self: Bar) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int, text: str, as_line: bool = True) -> None:
        """Show the current step.

        Args:
            done: steps done.
            total: steps in all.
            text: what is being done.
            as_line: also where there is no terminal, as a line.
        """
        if self.quiet:
            return
        if sys.stderr.isatty():
            self._bar = self._bar or _started_bar()
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=text)
        elif as_line:
            print(f"{done} of {total}: {text}", file=sys.stderr, flush=True)


def _started_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("")
    bar.start()
    return bar
