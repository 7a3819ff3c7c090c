"""The saved state from which an interrupted training resumes; reading it executes no code."""

import io
from pathlib import Path
from typing import Any

import torch

from patchwrap.errors import CheckpointError, OptionError, one_line
from patchwrap.io import replacing


def save_state(path: Path, identity: str, state: dict[str, Any]) -> None:
    """Write a state atomically.

    Args:
        path: where.
        identity: of the training: another one shall not go on from here.
        state: what ``torch.save`` takes.

    Raises:
        OutputError: if it cannot be written.
    """
    whole = io.BytesIO()  # into a file, torch makes of a full disk a RuntimeError
    torch.save(state | {"identity": identity}, whole)
    with replacing(path) as stream:
        stream.write(whole.getbuffer())


def read_state(
    path: Path, identity: str, anew: str = "delete it", again: str = "Give the same again"
) -> dict[str, Any]:
    """Read the state of a training; all tensors are on the CPU.

    ``load_state_dict`` moves what belongs on another device. It leaves the steps that AdamW counts where they are, and
    on a GPU each step would wait for them.

    Args:
        path: a file of ``save_state``.
        identity: of the training that wants to go on.
        anew: what to do for another training to begin, in words.
        again: what to do to continue the one on disk, in words.

    Raises:
        CheckpointError: if the file is damaged.
        OptionError: if it is another training's.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        own = state.get("identity") == identity
    except Exception as error:  # a damaged file makes torch raise almost anything
        reason = one_line(error, 200)
        raise CheckpointError(
            f"{str(path)!r}, the state of an interrupted training, cannot be read: {reason}. To begin anew, {anew}."
        ) from error
    if not own:
        raise OptionError(
            f"{str(path)!r} is the state of a training with other options or data. {again} to go on; to begin "
            f"anew, {anew} or take another -o."
        )
    return state
