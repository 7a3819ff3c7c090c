"""Removes the constant error in log depth that the losses leave in a depth network; uses training views only."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from patchwrap.extension import write_json
from patchwrap_native import checkpoint, crops
from patchwrap_native.batch import Batch
from patchwrap_native.depth_stage import DepthStage
from patchwrap_native.shards import open_shards
from patchwrap_native.unet import UNet


@torch.no_grad()
def calibrate(network: UNet, batches: Sequence[Batch]) -> float:
    """Subtract the median log error from the last convolution's bias, in place.

    SILog weights a constant error by 15 % only, and the sky's hinge pushes all depth away from the camera.

    Args:
        network: in evaluation mode.
        batches: unaugmented views it was trained on, on its device.

    Returns:
        What was subtracted; 0 if no pixel is valid.
    """
    errors = torch.cat([_errors(network, batch) for batch in batches])
    offset = round(float(errors.median()), 5) if len(errors) else 0.0
    network.head.get_parameter("bias").sub_(offset)
    return offset


def _errors(network: UNet, batch: Batch) -> torch.Tensor:
    log_depth, _ = network(batch.images.contiguous(memory_format=torch.channels_last))
    return (log_depth - batch.target)[batch.valid]


def calibrate_checkpoint(path_in: str | Path, shards: str | Path, path_out: str | Path) -> dict[str, float]:
    """Calibrate the coarse and the fine network of a checkpoint; note it in the card beside it, if there is one.

    Args:
        path_in: the checkpoint.
        shards: folder of the scenes it was trained on.
        path_out: where to write.

    Returns:
        What was subtracted from each.
    """
    trio, scenes = checkpoint.load(Path(path_in)), open_shards(Path(shards))
    stages = [
        DepthStage("coarse", trio.coarse, crops.COARSE, scenes, []),
        DepthStage("fine", trio.fine, crops.FINE, scenes, []),
    ]
    offsets = {stage.name: calibrate(stage.network, stage.training_views()) for stage in stages}
    checkpoint.save(trio, Path(path_out))
    _note(Path(path_in).with_suffix(".json"), Path(path_out).with_suffix(".json"), offsets)
    return offsets


def _note(card_in: Path, card_out: Path, offsets: dict[str, float]) -> None:
    if not card_in.is_file():
        return
    card = json.loads(card_in.read_text())
    for name, offset in offsets.items():
        # A second calibration adds to the first.
        card["stages"][name]["calibration"] = (card["stages"][name].get("calibration") or 0.0) + offset
    write_json(card_out, card)
