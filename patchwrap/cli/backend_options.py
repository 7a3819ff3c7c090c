"""Flags for a backend's convention and its own options, for each role (backend, coarse, fine)."""

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from patchwrap.cli.arguments import nonempty
from patchwrap.errors import OptionError

if TYPE_CHECKING:
    from patchwrap.wrapping import BackendRequest

_OPTION = "an option of the backend itself, listed in its README, such as processing=700x518; may be repeated"
_CONVENTION = (
    "what the backend's numbers mean, if it does not say so itself: SPACE:AMBIGUITY; SPACE is depth (grows with "
    "distance), inverse_depth (one over distance, near is large) or height (above ground), AMBIGUITY is metric "
    "(metres), scale (unknown factor) or affine (unknown factor and shift)"
)
_PYTHON = {"True": True, "False": False, "None": None}


def add_backend_options(group: Any, role: str = "backend") -> None:
    """Add the flags of one backend.

    Args:
        group: of a parser's arguments.
        role: the flag that names the backend, without dashes.
    """
    group.add_argument(
        f"--{role}-option",
        action="append",
        default=[],
        type=_option,
        metavar="K=V",
        help=_OPTION if role == "backend" else f"the same for --{role}",
    )
    group.add_argument(
        "--convention" if role == "backend" else f"--{role}-convention",
        dest=f"{role}_convention",
        type=nonempty,
        metavar="C",
        help=_CONVENTION if role == "backend" else f"the same for --{role}",
    )


def backend_options(args: argparse.Namespace, role: str = "backend") -> dict[str, Any]:
    """Return the options with which the backend of a role is loaded."""
    stated = getattr(args, f"{role}_convention")
    return ({"convention": stated} if stated else {}) | dict(getattr(args, f"{role}_option"))


def check_known(names: Iterable[str | None]) -> None:
    """Refuse a backend that is not installed, before torch is imported.

    Raises:
        BackendNotFoundError: naming the first.
    """
    from patchwrap.plugins import find_backend

    for name in filter(None, names):
        find_backend(name.partition("=")[0])


def check_role(name: str | None, role: str, options: dict[str, Any]) -> None:
    """Refuse options of a backend that is not named.

    Raises:
        OptionError: naming the options.
    """
    if name is None and options:
        raise OptionError(f"{', '.join(options)} given for --{role}, but no --{role}")


def requested(name: str | None, role: str, options: dict[str, Any]) -> "BackendRequest | None":
    """The backend of a role, to be loaded when the other options are checked; None if it is not named.

    Raises:
        OptionError: see ``check_role``.
    """
    from patchwrap.wrapping import BackendRequest

    check_role(name, role, options)
    return None if name is None else BackendRequest(name, options)


def _option(text: str) -> tuple[str, Any]:
    """``K=V``; a value that parses as JSON (true, 3) or is Python's True is converted, any other is text."""
    key, equals, value = text.partition("=")
    if not key.isidentifier() or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not OPTION=VALUE")
    try:
        return key, _PYTHON[value] if value in _PYTHON else json.loads(value)
    except ValueError:
        return key, value
