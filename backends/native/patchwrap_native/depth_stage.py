"""The first two stages: a U-Net learns log canonical depth, of whole frames (coarse) or of tiles (fine)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from patchwrap.losses import far_hinge, multiscale_gradient, silog
from patchwrap_native.augmentation import augment
from patchwrap_native.batch import Batch
from patchwrap_native.crops import Diet, Sampler
from patchwrap_native.depth_code import decode_log
from patchwrap_native.measures import mean_of, measure, measured_images
from patchwrap_native.shards import Shard
from patchwrap_native.unet import UNet

SMALL, FULL = 2 / 3, 1.0
"""Size of the samples relative to the views: small first, because most is learned there at half the cost."""

GRADIENT = 2.0
"""Weight of the gradient term."""

VIEWS, AT_ONCE = 64, 16
"""Pictures that are measured, or calibrated on, and how many of them make a batch."""


@dataclass
class DepthStage:
    """Trains one U-Net on crops.

    Args:
        name: ``coarse`` or ``fine``.
        network: the U-Net.
        diet: which views it learns from.
        shards: the scenes it learns from.
        held_out: the scenes it is measured on.
        batch_size: samples per step.
        seed: decides every batch, together with the step.
        full_from: share of the budget after which samples have the views' full size.
        rate: peak learning rate.
        device: where.
    """

    name: str
    network: UNet
    diet: Diet
    shards: Sequence[Shard]
    held_out: Sequence[Shard]
    batch_size: int = 16
    seed: int = 0
    full_from: float = 0.6
    rate: float = 2e-3
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def batch(self, step: int, progress: float) -> Batch:
        """Draw the batch of a step, augmented."""
        stage = 1 if self.name == "coarse" else 2
        sampler = Sampler(self.shards, self.diet, self.batch_size)
        batch = sampler.draw((self.seed, stage, step), FULL if progress >= self.full_from else SMALL)
        batch = batch.with_images(augment(batch.images, hash((self.seed, stage, step))))
        return batch.to(self.device)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """SILog, the sky's hinge and the gradient term."""
        log_depth, _ = self.network(batch.images.contiguous(memory_format=torch.channels_last))
        return {
            "silog": silog(log_depth, batch.target, batch.valid),
            "sky": far_hinge(log_depth, batch.beyond, batch.far),
            "gradient": GRADIENT * multiscale_gradient(log_depth, batch.target, batch.valid),
        }

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Measure on held-out views, whole and unaugmented."""
        return self.measured(network, self._held_out)

    def measured(self, network: nn.Module, views: Sequence[Batch]) -> dict[str, float]:
        """Measure on views, such as ``training_views``.

        Without ``sky_found`` if no view has pixels that only have to be far, and with nothing else if none has enough
        valid ones.
        """
        return mean_of(row for batch in views for row in self._measures(network, batch))

    def _measures(self, network: nn.Module, batch: Batch) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield measures of a batch, each with the number of images it is a mean of."""
        log_depth, _ = network(batch.images.contiguous(memory_format=torch.channels_last))
        yield measured_images(batch.valid), measure(log_depth, batch.target, batch.valid)
        far_enough = log_depth > batch.far - 0.3
        for far, beyond in zip(far_enough, batch.beyond):
            if beyond.any():
                yield 1, {"sky_found": far[beyond].float().mean().item()}

    @cached_property
    def _held_out(self) -> list[Batch]:
        return self._views(self.held_out)

    def training_views(self) -> list[Batch]:
        """Views it learns from, whole and unaugmented: what a calibration may look at, unlike held-out ones."""
        return self._views(self.shards)

    def _views(self, shards: Sequence[Shard]) -> list[Batch]:
        view = 0 if self.diet.tiles == 0 else 1
        per_shard = max(1, VIEWS // len(shards))
        return [batch.to(self.device) for shard in shards for batch in whole_views(shard, view, per_shard)]


def whole_views(shard: Shard, view: int, limit: int) -> list[Batch]:
    """The first scenes of a shard, unaugmented.

    Args:
        shard: where from.
        view: which view of each scene.
        limit: how many scenes.
    """
    view = min(view, shard.codes.shape[1] - 1)
    batches = []
    for start in range(0, min(limit, len(shard)), AT_ONCE):
        part = slice(start, min(start + AT_ONCE, limit))
        images = torch.from_numpy(shard.images[part, view].copy()).permute(0, 3, 1, 2)
        focals = torch.tensor([scene["focals"][view] for scene in shard.scenes[part]])
        batches.append(Batch.of(images, decode_log(shard.codes[part, view])[:, None], focals))
    return batches
