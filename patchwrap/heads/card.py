"""What a head was trained on; stored in its file."""

from dataclasses import dataclass, field
from typing import Any

from patchwrap.spec import Backend, name_of
from patchwrap.weights_digest import weights_sample


@dataclass(frozen=True)
class TrainedOn:
    """One pair of backends.

    Args:
        name: as it was given, such as ``native``.
        coarse: what messages call the backend of the coarse pass: its class, or the wrapped function or module.
        fine: likewise the backend of the tile pass.
        convention: of the coarse map, as ``SPACE:AMBIGUITY``.
        coarse_weights: digest of the coarse backend's weights, see ``weights_sample``; None if unknown.
        fine_weights: likewise of the tile backend's.
    """

    name: str
    coarse: str
    fine: str
    convention: str
    coarse_weights: str | None = None
    fine_weights: str | None = None

    @classmethod
    def of(cls, name: str, coarse: Backend, fine: Backend) -> "TrainedOn":
        """Describe a pair."""
        kinds = name_of(coarse), name_of(fine)
        weights = weights_sample(coarse)
        return cls(name, *kinds, str(coarse.convention), weights, weights if fine is coarse else weights_sample(fine))

    def differs_in_weights(self, other: "TrainedOn") -> bool:
        """Whether another pair certainly has other weights, as another checkpoint of the same classes has."""
        pairs = (self.coarse_weights, other.coarse_weights), (self.fine_weights, other.fine_weights)
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)


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
        convention = str(coarse.convention)
        conventions = sorted({one.convention for one in self.backends})
        if conventions and convention not in conventions:
            return f"was trained for {_listed(conventions)}, and these maps are {convention}"
        if self.universal or not self.backends:
            return None
        given = TrainedOn.of(" + ".join(dict.fromkeys((name_of(coarse), name_of(fine)))), coarse, fine)
        names = _listed([one.name for one in self.backends])
        alike = [one for one in self.backends if (one.coarse, one.fine) == (given.coarse, given.fine)]
        if not alike:
            return f"was trained for {names}, and not for {given.name}"
        if all(one.differs_in_weights(given) for one in alike):
            return f"was trained for {names}, and this {given.name} has other weights"
        return None

    @classmethod
    def from_dict(cls, card: dict[str, Any]) -> "HeadCard":
        """Read a card that ``dataclasses.asdict`` wrote.

        Raises:
            KeyError: if a field is missing.
            TypeError: if it has fields that a card has not.
        """
        return cls(tuple(TrainedOn(**one) for one in card["backends"]), card["universal"], card["training"])


def _listed(words: list[str]) -> str:
    return ", ".join(dict.fromkeys(words))
