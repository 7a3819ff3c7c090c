"""The third stage: the fusion network learns to correct aligned tiles; coarse and fine network are frozen."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn

from patchwrap import Tile
from patchwrap.extension import Alignment, sample_windows
from patchwrap.losses import multiscale_gradient, overlap_consistency, silog
from patchwrap_native import canonical
from patchwrap_native.fusion_network import FusionNetwork
from patchwrap_native.measures import mean_of, measure, measured_images
from patchwrap_native.pairs import PairBatch, Windows, draw_pairs_batch, make_pairs
from patchwrap_native.shards import Shard
from patchwrap_native.unet import UNet

GRADIENT = 2.0
"""Weight of the gradient term: detail is what this network is for."""

FEATURE_CONSISTENCY = 0.1
"""PatchFusion's weight of the overlap term on features."""

DEPTH_CONSISTENCY = 5.0
"""On log depth, whose squares are small: a disagreement of 10 % costs 0.05, a twentieth of a typical SILog."""

HELD_OUT = 24

Logs = Float[Tensor, "tiles 1 height width"]


@dataclass(frozen=True)
class Guides:
    """The frozen networks' predictions for a batch.

    Args:
        coarse: coarse log depth under each tile.
        aligned: aligned log depth of each tile.
        coarse_features: coarse features under each tile.
        fine_features: fine features of each tile.
        offset: error of the coarse network's scale, per tile (natural log).
        trusted: whether the alignment trusts each tile.
    """

    coarse: Logs
    aligned: Logs
    coarse_features: Float[Tensor, "tiles _ rows columns"]
    fine_features: Float[Tensor, "tiles _ rows columns"]
    offset: Float[Tensor, "tiles"]
    trusted: list[bool]


