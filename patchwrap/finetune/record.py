"""Predictions of frozen backends for one image and plan, stored on disk, so that training runs only the head."""

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from patchwrap.errors import CheckpointError
from patchwrap.io import replacing
from patchwrap.observation import Correction
from patchwrap.resampling import sample_windows, windows_of
from patchwrap.spaces import FusionSpace
from patchwrap.tile_view import TileView
from patchwrap.tiling import Size, Tile

FORMAT = 6
"""Increase when records made from the same predictions hold something else."""

Target = Float[Tensor, "1 1 height width"]
Mask = Bool[Tensor, "1 1 height width"]


@dataclass(frozen=True)
class Facts:
    """Facts of a record that are known without reading its maps.

    Args:
        image: the sample's name.
        space: fusion space of all maps.
        scale_known: whether the maps are metric.
        canvas: ``(height, width)`` of the grid on which the tiles lie.
        tile: ``(height, width)`` of every tile.
        has_truth: whether there is a target.
        centre: the coarse map's median.
        spread: its robust spread.
    """

    image: str
    space: FusionSpace
    scale_known: bool
    canvas: Size
    tile: Size
    has_truth: bool
    centre: float
    spread: float


class Record:
    """A file of maps, read tile by tile. Maps are stored as ``(values - centre) / spread``.

    Args:
        path: a file that ``write_record`` wrote.

    Raises:
        CheckpointError: if the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with safe_open(path, "pt") as file:
                header = json.loads((file.metadata() or {})["facts"])
                self.tiles = [Tile(*row) for row in file.get_tensor("tiles").tolist()]
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise CheckpointError(f"{path} is damaged ({error}). Delete it; it will be made again.") from error
        sizes = {name: (header[name][0], header[name][1]) for name in ("canvas", "tile")}
        self.facts = Facts(**(header | sizes))

    @cached_property
    def _coarse(self) -> Float[Tensor, "1 1 rows columns"]:
        with safe_open(self.path, "pt") as file:
            return file.get_tensor("coarse")[None, None]

    def view(self, index: int) -> TileView:
        """The head's input for a tile."""
        tile, facts = self.tiles[index], self.facts
        with safe_open(self.path, "pt") as file:
            images = file.get_slice("image")[(slice(None), *tile.slices)]
            parts = {name: file.get_slice(name)[index : index + 1] for name in self._parts(file)}
        context = parts["context"].float()
        places = torch.cat([self._in_space(context[:, :2]), context[:, 2:]], 1)
        return TileView(
            images=images[None].float() / 255,
            coarse=sample_windows(self._coarse, windows_of([tile], facts.canvas), tile.size),
            aligned=self._in_space(parts["aligned"].float()),
            confidence=parts["confidence"].float() / 255,
            disagreement=parts["disagreement"].float() * facts.spread,
            context=places,
            centre=torch.tensor([facts.centre]),
            spread=torch.tensor([facts.spread]),
            coarse_features=parts["coarse_features"].float() if "coarse_features" in parts else None,
            fine_features=parts["fine_features"].float() if "fine_features" in parts else None,
        )

    def target(self, index: int) -> tuple[Target, Mask, Mask]:
        """True depth of a tile in the coarse map's units, where it is valid, and where it has edges."""
        place = (slice(None), *self.tiles[index].slices)
        with safe_open(self.path, "pt") as file:
            target = self._in_space(file.get_slice("target")[place].float())[None]
            edges = file.get_slice("edges")[place][None].bool()
        return target.nan_to_num(), target.isfinite(), edges & target.isfinite()

    def correction(self, index: int) -> Correction:
        """The alignment's correction of a tile."""
        with safe_open(self.path, "pt") as file:
            return Correction(*file.get_slice("corrections")[index].tolist())

    def _in_space(self, values: Tensor) -> Tensor:
        return values * self.facts.spread + self.facts.centre

    def _parts(self, file: Any) -> list[str]:
        known = ("aligned", "confidence", "disagreement", "context", "coarse_features", "fine_features")
        return [name for name in known if name in file.keys()]  # noqa: SIM118 (no mapping)


def write_record(
    path: Path,
    facts: Facts,
    image: Any,
    coarse: Float[Tensor, "rows columns"],
    views: Mapping[Tile, tuple[TileView, Correction]],
    target: Float[Tensor, "height width"] | None,
    edges: Bool[Tensor, "height width"] | None,
) -> None:
    """Write a record atomically.

    Args:
        path: of the file.
        facts: of the record.
        image: the canvas as ``(height, width, 3)`` bytes.
        coarse: the coarse map in the fusion space.
        views: the head's input for each tile that the alignment trusts, and the tile's correction.
        target: true depth on the canvas in the coarse map's units, NaN where unknown; None without ground truth.
        edges: where true depth has edges.

    Raises:
        OutputError: if the file cannot be written.
    """
    tensors = _tensors(facts, views) | {"image": rearrange(torch.as_tensor(image), "h w c -> c h w"), "coarse": coarse}
    if target is not None and edges is not None:
        tensors |= {"target": _normal(target, facts)[None], "edges": edges[None].byte()}
    with replacing(path) as stream:
        stream.write(save({k: v.contiguous() for k, v in tensors.items()}, {"facts": json.dumps(asdict(facts))}))


def _tensors(facts: Facts, views: Mapping[Tile, tuple[TileView, Correction]]) -> dict[str, Tensor]:
    """What is stored tile by tile."""
    shown = TileView.batch([view for view, _ in views.values()])
    tensors = {
        "tiles": torch.tensor([astuple(tile) for tile in views], dtype=torch.int32),
        "corrections": torch.tensor([[c.scale, c.shift, c.tilt_v, c.tilt_u] for _, c in views.values()]),
        "aligned": _normal(shown.aligned, facts),
        # Zero is kept for invalid pixels.
        "confidence": (shown.confidence * 255).round().clamp(min=1).where(shown.confidence > 0, 0).byte(),
        "disagreement": (shown.disagreement / facts.spread).half(),
        "context": torch.cat([_normal(shown.context[:, :2], facts), shown.context[:, 2:].half()], 1),
    }
    guides = {"coarse_features": shown.coarse_features, "fine_features": shown.fine_features}
    return tensors | {name: features.half() for name, features in guides.items() if features is not None}


def _normal(values: Tensor, facts: Facts) -> Tensor:
    return ((values - facts.centre) / facts.spread).half()
