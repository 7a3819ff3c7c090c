"""The card of an ONNX file: what its graph does not state. Read from its metadata, a JSON beside it and options.

Nothing is guessed: what no source states is taken from the graph or is an error.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchwrap import CheckpointError, ConventionError, DepthConvention, OptionError
from patchwrap.extension import processing_size

METADATA = "patchwrap"
"""Key of the graph's metadata under which ``patchwrap export`` writes a card."""


@dataclass(frozen=True)
class Card:
    """Facts about a depth model; each is an option of the backend and a key of the JSON.

    Args:
        convention: of the maps it predicts.
        processing: preferred ``(height, width)``, as an option or in the JSON also ``"WIDTHxHEIGHT"`` or one number for
            both; needed if the graph's size is dynamic.
        multiple: both sides of an input must be divisible by this.
        free_aspect: whether inputs of a dynamic graph may have another aspect than ``processing``.
        mirror: see ``patchwrap.Traits``.
        knows_tiles: see ``patchwrap.Traits``.
        layout: ``NCHW`` or ``NHWC``; needed if the graph's shape does not show it.
        color: order of the channels, ``RGB`` or ``BGR``.
        range: values of black and white before mean and std; None means (0, 255) for uint8, else (0, 1).
        mean: subtracted from each channel, in the units of ``range`` and the order of ``color``.
        std: divisor of each channel after that.
        output: name of the depth map; needed if there are several outputs.
        batch: largest number of pictures at once; None for the graph's own limit.
        threads: of onnxruntime; None for its default.
        metres_per_focal: metres per predicted unit of depth at a focal length as long as the picture's longer side; for
            scale-ambiguous models whose scale is proportional to it.
    """

    convention: DepthConvention
    processing: tuple[int, int] | None = None
    multiple: int = 1
    free_aspect: bool = True
    mirror: bool = False
    knows_tiles: bool = False
    layout: str | None = None
    color: str = "RGB"
    range: tuple[float, ...] | None = None
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    output: str | None = None
    batch: int | None = None
    threads: int | None = None
    metres_per_focal: float | None = None


def read_facts(path: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read the facts from the JSON beside a model and from the options, which override it.

    Args:
        path: the model; the JSON has its name with ``.json``.
        options: as given to ``load_backend``; None counts as not given.

    Raises:
        CheckpointError: if the JSON cannot be read.
        OptionError: for an unknown key or an invalid value.
        ConventionError: if the convention is not a known one.
    """
    beside = path.with_suffix(".json")
    given = _parsed(beside.read_bytes(), str(beside)) if beside.is_file() else {}
    return _replaced(_checked(given, str(beside)), _checked(options, "options of the onnx backend"))


def complete(facts: Mapping[str, Any], metadata: Mapping[str, str], path: Path) -> Card:
    """Make a card from the graph's metadata and from facts that override it.

    Args:
        facts: as ``read_facts`` returned them.
        metadata: of the graph.
        path: the model, for messages.

    Raises:
        ConventionError: if the convention is not stated anywhere.
        OptionError: if ``metres_per_focal`` is given for a convention whose ambiguity is not ``scale``.
    """
    origin = f"metadata of {path}"
    own = _checked(_parsed(metadata[METADATA], origin), origin) if METADATA in metadata else {}
    both = _replaced(own, facts)
    if "convention" not in both:
        raise ConventionError(
            f"Nothing says what the numbers of {path} mean. Give the convention, such as inverse_depth:affine or "
            f'depth:metric, as an option or as {{"convention": "..."}} in {path.with_suffix(".json")}.'
        )
    card = Card(**both)
    if card.metres_per_focal is not None and card.convention.ambiguity != "scale":
        raise OptionError(
            f"{path}: metres_per_focal is the scale of depth:scale and inverse_depth:scale, and its convention is "
            f"{card.convention}. Leave it out, or give the right convention."
        )
    return card


def _replaced(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Facts with those that override them; the scale of a convention does not outlast it."""
    both = {**known, **given}
    if "convention" in known and both["convention"] != known["convention"] and "metres_per_focal" not in given:
        both.pop("metres_per_focal", None)
    return both


def _parsed(text: str | bytes, origin: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise CheckpointError(f"{origin} is not valid JSON: {error}. Repair or remove it.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{origin} holds no JSON object; write {{ ... }} with {', '.join(_READERS)} as keys.")
    return content


def _checked(given: Mapping[str, Any], origin: str) -> dict[str, Any]:
    if unknown := [key for key in given if key not in _READERS]:
        raise OptionError(f"{origin}: {', '.join(unknown)} is not known. There are: {', '.join(_READERS)}.")
    found = {}
    for key, value in given.items():
        if value is None:
            continue
        try:
            found[key] = _READERS[key](value)
        except (ConventionError, OptionError) as error:
            raise type(error)(f"{origin}: {error}") from error
        except ValueError as error:
            raise OptionError(f"{origin}: {key} is {value!r}; expected {error}.") from error
    return found


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("a whole number from 1")
    return value


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError("a number above 0")
    return float(value)


def _numbers(count: int) -> Callable[[Any], tuple[float, ...]]:
    def read(value: Any) -> tuple[float, ...]:
        listed = isinstance(value, list | tuple) and len(value) == count
        if not listed or not all(isinstance(n, int | float) and math.isfinite(n) for n in value):
            raise ValueError(f"{count} numbers")
        return tuple(float(n) for n in value)

    return read


def _divisors(value: Any) -> tuple[float, ...]:
    numbers = _numbers(3)(value)
    if min(numbers) <= 0:
        raise ValueError("3 numbers above 0")
    return numbers


def _one_of(*words: Any) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        # 1 == True, but a number is not accepted as a boolean.
        if not any(value is word or (isinstance(value, str) and value == word) for word in words):
            raise ValueError(" or ".join(map(json.dumps, words)))
        return value

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a name")
    return value


def _convention(value: Any) -> DepthConvention:
    if not isinstance(value, str | DepthConvention):
        raise ValueError("SPACE:AMBIGUITY")
    return DepthConvention.parse(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "convention": _convention,
    "processing": processing_size,
    "multiple": _whole,
    "free_aspect": _one_of(True, False),
    "mirror": _one_of(True, False),
    "knows_tiles": _one_of(True, False),
    "layout": _one_of("NCHW", "NHWC"),
    "color": _one_of("RGB", "BGR"),
    "range": _numbers(2),
    "mean": _numbers(3),
    "std": _divisors,
    "output": _text,
    "batch": _whole,
    "threads": _whole,
    "metres_per_focal": _positive,
}