@dataclass
class FusionStage:
    """Trains the fusion network on overlapping pairs of tiles.

    Args:
        network: the fusion network.
        coarse: the trained coarse network.
        fine: the trained fine network.
        shards: the scenes it learns from.
        held_out: the scenes it is measured on.
        batch_size: tiles per step, even.
        seed: decides every batch, together with the step.
        rate: peak learning rate.
        device: where.
    """

    network: FusionNetwork
    coarse: UNet
    fine: UNet
    shards: Sequence[Shard]
    held_out: Sequence[Shard]
    batch_size: int = 8
    seed: int = 0
    rate: float = 1.5e-3
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    name: str = field(default="fusion", init=False)

    def __post_init__(self) -> None:
        for frozen in (self.coarse, self.fine):
            frozen.eval().requires_grad_(False)
            frozen.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def batch(self, step: int, progress: float) -> PairBatch:
        """Draw the batch of a step."""
        return draw_pairs_batch(self.shards, max(1, self.batch_size // 2), (self.seed, 3, step)).to(self.device)

    def losses(self, batch: PairBatch) -> dict[str, Tensor]:
        """SILog and gradient of every trusted tile, consistency of every pair."""
        guides = self._guides(batch)
        refined, features = self._refine(self.network, batch, guides)
        trusted = torch.tensor(guides.trusted, device=self.device)[:, None, None, None]
        valid = batch.tiles.valid & trusted
        target = batch.tiles.target + guides.offset[:, None, None, None]
        depth, likeness = self._consistency(refined, features, batch)
        return {
            "silog": silog(refined, target, valid),
            "gradient": GRADIENT * multiscale_gradient(refined, target, valid),
            "depth_consistency": DEPTH_CONSISTENCY * depth,
            "feature_consistency": FEATURE_CONSISTENCY * likeness,
        }

    def _refine(self, network: nn.Module, batch: PairBatch, guides: Guides) -> tuple[Tensor, Tensor]:
        images = batch.tiles.images.contiguous(memory_format=torch.channels_last)
        return network(images, guides.coarse, guides.aligned, guides.coarse_features, guides.fine_features)

    def _consistency(self, refined: Tensor, features: Tensor, batch: PairBatch) -> tuple[Tensor, Tensor]:
        depth = features.new_zeros((), dtype=torch.float32)
        likeness = depth.clone()
        for n, (rows, columns) in enumerate(batch.shifts):
            first, second = slice(2 * n, 2 * n + 1), slice(2 * n + 1, 2 * n + 2)
            where = batch.tiles.valid[first]
            depth = depth + overlap_consistency(refined[first], refined[second], (rows, columns), where)
            half = (rows // 2, columns // 2)
            likeness = likeness + overlap_consistency(features[first].float(), features[second].float(), half)
        return depth / len(batch.shifts), likeness / len(batch.shifts)

    @torch.no_grad()
    def _guides(self, batch: PairBatch) -> Guides:
        photos, tiles = batch.photos, batch.tiles
        whole, whole_features = self.coarse(photos.images.contiguous(memory_format=torch.channels_last))
        fine, fine_features = self.fine(tiles.images.contiguous(memory_format=torch.channels_last))
        whole, fine = (x.clamp(max=math.log(canonical.FURTHEST)) for x in (whole, fine))
        aligned, trusted = align_pairs(whole, fine, batch.windows)
        size = (tiles.images.shape[-2], tiles.images.shape[-1])
        coarse = sample_windows(whole.repeat_interleave(2, 0), batch.windows, size)
        half = (size[0] // 2, size[1] // 2)
        features = sample_windows(whole_features.float().repeat_interleave(2, 0), batch.windows, half)
        offset = scale_error(whole, photos.target, photos.valid).repeat_interleave(2)
        return Guides(coarse, aligned, features, fine_features, offset, trusted)

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Measure refined tiles, aligned tiles and the coarse map, all without the coarse scale's error."""
        return mean_of(row for batch in self._held_out for row in self._measured(network, batch))

    def _measured(self, network: nn.Module, batch: PairBatch) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield measures of a batch, each with the number of tiles it is a mean of."""
        guides = self._guides(batch)
        refined, features = self._refine(network, batch, guides)
        target = batch.tiles.target + guides.offset[:, None, None, None]
        row = {"consistency": float(self._consistency(refined, features, batch)[0])}
        counted = measured_images(batch.tiles.valid)
        for name, maps in (("coarse", guides.coarse), ("aligned", guides.aligned), ("refined", refined)):
            measured = measure(maps, target, batch.tiles.valid)
            kept = {f"{name}_{key}": measured[key] for key in ("abs_rel", "rmse_log", "tau") if key in measured}
            yield counted, kept
            row[f"{name}_gradient"] = float(multiscale_gradient(maps, target, batch.tiles.valid))
        yield len(batch.tiles.images), row

    @cached_property
    def _held_out(self) -> list[PairBatch]:
        per_shard = max(1, HELD_OUT // len(self.held_out))
        batches = []
        for shard in self.held_out:
            scenes = [shard[n] for n in range(min(per_shard, len(shard)))]
            batches += [
                make_pairs(scenes[n : n + 4], [0] * len(scenes[n : n + 4]), False, None)
                for n in range(0, len(scenes), 4)
            ]
        return [batch.to(self.device) for batch in batches]


def scale_error(
    log_pred: Float[Tensor, "batch 1 height width"],
    log_target: Float[Tensor, "batch 1 height width"],
    valid: Tensor,
) -> Float[Tensor, "batch"]:
    """Median of the log error of each whole frame, which a tile can neither know nor correct."""
    errors = [(p - t)[v] for p, t, v in zip(log_pred, log_target, valid)]
    return torch.stack([e.median() if len(e) else log_pred.new_zeros(()) for e in errors])


def align_pairs(whole: Float[Tensor, "photos 1 _ _"], tiles: Logs, windows: Windows) -> tuple[Logs, list[bool]]:
    """Align each photo's two tiles to its coarse map and to each other, as the pipeline does.

    Args:
        whole: coarse log depth of the photos.
        tiles: fine log depth of the tiles, two per photo.
        windows: where the tiles lie.

    Returns:
        The aligned tiles and whether each can be trusted.
    """
    height, width = tiles.shape[-2:]
    aligned, trusted = [], []
    for n, coarse in enumerate(whole[:, 0].cpu()):
        pair = tiles[2 * n : 2 * n + 2, 0].cpu()
        places = windows[2 * n : 2 * n + 2].tolist()
        canvas = (round(height / places[0][2]), round(width / places[0][3]))
        alignment = Alignment(coarse, canvas, scale_known=True)
        for values, (top, left, _, _) in zip(pair, places):
            at = min(round(top * canvas[0]), canvas[0] - height), min(round(left * canvas[1]), canvas[1] - width)
            alignment.observe(Tile(*at, height, width), values)
        corrections = alignment.solve()
        aligned += [correction.apply(values) for correction, values in zip(corrections, pair)]
        trusted += [correction.trust > 0 for correction in corrections]
    return torch.stack(aligned)[:, None].to(tiles), trusted
