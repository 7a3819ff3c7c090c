"""Measures a checkpoint's three networks on held-out shards."""

from pathlib import Path

import torch

from patchwrap_native import checkpoint, crops
from patchwrap_native.depth_stage import DepthStage
from patchwrap_native.fusion_stage import FusionStage
from patchwrap_native.shards import open_shards
from patchwrap_native.trainer import Stage


def evaluate(held_out: Path, path: Path | None = None) -> dict[str, dict[str, float]]:
    """Measure the coarse network on whole frames, the fine one on tiles, the fusion network on pairs.

    Args:
        held_out: folder of shards never trained on.
        path: the checkpoint; None for the one that ships.

    Returns:
        Measures by network, see ``measures.measure`` and ``FusionStage.evaluate``.
    """
    trio, shards = checkpoint.load(path or checkpoint.SHIPPED), open_shards(held_out)
    stages: list[Stage] = [
        DepthStage("coarse", trio.coarse, crops.COARSE, [], shards),
        DepthStage("fine", trio.fine, crops.FINE, [], shards),
        FusionStage(trio.fusion, trio.coarse, trio.fine, [], shards),
    ]
    with torch.no_grad():
        return {stage.name: stage.evaluate(stage.network.eval()) for stage in stages}
