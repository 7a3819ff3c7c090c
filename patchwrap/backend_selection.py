"""Which backends and which fusion head predict, given what the caller passed."""

import logging
from pathlib import Path
from typing import Any

from patchwrap.errors import OptionError
from patchwrap.fusers import AUTO
from patchwrap.heads import Head, load_head
from patchwrap.spec import Backend, FusionHead, HeadTraits, fine_of, head_of, name_of
from patchwrap.wrapping import check_backend_facts, check_head_facts, wrap

_log = logging.getLogger("patchwrap")


def select_backends(backend: Any, coarse: Any, fine: Any) -> tuple[Backend, Backend]:
    """Load the backends of the coarse pass and of the tile pass.

    Args:
        backend: for both passes, or for the one that is not given; None if both are.
        coarse: for the whole image, or None.
        fine: for the tiles, or None.

    Raises:
        OptionError: if no backend is given for a pass, or one too many.
        PatchwrapError: see ``wrapping.wrap``.
    """
    if None not in (backend, coarse, fine):
        raise OptionError("backend, coarse and fine are all given. Leave out backend: it would not be used.")
    if backend is None and coarse is None:
        raise OptionError("No backend given. Pass backend= for both passes, or coarse= (and fine=).")
    first = wrap(backend if coarse is None else coarse)
    for_tiles = fine if fine is not None or coarse is None else backend
    return first, _tile_part(first if for_tiles is None else wrap(for_tiles))


def select_head(head: Any, coarse: Backend, fine: Backend) -> tuple[FusionHead | None, Backend]:
    """Load the fusion head, and give the tile backend the decoder that was trained with it, if any.

    Args:
        head: a FusionHead, the file of one, ``universal``, ``auto`` for the backend's own (with a warning if it has
            none), or None.
        coarse: the backend of the coarse pass.
        fine: the backend of the tile pass.

    Returns:
        The head or None, and the tile backend to use with it.

    Raises:
        BackendContractError: if the head is a class or declares something impossible, see
            ``wrapping.check_head_facts``.
        CheckpointError: if a file cannot be read, or its decoder is not the tile backend's.
    """
    if isinstance(head, str) and head == "auto":
        head = _own_head(coarse, fine)
    elif isinstance(head, str | Path):
        head = load_head(head)
    check_head_facts(head)  # before anything is predicted
    if not isinstance(head, Head):
        return head, fine
    if why := head.card.mismatch(coarse, fine):
        _log.warning("warning: the fusion head %s", why)
    return head, head.adapted(fine)


def fuser_for(name: str, head: object) -> str:
    """Resolve ``auto`` to the fuser that a head asks for.

    Args:
        name: a value of ``fuser=``.
        head: a fusion head, or None.
    """
    return HeadTraits.of(head).fuser if name == AUTO else name


def _own_head(coarse: Backend, fine: Backend) -> FusionHead | None:
    """The coarse backend's head, which is for its own tiles only; a warning is logged if there is none to use."""
    head, own_tiles = head_of(coarse), fine is (fine_of(coarse) or coarse)
    if head is not None and own_tiles:
        return head
    name = name_of(coarse)
    why = f"{name} has no fusion head" if own_tiles else f"the tiles are predicted by another backend than {name}"
    _log.warning("warning: head 'auto' is not used: %s; give 'universal' or a head's file", why)
    return None


def _tile_part(backend: Backend) -> Backend:
    """The part of a backend that is made for tiles: its ``fine``, or itself."""
    fine = fine_of(backend)
    if fine is None:
        return backend
    check_backend_facts(fine, f"{name_of(backend)}.fine")
    return fine
