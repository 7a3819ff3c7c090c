"""What a trained head was made for and of what; travels in its file."""

from dataclasses import asdict, dataclass, field
from typing import Any

from patchwrap.spec import Backend


@dataclass(frozen=True)
class TrainedOn:
    """One pair of backends.

    Args:
        name: how it was asked for, such as ``native``.
        coarse: class of the backend that saw the whole image.
        fine: class of the one that saw the tiles.
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
    """Everything there is to know of a head beside its weights.

    Args:
        backends: what it was trained on.
        universal: whether it is meant for backends that it never saw, too.
        training: everything needed to train it again, and how that went; the card of the head that it began as, too.
    """

    backends: tuple[TrainedOn, ...] = ()
    universal: bool = False
    training: dict[str, Any] = field(default_factory=dict)

    def mismatch(self, coarse: Backend, fine: Backend) -> str | None:
        """Say in words why this head may not serve a pair of backends; None where nothing speaks against it."""
        given = TrainedOn.of("", coarse, fine)
        conventions = sorted({one.convention for one in self.backends})
        if conventions and given.convention not in conventions:
            return f"was trained for {_listed(conventions)}, and these maps are {given.convention}"
        kinds = {(one.coarse, one.fine) for one in self.backends}
        if kinds and not self.universal and (given.coarse, given.fine) not in kinds:
            return f"was trained for {_listed([one.name for one in self.backends])}, and not for {given.coarse}"
        return None

    def to_dict(self) -> dict[str, Any]:
        """The card as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, card: dict[str, Any]) -> "HeadCard":
        """Read a card.

        Raises:
            TypeError: if it is none.
        """
        return cls(tuple(TrainedOn(**one) for one in card["backends"]), card["universal"], card["training"])


def _listed(words: list[str]) -> str:
    return ", ".join(dict.fromkeys(words))
