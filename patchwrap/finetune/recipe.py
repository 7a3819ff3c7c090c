"""The options of a training."""

from dataclasses import asdict, dataclass
from math import inf

from patchwrap.digest import digest
from patchwrap.dtypes import DTYPES
from patchwrap.errors import OptionError
from patchwrap.heads.network import WIDTHS
from patchwrap.option_types import NUMBER, NUMBER_OR_NONE, TRUTH, WHOLE, WHOLE_OR_NONE, OptionType, check_type
from patchwrap.seed import check_seed
from patchwrap.tiling import Layer, TilePlan

WORDS = {
    "consistency": ("group", "pair", "none"),
    "agree_on": ("depth", "depth+features"),
    "begin": ("agreed", "aligned"),
    "unfreeze": ("none", "decoder"),
    "precision": DTYPES,
}
"""Allowed values of the options that are words."""

_TYPES: dict[str, OptionType] = {
    **dict.fromkeys(("steps", "batch_size", "accumulate", "patience", "seed"), WHOLE),
    **dict.fromkeys(("epoch", "held_out"), WHOLE_OR_NONE),
    **dict.fromkeys(("rate", "warm_up", "ema", "consistency_weight"), NUMBER),
    "minutes": NUMBER_OR_NONE,
    **dict.fromkeys(("truth", "guidance"), TRUTH),
    "plans": ((tuple, list), "a tuple of text such as ('2x2', '3x3')"),
    "widths": ((tuple, list), "a tuple of whole numbers"),
}
"""Possible types of the other options."""

_PARTS: dict[str, OptionType] = {"plans": ((str,), "text such as '2x2'"), "widths": WHOLE}
"""Possible types of what is in the tuples."""


@dataclass(frozen=True)
class Recipe:
    """Options of a training.

    Args:
        steps: optimiser steps.
        minutes: of training after which it ends even if steps are left; the learning rate schedule follows.
        batch_size: tiles per backward pass and process.
        accumulate: backward passes per step.
        plans: tile plans to train on, each with tiles of one size and none at random.
        rate: highest learning rate.
        warm_up: share of the training over which the rate rises.
        ema: decay of the moving average of the weights; lower in the first steps.
        precision: number type of the head's autocast: ``float32``, ``bfloat16`` or ``float16``.
        consistency: ``group`` compares 2x2 neighbours with each other, ``pair`` two tiles at a time as PatchFusion
            does, ``none`` does not compare tiles.
        agree_on: what overlapping tiles are compared by: ``depth``, or ``depth+features`` with the head's features.
        consistency_weight: factor on the consistency terms.
        begin: output of a new head before training: ``agreed`` is the consensus of all tiles, ``aligned`` each aligned
            tile unchanged. A training that starts from a head keeps that head's ``begin`` and ``widths``.
        truth: False trains on photos alone, which needs overlapping tiles.
        guidance: whether the head sees the backend's decoder features.
        unfreeze: ``decoder`` also trains the tile backend's decoder; ``none`` keeps backends frozen.
        widths: channels per level of the head.
        held_out: images kept for selection; None for one in eight. If the images show several scenes, whole scenes are
            kept, so that there may be a few more or less.
        epoch: steps between evaluations; None for a tenth of ``steps``, and also after each tenth of ``minutes``.
        patience: evaluations without improvement after which training ends.
        seed: of the batches, the new head's weights and the choice of held-out images.

    Raises:
        OptionError: if an option has an impossible type or value.
        TilingError: if a plan is unknown.
    """

    steps: int = 1000
    minutes: float | None = None
    batch_size: int = 8
    accumulate: int = 1
    plans: tuple[str, ...] = ("2x2", "3x3")
    rate: float = 1e-3
    warm_up: float = 0.05
    ema: float = 0.998
    precision: str = "float32"
    consistency: str = "group"
    agree_on: str = "depth+features"
    consistency_weight: float = 1.0
    begin: str = "agreed"
    truth: bool = True
    guidance: bool = False
    unfreeze: str = "none"
    widths: tuple[int, ...] = WIDTHS
    held_out: int | None = None
    epoch: int | None = None
    patience: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_types()
        self._check_words()
        self._check_numbers()
        if not self.plans:
            raise OptionError("plans is empty: give at least one, as 2x2.")
        plans = [TilePlan.parse(plan) for plan in self.plans]
        for plan in plans:
            _check_trainable(plan)
        if not self.truth and self.consistency == "none":
            raise OptionError("without truth and without consistency there is nothing to learn from.")
        if not self.truth and not any(_has_neighbours(layer) for plan in plans for layer in plan.layers):
            raise OptionError(
                f"without truth and with plans of tiles that do not overlap ({', '.join(self.plans)}) there is nothing "
                "to learn from. Give a plan such as 2x2 or p49."
            )
        if self.unfreeze == "decoder" and self.guidance:
            raise OptionError("guidance by features of a decoder that is trained itself is not possible. Take one.")

    def _check_types(self) -> None:
        for name, possible in _TYPES.items():
            check_type(name, getattr(self, name), possible)
        for name, possible in _PARTS.items():
            for part in getattr(self, name):
                check_type(name, part, possible)

    def _check_words(self) -> None:
        for name, known in WORDS.items():
            if getattr(self, name) not in known:
                raise OptionError(f"{name} {getattr(self, name)!r} is not one of {', '.join(known)}.")

    def _check_numbers(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "patience", "epoch", "held_out"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is less than 1.")
        check_seed(self.seed)
        if not 0 <= self.consistency_weight < inf:
            raise OptionError(f"consistency_weight {self.consistency_weight} is not a number from 0.")
        for name in ("rate", "minutes"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise OptionError(f"{name} {getattr(self, name)} is not above 0.")
        for name in ("ema", "warm_up"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is not a number from 0 to below 1.")
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise OptionError(f"widths {self.widths} are not two or more numbers of channels from 1.")

    @property
    def evaluate_every(self) -> int:
        """Steps between evaluations."""
        return self.epoch or max(1, self.steps // 10)

    @property
    def evaluate_seconds(self) -> float:
        """Seconds of training after which there is an evaluation, whatever the steps."""
        return inf if self.minutes is None or self.epoch is not None else 60 * self.minutes / 10

    @property
    def digest(self) -> str:
        """Changes with any option."""
        return digest(asdict(self))


def _check_trainable(plan: TilePlan) -> None:
    if plan.random:
        raise OptionError(
            f"plan {plan.name!r} has random tiles, which have no regular neighbours to agree with. Train on the plan "
            "without +rN; predict may still add them."
        )
    if len({layer.size or (layer.rows, layer.columns) for layer in plan.layers}) > 1:
        raise OptionError(f"plan {plan.name!r} has tiles of several sizes; give each size as a plan of its own.")


def _has_neighbours(layer: Layer) -> bool:
    """Whether its tiles overlap by more than rounding; whether there are several of a given size, the image decides."""
    return layer.overlap > 0 and (layer.size is not None or layer.rows * layer.columns > 1)
