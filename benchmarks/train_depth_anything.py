"""Train a small transformer of Depth Anything's architecture from nothing but generated scenes.

The result is an ordinary transformers folder (config, fp16 safetensors, image processor) and a card, so that a
transformers backend can be compared without a download. It learns inverse depth from whole
frames and tiles alike, on shards that ``patchwrap-native render`` wrote, many of them in a look that no renderer has.
With ``--guide`` its tokens also learn to tell what the trio's coarse network sees, which teaches more per step; with
``--taught`` its layout is partly learned from that network's map, which a small network can follow where the truth is
beyond it. The training's state lies beside the folder (``OUT.pt``): the same command goes on where it was interrupted,
and may then be given more time.
"""

import argparse
import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessor

from guidance import Guidance
from muon import muon_and_adamw
from patchwrap import DepthConvention, PatchwrapError
from patchwrap.extension import digest
from patchwrap.losses import FEWEST, multiscale_gradient, silog
from patchwrap.metrics import align, depth_metrics
from patchwrap_native import checkpoint
from patchwrap_native.augmentation import augment
from patchwrap_native.batch import Batch
from patchwrap_native.budget import Budget
from patchwrap_native.console import TrainingConsole
from patchwrap_native.crops import Diet, Sampler, scaled
from patchwrap_native.depth_stage import whole_views
from patchwrap_native.recipe import card_at
from patchwrap_native.shards import Shard, contents, open_shards, seeds_of
from patchwrap_native.trainer import History, Trainer
from patchwrap_native.unet import UNet
from starting_weights import enliven
from styles import Pictures, restyle

PATCH = 8
SIZE = (128, 192)
"""Height and width that the network is for; others of about this area, also upright, do as well."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DIET = Diet(tiles=0.35, uncropped=0.4, whole_zoom=(0.45, 1.0))
FULL = 1 / 2
SCALES = {0.0: 1 / 3, 0.8: FULL}
"""Size of the samples relative to the shards' views, from each share of the budget on.

Layout is learned as well from 96x128 pixels, at half the cost.
"""

UNIT = 10.0
"""Metres at which inverse depth is 1."""

FLOOR = 0.5
"""Inverse depth in this unit below which a map's layout counts less and less: beyond 20 m."""

FITTED_FLOOR = 0.25
"""The same of a fitted map: beyond 40 m."""

FITTED = 10.0
"""Weight of a fitted map's error, which brings it to SILog's size."""

FLATTEST = 1e-4
"""Variance below which a map is flat, and fitted by an offset alone."""

GUIDED = (3, 6, 8)
"""Layers whose tokens tell a guide's features: those that the decoder looks at."""

GUIDANCE = 2.0
"""Weight of the guidance loss."""

EDGES = 1.0
"""Weight of the gradient term, in full-size samples: what patches cannot show yet would only shake the layout."""

RECIPE = ("minutes", "steps", "batch_size", "taught", "seed", "device")
"""Options that are recorded in the card."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, continuing an interrupted run; write the folder and its card.

    Raises:
        OptionError: if there is the state of a training with other options or data.
        PatchwrapError: for an impossible ``--taught``.
    """
    options = _parser().parse_args(arguments)
    if not 0 <= options.taught <= (1 if options.guide else 0):
        raise PatchwrapError(f"--taught is a share from 0 to 1 and needs a --guide; given: {options.taught}.")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = start(options.start_from, options.guide).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shards, held_out = open_shards(options.shards), open_shards(options.held_out)
    stage = RelativeStage(network, shards, held_out, options.batch_size, options.seed, options.rate, options.taught)
    budget = Budget(60 * options.minutes if options.steps is None else None, options.steps)
    state = options.out.with_name(f"{options.out.name}.pt")
    trainer = Trainer(
        stage, budget, state, torch.device(options.device), optimiser=muon_and_adamw,
        identity=identity(options, stage),
    )  # fmt: skip
    with TrainingConsole() as console:
        network.load_state_dict(trainer.run(console.report).state_dict())
    save(network, options.out, card(options, stage, trainer.history))
    print(options.out)


class Relative(nn.Module):
    """Depth Anything's network on RGB in [0, 1] at any size: normalised, and resized to whole patches.

    Args:
        network: with a ``relative`` head.
        guide: a trained network whose features its tokens shall tell, if any.
    """

    def __init__(self, network: DepthAnythingForDepthEstimation, guide: UNet | None = None) -> None:
        super().__init__()
        self.network = network
        self.guidance = Guidance(guide, GUIDED, network.config.backbone_config.hidden_size) if guide else None
        self.network.head.activation2 = LateReLU()
        # At 192 tokens the fused attention's backward pass costs CPUs more than all its memory saves.
        self.network.backbone.set_attn_implementation("eager")
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return inverse depth (batch, 1, height, width) up to scale and shift, never negative."""
        return self.see(images)[0]

    def see(self, images: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """Return what ``forward`` does, and the tokens of all layers."""
        height, width = images.shape[-2:]
        size = [max(1, round(side / PATCH)) * PATCH for side in (height, width)]
        inputs = F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
        seen = self.network((inputs - self.mean) / self.std, output_hidden_states=True)
        maps = seen.predicted_depth[:, None].float()
        return F.interpolate(maps, (height, width), mode="bilinear", align_corners=False), seen.hidden_states


class LateReLU(nn.Module):
    """The ReLU that ends the network, left out while it learns: a map that fell below zero would have no way back."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps; when not training, none are negative."""
        return maps if self.training else F.relu(maps)


