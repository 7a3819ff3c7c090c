"""Writes down how a training goes: curves and pictures for TensorBoard, pictures as files."""

from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from torch import nn

from patchwrap.finetune.draw import Group
from patchwrap.finetune.processes import extra
from patchwrap.finetune.selection import Score
from patchwrap.finetune.sheet import sheet
from patchwrap.finetune.trainer import Trainer
from patchwrap.io import replacing

ROWS = 6
"""Of a picture sheet."""


class Logbook:
    """A folder of events and sheets.

    Args:
        folder: where.
        held_out: tiles that are drawn.

    Raises:
        MissingExtraError: if TensorBoard is not installed.
    """

    def __init__(self, folder: Path, held_out: Sequence[Group]) -> None:
        extra("tensorboard")
        writer: Any = extra("torch.utils.tensorboard").SummaryWriter
        self.folder = folder
        self._writer = writer(str(folder))
        of_different_images = {group.record.path: group for group in held_out}
        self._drawn = list(of_different_images.values())[:ROWS]

    def step(self, trainer: Trainer) -> None:
        """Take down the learning rate."""
        self._writer.add_scalar("rate", trainer.optimiser.param_groups[0]["lr"], trainer.history.step)

    def epoch(self, trainer: Trainer, score: Score, network: nn.Module) -> None:
        """Take down means of the losses, measures and a sheet."""
        step = trainer.history.step
        for name, value in trainer.means.items():
            self._writer.add_scalar(f"loss/{name}", value, step)
        for name, value in (asdict(score) | {"score": score.value}).items():
            self._writer.add_scalar(f"held_out/{name}", value, step)
        picture = sheet(self._drawn, lambda batch: network(batch)[0], trainer.processes.device)
        self._writer.add_image("tiles", picture, step, dataformats="HWC")
        stream = BytesIO()
        Image.fromarray(picture).save(stream, "PNG")
        with replacing(self.folder / f"sheet_{step:06d}.png") as file:
            file.write(stream.getvalue())
        self._writer.flush()

    def close(self) -> None:
        """Finish the file of events."""
        self._writer.close()
