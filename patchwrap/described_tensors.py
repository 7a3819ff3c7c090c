"""Read safetensors files whose header describes their tensors as JSON; no code in them is executed."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from patchwrap.errors import CheckpointError


def read_described(
    path: Path, entry: str, version: int, kind: str, maker: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the description and the tensors by name.

    Args:
        path: of the file.
        entry: the header's entry that holds the description.
        version: what the description's ``format`` must be.
        kind: what the file is, for messages, e.g. ``"fusion head"``.
        maker: the command that writes such files, for messages.

    Raises:
        CheckpointError: if there is no such file, or it is damaged or of another kind.
    """
    if not path.is_file():
        raise CheckpointError(f"No {kind} at {path}. Give the path of a file that `{maker}` wrote.")
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get(entry, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or no safetensors file ({error}). Fetch or train it again."
        ) from error
    if not isinstance(header, dict) or header.get("format") != version:
        raise CheckpointError(f"{path} is no {kind}. Take a file that `{maker}` wrote.")
    return header, tensors