def compressed(inverse: Tensor, floor: float = FLOOR) -> Tensor:
    """``log(inverse + floor)``, and its tangent below zero: near and far weigh alike, the sky is an ordinary number."""
    inside = torch.log(inverse.clamp(min=0) + floor)
    return torch.where(inverse > 0, inside, inverse / floor + math.log(floor))


def fitted(maps: Tensor, true: Tensor, usable: Tensor) -> Tensor:
    """Each map times a factor plus an offset, by least squares over its usable pixels: as it will be measured.

    Its layout alone says nothing of where that fit puts what is far: an error among near pixels tips it, and a few
    percent of them are a horizon behind the sky. So the fit takes part in what is learned.
    """
    count = usable.sum((2, 3), keepdim=True).clamp(min=1)
    mean, centre = (_total(values, usable) / count for values in (maps, true))
    off = maps - mean
    scale = _total(off * (true - centre), usable) / (_total(off.square(), usable) + FLATTEST * count)
    return scale * off + centre


def _layout(maps: Tensor, target: Tensor) -> Tensor:
    """SILog of compressed inverse depth over all pixels, the sky among them."""
    return silog(compressed(maps), compressed(_inverse(target)), torch.ones_like(maps, dtype=torch.bool))


def _inverse(log_depth: Tensor) -> Tensor:
    return UNIT * torch.exp(-log_depth)


def _total(values: Tensor, usable: Tensor) -> Tensor:
    return torch.where(usable, values, 0.0).sum((2, 3), keepdim=True)


def start(folder: Path | None, guide: Path | None = None) -> Relative:
    """A network of 4.5 M parameters with ``starting_weights``, or an earlier training's, and its guide."""
    coarse = checkpoint.load(guide).coarse if guide else None
    if folder:
        return Relative(DepthAnythingForDepthEstimation.from_pretrained(folder, dtype=torch.float32), coarse)
    backbone = Dinov2Config(
        hidden_size=192,
        num_hidden_layers=8,
        num_attention_heads=3,
        mlp_ratio=4,
        image_size=128,
        patch_size=PATCH,
        # The finest level of the decoder sees the patches as they are: edges need not pass the transformer.
        out_indices=[0, 3, 6, 8],
        reshape_hidden_states=False,
        apply_layernorm=True,
        use_mask_token=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=PATCH,
        reassemble_hidden_size=192,
        reassemble_factors=[2, 1, 0.5, 0.25],
        neck_hidden_sizes=[32, 64, 128, 128],
        fusion_hidden_size=48,
        head_hidden_size=24,
        depth_estimation_type="relative",
    )
    network = DepthAnythingForDepthEstimation(config)
    enliven(network)
    return Relative(network, coarse)


@dataclass(frozen=True)
class RestyledBatch(Batch):
    """A batch in another look.

    Args:
        plain: the pictures in their own look, which a guide is shown.
    """

    plain: Pictures


