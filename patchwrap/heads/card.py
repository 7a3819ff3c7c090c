"""What a head was trained on; stored in its file."""

from dataclasses import asdict, dataclass, field
from typing import Any

from patchwrap.spec import Backend


@dataclass(frozen=True)
class TrainedOn:
    """One pair of backends.

    Args:
        name: as it was given, such as ``native``.
        coarse: class name of the backend of the coarse pass.
        fine: class name of the backend of the tile pass.
        convention: of the coarse map, as ``SPACE:AMBIGUITY``.
    """

    name: str
    coarse: str
    fine: str
    convention: str

    @classmethod
    def of(cls, name: str, coarse: Backend, fine: Backend) -> "TrainedOn":
        """Describe a pair."""
        return cls(name, type(coarse).__name__, type(fine).__name__, str(coarse.convention))


@dataclass(frozen=True)
class HeadCard:
    """What is known about a head besides its weights.

    Args:
        backends: pairs that it was trained on.
        universal: whether it is also meant for other backends.
        training: everything needed to repeat the training, its results, and the card of the head it started from.
    """

    backends: tuple[TrainedOn, ...] = ()
    universal: bool = False
    training: dict[str, Any] = field(default_factory=dict)

    def mismatch(self, coarse: Backend, fine: Backend) -> str | None:
        """Say why this head may not suit a pair of backends; None if it does.

        Args:
            coarse: the backend of the coarse pass.
            fine: the backend of the tile pass.

        Returns:
            The rest of a sentence that begins with the head.
        """
        given = TrainedOn.of("", coarse, fine)
        conventions = sorted({one.convention for one in self.backends})
        if conventions and given.convention not in conventions:
            return f"was trained for {_listed(conventions)}, and these maps are {given.convention}"
        kinds = {(one.coarse, one.fine) for one in self.backends}
        if kinds and not self.universal and (given.coarse, given.fine) not in kinds:
            return f"was trained for {_listed([one.name for one in self.backends])}, and not for {given.coarse}"
        return None

    def to_dict(self) -> dict[str, Any]:
        """The card as plain dicts, tuples and values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, card: dict[str, Any]) -> "HeadCard":
        """Read a card.

        Raises:
            KeyError: if a field is missing.
            TypeError: if it has fields that a card has not.
        """
        return cls(tuple(TrainedOn(**one) for one in card["backends"]), card["universal"], card["training"])


def _listed(words: list[str]) -> str:
    return ", ".join(dict.fromkeys(words))
