"""Reads and writes a head: one safetensors file whose header says how to build it; the card also as JSON beside it."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from patchwrap.described_tensors import read_described
from patchwrap.errors import CheckpointError, one_line
from patchwrap.heads.card import HeadCard
from patchwrap.heads.head import Head
from patchwrap.heads.network import HeadNetwork
from patchwrap.io import replacing, write_json

HEADER = "patchwrap_head"
"""Name of the header's entry that describes the head, as JSON."""

FORMAT = 3

UNIVERSAL = "universal"
"""Name of the head that is part of this package."""

SHIPPED = Path(__file__).with_name("universal.safetensors")
"""Its file, made by ``benchmarks/train_universal_head.py``."""


def save_head(head: Head, path: str | Path) -> Path:
    """Write a head atomically, as float16; its card also as JSON beside it.

    Args:
        head: what to write; a decoder that was trained with it stays float32.
        path: of the file, ``.safetensors``.

    Returns:
        The path.

    Raises:
        OutputError: if it cannot be written.
    """
    path = Path(path)
    tensors = {name: value.detach().to("cpu", torch.float16) for name, value in head.network.state_dict().items()}
    decoder = {f"decoder.{n:04d}": value.detach().cpu().float() for n, value in enumerate(head.decoder)}
    card = asdict(head.card)
    header = {"format": FORMAT, "network": head.network.options, "card": card}
    stored = {name: value.contiguous() for name, value in (tensors | decoder).items()}
    with replacing(path) as stream:
        stream.write(save(stored, {HEADER: json.dumps(header, default=str)}))
    write_json(path.with_suffix(".json"), card)
    return path


def head_file(name: str | Path) -> Path:
    """Path of a head's file; ``universal`` is the one that is part of this package."""
    return SHIPPED if str(name) == UNIVERSAL else Path(name)


def load_head(path: str | Path) -> Head:
    """Build the head a file describes and fill in its weights, as float32.

    Args:
        path: of the file, or ``universal``.

    Raises:
        CheckpointError: if the file is missing, damaged or does not contain a head.
    """
    path = head_file(path)
    if not path.is_file():
        raise CheckpointError(f"No fusion head at {path}. Give a file of `patchwrap finetune`'s, or {UNIVERSAL!r}.")
    header, tensors = read_described(path, HEADER, FORMAT, "fusion head", "patchwrap finetune")
    try:
        options = header["network"]
        network = HeadNetwork(options["widths"], (options["guides"][0], options["guides"][1]))
        decoder = [tensors.pop(name) for name in sorted(tensors) if name.startswith("decoder.")]
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
        card = HeadCard.from_dict(header["card"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = one_line(error, 200)
        raise CheckpointError(
            f"{path} does not hold the head its header describes: {reason}. Take a file that patchwrap finetune wrote."
        ) from error
    return Head(network, card, decoder)