@dataclass
class RelativeStage:
    """Trains a network on inverse depth, whose scale counts little; sky is 0.

    Args:
        network: see ``Relative``.
        shards: the scenes it learns from.
        held_out: the scenes it is measured on.
        batch_size: samples per step.
        seed: decides every batch, together with the step.
        rate: peak learning rate.
        taught: share of the layout that is the guide's rather than the truth's, in [0, 1].
    """

    network: Relative
    shards: Sequence[Shard]
    held_out: Sequence[Shard]
    batch_size: int = 32
    seed: int = 0
    rate: float = 1e-3
    taught: float = 0.0
    name: str = field(default="depth_anything", init=False)

    def batch(self, step: int, progress: float) -> RestyledBatch:
        """Draw the batch of a step, augmented and restyled."""
        scale = SCALES[max(share for share in SCALES if share <= progress)]
        batch = Sampler(self.shards, DIET, self.batch_size).draw((self.seed, 4, step), scale)
        plain = augment(batch.images, hash((self.seed, 4, step)))
        images = restyle(plain, hash((self.seed, 5, step)) % 2**63)
        return RestyledBatch(**vars(batch.with_images(images)), plain=plain).to(self.device)

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return next(self.network.parameters()).device

    def losses(self, batch: RestyledBatch) -> dict[str, Tensor]:
        """SILog of the layout, the error once fitted and, in full-size samples, the gradients' difference."""
        maps, states = self.network.see(batch.images)
        terms = {"silog": (1 - self.taught) * _layout(maps, batch.target)} if self.taught < 1 else {}
        if guide := self.network.guidance:
            terms["guidance"] = GUIDANCE * guide(batch.plain, states)
            if self.taught:
                terms["taught"] = self.taught * _layout(maps, guide.depth(batch.plain))
        return terms | self._errors(maps, _inverse(batch.target), batch.valid)

    def _errors(self, maps: Tensor, true: Tensor, valid: Tensor) -> dict[str, Tensor]:
        """Errors after the fit to the known pixels, the sky included."""
        enough = valid.sum((2, 3), keepdim=True) >= FEWEST
        off = compressed(fitted(maps, true, valid), FITTED_FLOOR) - compressed(true, FITTED_FLOOR)
        everywhere = enough.expand_as(valid)
        terms = {"fitted": FITTED * torch.where(everywhere, off.abs(), 0.0).sum() / everywhere.sum().clamp(min=1)}
        if min(maps.shape[-2:]) >= min(SIZE):
            terms["edges"] = EDGES * multiscale_gradient(off, torch.zeros_like(off), everywhere)
        return terms

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Mean AbsRel, RMSE of log depth and delta1 on held-out frames, aligned in inverse depth."""
        rows = [row for batch in self._frames for row in measure(network, batch)]
        return {name: round(sum(row[name] for row in rows) / len(rows), 5) for name in rows[0]}

    @cached_property
    def _frames(self) -> list[Batch]:
        per_shard = max(1, 64 // len(self.held_out))
        return [batch.to(self.device) for shard in self.held_out for batch in whole_views(shard, 0, per_shard)]


def measure(network: nn.Module, batch: Batch) -> list[dict[str, float]]:
    """AbsRel, RMSE of log depth and delta1 of every frame that has valid pixels, seen at the network's own size."""
    size = batch.images.shape[2:]
    images = F.interpolate(batch.images, scaled(size, FULL), mode="bilinear", align_corners=False, antialias=True)
    maps = F.interpolate(network(images), size, mode="bilinear", align_corners=False)
    rows = []
    for pred, target, valid in zip(maps, batch.target, batch.valid):
        if not valid.any():
            continue
        gt, where = target[0].exp().cpu().numpy(), valid[0].cpu().numpy()
        depth = align(pred[0].cpu().numpy(), gt, where, DepthConvention("inverse_depth", "affine"))
        measures = depth_metrics(depth, gt, where)
        rows.append({name: measures[name] for name in ("abs_rel", "rmse_log", "delta1")})
    return rows


def save(network: Relative, folder: Path, facts: dict[str, object]) -> None:
    """Write an ordinary transformers folder, in half precision, and the card."""
    network.network.half().save_pretrained(folder)
    DPTImageProcessor(
        size={"height": SIZE[0], "width": SIZE[1]},
        keep_aspect_ratio=True,
        ensure_multiple_of=PATCH,
        image_mean=list(MEAN),
        image_std=list(STD),
    ).save_pretrained(folder)
    (folder / "card.json").write_text(json.dumps(facts, indent=1) + "\n")


def identity(options: argparse.Namespace, stage: RelativeStage) -> str:
    """What must not change when a training resumes; its length and device may."""
    files = [options.start_from and options.start_from / "model.safetensors", options.guide]
    weights = [path and hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    scenes = contents(stage.shards, stage.held_out)
    return digest([options.batch_size, options.rate, options.seed, options.taught, weights, scenes])


def card(options: argparse.Namespace, stage: RelativeStage, history: History) -> dict[str, object]:
    """Describe the checkpoint."""
    return {
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "convention": "inverse_depth:affine",
        "licence": "Apache-2.0",
        "parameters": sum(p.numel() for p in stage.network.network.parameters()),
        "scenes": seeds_of(stage.shards),
        "recipe": {name: getattr(options, name) for name in RECIPE},
        "rate": stage.rate,
        "guide": options.guide.stem if options.guide else None,
        "seconds": round(history.elapsed),
        "history": vars(history),
        "started_from": card_at(options.start_from and options.start_from / "card.json"),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, required=True, help="folder of rendered scenes")
    parser.add_argument("--held-out", type=Path, required=True, help="folder of rendered held-out scenes")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--start-from", type=Path, help="folder of an earlier training to go on from")
    parser.add_argument("--guide", type=Path, help="a native checkpoint; the transformer learns to tell its features")
    parser.add_argument("--taught", type=float, default=0, help="share of the layout that the guide tells (default: 0)")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--steps", type=int, help="train so many steps instead of minutes")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate (default: 0.001)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
