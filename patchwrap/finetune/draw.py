"""Draws batches of overlapping tiles from records, reproducibly."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from patchwrap.finetune.record import Record
from patchwrap.observation import Correction
from patchwrap.spaces import FusionSpace
from patchwrap.tile_view import TileView
from patchwrap.tiling import Tile

Shift = tuple[int, int]
"""Rows and columns from one tile's corner to another's."""


@dataclass(frozen=True)
class Group:
    """Tiles of one record that overlap with each other."""

    record: Record
    tiles: tuple[int, ...]


@dataclass(frozen=True)
class TileBatch:
    """Tiles of one size.

    Args:
        view: input of the head.
        space: fusion space of the maps.
        scale_known: whether the maps are metric.
        overlaps: indices of two overlapping tiles, and the shift from the first's corner to the second's.
        corrections: what the alignment did to each tile.
        target: true depth in the coarse map's units; arbitrary where not valid. None without ground truth.
        valid: where the target is used.
        edges: where true depth has edges.
    """

    view: TileView
    space: FusionSpace
    scale_known: bool
    overlaps: list[tuple[int, int, Shift]]
    corrections: list[Correction]
    target: Float[Tensor, "tiles 1 height width"] | None = None
    valid: Bool[Tensor, "tiles 1 height width"] | None = None
    edges: Bool[Tensor, "tiles 1 height width"] | None = None

    def to(self, device: torch.device) -> "TileBatch":
        """Move the tensors to a device."""
        return replace(self, view=self.view.to(device), **{k: v.to(device) for k, v in self._truth.items()})

    def mirrored(self) -> "TileBatch":
        """Flip the tiles left to right."""
        overlaps = [(i, k, (rows, -columns)) for i, k, (rows, columns) in self.overlaps]
        corrections = [replace(one, tilt_u=-one.tilt_u) for one in self.corrections]
        maps = {name: value.flip(-1) for name, value in self._truth.items()}
        return replace(self, view=self.view.mirrored(), overlaps=overlaps, corrections=corrections, **maps)

    @property
    def _truth(self) -> dict[str, Any]:
        """The maps of true depth, where it is known."""
        maps = {"target": self.target, "valid": self.valid, "edges": self.edges}
        return {name: value for name, value in maps.items() if value is not None}


@dataclass(frozen=True)
class Drawer:
    """Draws batches; the same seed and numbers always give the same batch.

    Args:
        records: to draw from.
        consistency: ``group`` draws 2x2 neighbours together; ``pair`` and ``none`` draw two tiles together.
        batch_size: tiles of a batch; a batch has at least one group.
        seed: of all draws.
    """

    records: Sequence[Record]
    consistency: str
    batch_size: int
    seed: int = 0

    @cached_property
    def groups(self) -> list[Group]:
        """All groups of tiles, record by record."""
        return [group for record in self.records for group in groups_of(record, self.consistency)]

    @cached_property
    def _by_kind(self) -> dict[tuple, list[Group]]:
        by_kind = defaultdict(list)
        for group in self.groups:
            by_kind[_kind(group)].append(group)
        return dict(by_kind)

    def draw(self, *numbers: int) -> TileBatch:
        """Draw groups of tiles of one size and space, with random colours and, half of the time, mirrored.

        Args:
            numbers: such as the step and the process; the draw depends on them and on the seed alone.
        """
        rng = np.random.default_rng([self.seed, *numbers])
        first = self.groups[int(rng.integers(len(self.groups)))]
        similar = self._by_kind[_kind(first)]
        count = max(1, self.batch_size // len(first.tiles))
        chosen = [first, *(similar[int(n)] for n in rng.integers(len(similar), size=count - 1))]
        batch = assembled(chosen)
        view = replace(batch.view, images=_recoloured(batch.view.images, [len(g.tiles) for g in chosen], rng))
        batch = replace(batch, view=view)
        return batch.mirrored() if rng.random() < 0.5 else batch


def groups_of(record: Record, consistency: str) -> list[Group]:
    """List the 2x2 neighbours of a record, or pairs of them; single tiles where none overlap.

    Args:
        record: its tiles lie in rows and columns; those that the alignment rejected are missing.
        consistency: see ``Drawer``.
    """
    at = {(tile.top, tile.left): n for n, tile in enumerate(record.tiles)}
    tops, lefts = (sorted({corner[axis] for corner in at}) for axis in (0, 1))
    found = []
    for corners in _squares(tops, lefts):
        square = tuple(at[corner] for corner in corners if corner in at)
        if consistency == "group":
            found += [square] if len(square) > 1 else []
        else:
            found += list(combinations(square, 2))
    met = [tiles for tiles in dict.fromkeys(found) if _overlaps([record.tiles[n] for n in tiles], 0)]
    return [Group(record, tiles) for tiles in met or [(n,) for n in range(len(record.tiles))]]


def _squares(tops: list[int], lefts: list[int]) -> list[list[tuple[int, int]]]:
    rows, columns = ([list(pair) for pair in pairwise(starts)] or [starts] for starts in (tops, lefts))
    return [[(top, left) for top in row for left in column] for row in rows for column in columns]


def _overlaps(tiles: Sequence[Tile], start: int) -> list[tuple[int, int, Shift]]:
    """All pairs of overlapping tiles, with indices that begin at ``start``."""
    found = []
    for (i, one), (k, other) in combinations(enumerate(tiles, start), 2):
        shift = other.top - one.top, other.left - one.left
        if abs(shift[0]) < one.height and abs(shift[1]) < one.width:
            found.append((i, k, shift))
    return found


def _kind(group: Group) -> tuple:
    facts = group.record.facts
    return facts.tile, facts.space, facts.scale_known, len(group.tiles)


def assembled(groups: Sequence[Group]) -> TileBatch:
    """Read groups into one batch.

    Args:
        groups: of the same tile size, fusion space and number of tiles.
    """
    facts, overlaps, start = groups[0].record.facts, [], 0
    for group in groups:
        overlaps += _overlaps([group.record.tiles[n] for n in group.tiles], start)
        start += len(group.tiles)
    read = [(group.record, n) for group in groups for n in group.tiles]
    view = TileView.batch([record.view(n) for record, n in read])
    corrections = [record.correction(n) for record, n in read]
    batch = TileBatch(view, facts.space, facts.scale_known, overlaps, corrections)
    # A training without ground truth may mix stored records that have it with photos that do not.
    if not all(group.record.facts.has_truth for group in groups):
        return batch
    target, valid, edges = (torch.cat(parts) for parts in zip(*(record.target(n) for record, n in read)))
    return replace(batch, target=target, valid=valid, edges=edges)


def _recoloured(images: Tensor, sizes: Sequence[int], rng: np.random.Generator) -> Tensor:
    """Change exposure, white balance and contrast, alike for the tiles of a group: they show one photo."""
    gains = [rng.uniform(0.85, 1.15) * rng.uniform(0.93, 1.07, 3) for _ in sizes]
    gammas = [rng.uniform(0.85, 1.2) for _ in sizes]
    gain = torch.tensor(np.repeat(np.stack(gains), sizes, axis=0), dtype=images.dtype)[:, :, None, None]
    gamma = torch.tensor(np.repeat(gammas, sizes), dtype=images.dtype)[:, None, None, None]
    return (images.clamp_min(1e-4) ** gamma * gain).clamp(0, 1)
