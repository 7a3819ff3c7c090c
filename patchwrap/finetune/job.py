"""One training: its options, data and backends, what tells it from others, and the card of its head."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from patchwrap.datasets import SampleSource
from patchwrap.digest import digest
from patchwrap.finetune.preparation import Preparation, Skipped
from patchwrap.finetune.processes import Processes
from patchwrap.finetune.recipe import Recipe
from patchwrap.finetune.simulated import SimulatedBackend
from patchwrap.heads import Head, HeadCard, TrainedOn
from patchwrap.machine import machine, versions
from patchwrap.spec import Backend


@dataclass(frozen=True)
class TrainingJob:
    """Everything that a training needs; see ``finetune`` for the arguments.

    Args:
        recipe: options of the training.
        processes: that train together.
        preparations: one for each pair of backends.
        train: images to train on.
        held_out: images for selection.
        out: the head's file.
        start_from: file of the head that training starts from, or None.
        started: this head, whose network is trained in place, or None.
        data: name of the data for the head's card.
        prediction: options of the prediction and of reading the data, for the card.
        universal: whether the head is meant for backends it was not trained with.
    """

    recipe: Recipe
    processes: Processes
    preparations: list[Preparation]
    train: list[SampleSource]
    held_out: list[SampleSource]
    out: Path
    start_from: Path | None
    started: Head | None
    data: str
    prediction: dict[str, Any]
    universal: bool

    @property
    def identity(self) -> str:
        """Digest of options, divided data and backends: a training resumes its own state only."""
        samples = [[[sample.name, sample.stamp] for sample in part] for part in (self.train, self.held_out)]
        prints = [preparation.fingerprint for preparation in self.preparations]
        start = None if self.start_from is None else sha256(self.start_from.read_bytes()).hexdigest()
        return digest([self.recipe.digest, samples, prints, start, self.processes.count])

    def card(self, history: dict[str, Any], parameters: int, skipped: Sequence[Skipped]) -> HeadCard:
        """The card of the head that was trained.

        Args:
            history: of the training.
            parameters: of the head's network.
            skipped: samples that could not be used.
        """
        engines = [preparation.engine for preparation in self.preparations]
        backends = tuple(TrainedOn.of(one.name, one.engine.coarse, one.engine.fine) for one in self.preparations)
        training = self._inputs() | {
            "backends": [[_described(part) for part in (engine.coarse, engine.fine)] for engine in engines],
            "skipped": [asdict(one) for one in skipped],
            "fingerprints": [one.fingerprint for one in self.preparations],
            "started_from": self.started and asdict(self.started.card),
            "processes": self.processes.count,
            "parameters": parameters,
            "history": history,
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": machine(str(self.processes.device)),
            "versions": versions(),
        }
        return HeadCard(backends, self.universal, training)

    def _inputs(self) -> dict[str, Any]:
        """What was trained on and how."""
        return {
            "recipe": asdict(self.recipe),
            "data": self.data,
            "images": [sample.name for sample in self.train],
            "held_out": [sample.name for sample in self.held_out],
            "stamps": {sample.name: sample.stamp for sample in self.train},
            "prediction": self.prediction,
        }


def _described(backend: Backend) -> dict[str, Any]:
    """Facts of a backend that its name may not tell, above all one that was given as an object."""
    kind = type(backend)
    facts = {"class": f"{kind.__module__}.{kind.__qualname__}", "convention": str(backend.convention)}
    own: dict[str, Any] = {"processing": list(backend.processing)}
    return facts | own | (backend.facts if isinstance(backend, SimulatedBackend) else {})
