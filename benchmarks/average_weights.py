"""Average the weights of checkpoints that were trained from the same starting weights.

Trainings that start from one checkpoint stay in one valley, and its middle is a better place than any of their ends
(Wortsman et al. 2022, "Model soups", arXiv 2203.05482), above all on pictures unlike those that they learned from
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv 2109.01903). It costs no training.
"""

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from patchwrap import PatchwrapError

WEIGHTS = "model.safetensors"

Part = tuple[Path, float]
"""A checkpoint folder and its weight in the average."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the average as an ordinary checkpoint folder, with a card that contains those of its parts.

    Raises:
        PatchwrapError: if the shares do not fit, the output is one of the folders, or two are not of one architecture.
    """
    options = _parser().parse_args(arguments)
    shares = options.shares or [1 / len(options.folders)] * len(options.folders)
    if len(shares) != len(options.folders) or abs(sum(shares) - 1) > 1e-6:
        raise PatchwrapError(f"{len(options.folders)} folders need as many shares, which add up to 1; given: {shares}.")
    if options.out.resolve() in [folder.resolve() for folder in options.folders]:
        raise PatchwrapError(f"-o {options.out} is one of the folders to average. Choose another output folder.")
    parts = list(zip(options.folders, shares))
    weights, told = average(parts), json.dumps(card(parts), indent=1) + "\n"
    shutil.copytree(options.folders[0], options.out, dirs_exist_ok=True)
    save_file(weights, options.out / WEIGHTS, metadata={"format": "pt"})
    (options.out / "card.json").write_text(told)
    print(options.out)


def average(parts: Sequence[Part]) -> dict[str, Tensor]:
    """Weights in half precision, each the sum of the parts' times their shares.

    Args:
        parts: checkpoint folders and their shares.

    Raises:
        PatchwrapError: if two of them are not of one architecture.
    """
    total: dict[str, Tensor] = {}
    for folder, share in parts:
        weights = load_file(folder / WEIGHTS)
        if total and {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in total.items()}:
            raise PatchwrapError(f"{folder} is of another architecture than the folders before it.")
        total = {name: total.get(name, 0) + share * value.float() for name, value in weights.items()}
    return {name: value.to(torch.float16) for name, value in total.items()}


def card(parts: Sequence[Part]) -> dict[str, object]:
    """Describe the average: the share and the card of each part."""
    averaged = [{"share": share, "card": json.loads((folder / "card.json").read_text())} for folder, share in parts]
    common = {name: averaged[0]["card"][name] for name in ("convention", "licence", "parameters")}
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"made": made, **common, "averaged": _without_repeats(averaged, [])}


def _without_repeats(value: Any, known: list[Any]) -> Any:
    """Cards of the parts; one that already appears is shortened to its date."""
    if isinstance(value, list):
        return [_without_repeats(one, known) for one in value]
    if not isinstance(value, dict):
        return value
    if "made" in value:
        if value in known:
            return {"made": value["made"]}
        known.append(value)
    return {name: _without_repeats(one, known) for name, one in value.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="checkpoint folders")
    parser.add_argument("--shares", type=float, nargs="+", help="of each folder (default: all alike)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the average")
    return parser


if __name__ == "__main__":
    main()
