"""Logs a training: curves and pictures for TensorBoard, and the pictures as files."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from patchwrap.finetune.draw import Group
from patchwrap.finetune.processes import extra
from patchwrap.finetune.sheet import sheet
from patchwrap.finetune.trainer import Trainer
from patchwrap.io import write_picture

_SHEET = re.compile(r"sheet_(\d{6,})\.png")

ROWS = 6
"""Tiles on a picture sheet."""

OWN = ".patchwrap"
"""Ends the names of the event files, so that those of another program in the folder are left alone."""


class Logbook:
    """Writes TensorBoard events and picture sheets, in place of those that a replaced training left in the folder.

    Args:
        folder: that receives them.
        held_out: groups of tiles; the last group of each of the first ``ROWS`` records is drawn.
        resumed_at: last step of the training that goes on, whose events up to that step are kept; None for a new one.

    Raises:
        MissingExtraError: if TensorBoard is not installed.
    """

    def __init__(self, folder: Path, held_out: Sequence[Group], resumed_at: int | None = None) -> None:
        extra("tensorboard")
        writer: Any = extra("torch.utils.tensorboard").SummaryWriter
        self.folder = folder
        self._clear(-1 if resumed_at is None else resumed_at)
        purge = 0 if resumed_at is None else resumed_at + 1  # also hides events that are not deleted
        self._writer = writer(str(folder), purge_step=purge, filename_suffix=OWN)
        of_different_images = {group.record.path: group for group in held_out}
        self._drawn = list(of_different_images.values())[:ROWS]

    def _clear(self, kept: int) -> None:
        """Delete sheets of later steps than ``kept``, and without any to keep the event files as well."""
        for path in self.folder.glob("sheet_*.png"):
            if (number := _SHEET.fullmatch(path.name)) and int(number[1]) > kept:
                path.unlink()
        if kept < 0:
            for path in self.folder.glob(f"events.out.tfevents.*{OWN}"):
                path.unlink()

    def step(self, trainer: Trainer) -> None:
        """Log the learning rate."""
        self._writer.add_scalar("rate", trainer.optimiser.param_groups[0]["lr"], trainer.history.step)

    def evaluation(self, trainer: Trainer) -> None:
        """Log mean losses, held-out measures and a picture sheet.

        With a trained decoder the sheet shows the training's approximation of the alignment (``Trainee.forward``),
        while the score is of the pipeline's.
        """
        step = trainer.history.step
        for name, value in trainer.means.items():
            self._writer.add_scalar(f"loss/{name}", value, step)
        for name, value in trainer.history.scores[-1].items():
            if name not in ("step", "seconds"):
                self._writer.add_scalar(f"held_out/{name}", value, step)
        picture = sheet(self._drawn, lambda batch: trainer.averaged(batch)[0], trainer.processes.device)
        self._writer.add_image("tiles", picture, step, dataformats="HWC")
        write_picture(self.folder / f"sheet_{step:06d}.png", picture)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()
