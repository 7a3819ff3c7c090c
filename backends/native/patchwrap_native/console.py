"""Shows progress on stderr, and only there."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from patchwrap_native.trainer import History


class TrainingConsole:
    """A bar per stage, with its loss and last held-out measure; plain lines where stderr is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self.bars = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "TrainingConsole":
        self.bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bars.stop()

    def report(self, stage: str, progress: float, history: History) -> None:
        """Show the progress of a stage.

        Args:
            stage: its name.
            progress: share of its budget spent.
            history: its curves so far.
        """
        note = _note(history)
        if self.bars.disable:
            self.console.print(
                f"{stage} {progress:6.1%} step {history.step} {history.elapsed:.0f} s {note}", soft_wrap=True
            )
            return
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage, total=1.0, note=note)
        self.bars.update(self.tasks[stage], completed=min(progress, 1.0), note=note)


def _note(history: History) -> str:
    rows = [rows[-1] for rows in (history.losses, history.held_out) if rows]
    shown = [f"{name} {value:.4g}" for row in rows for name, value in row.items() if name not in ("step", "seconds")]
    return " ".join(shown)
