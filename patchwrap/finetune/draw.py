"""Batches of tiles that overlap, drawn from records; the same for the same numbers."""

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
        view: what the head is shown.
        space: of the maps.
        scale_known: whether they are metric.
        overlaps: numbers of two tiles that overlap, and the shift from the first's corner to the second's.
        corrections: what the alignment did to each tile.
        target: truth in the coarse map's units; anything where not valid.
        valid: where the truth counts.
        edges: where it has edges.
        mirrored: whether everything is seen in a mirror.
    """

    view: TileView
    space: FusionSpace
    scale_known: bool
    overlaps: list[tuple[int, int, Shift]]
    corrections: list[Correction]
    target: Float[Tensor, "tiles 1 height width"] | None = None
    valid: Bool[Tensor, "tiles 1 height width"] | None = None
    edges: Bool[Tensor, "tiles 1 height width"] | None = None
    mirrored: bool = False

    def to(self, device: torch.device) -> "TileBatch":
        """The same on another device."""
        moved: dict[str, Any] = {
            name: value.to(device)
            for name in ("target", "valid", "edges")
            if (value := getattr(self, name)) is not None
        }
        return replace(self, view=self.view.to(device), **moved)


@dataclass(frozen=True)
class Drawer:
    """Draws batches.

    Args:
        records: what is drawn from.
        consistency: ``group`` draws tiles by four, two by two; ``pair`` and ``none`` by two.
        batch_size: tiles of a batch; at least one group.
        seed: decides everything, with the numbers given to ``draw``.
    """

    records: Sequence[Record]
    consistency: str
    batch_size: int
    seed: int = 0

    @cached_property
    def groups(self) -> list[Group]:
        """All there are, record by record."""
        return [group for record in self.records for group in groups_of(record, self.consistency)]

    @cached_property
    def _alike(self) -> dict[tuple, list[Group]]:
        alike = defaultdict(list)
        for group in self.groups:
            alike[_kind(group)].append(group)
        return dict(alike)

    def draw(self, *numbers: int) -> TileBatch:
        """Draw groups of tiles of one size and space, with other colours and perhaps mirrored."""
        rng = np.random.default_rng([self.seed, *numbers])
        first = self.groups[int(rng.integers(len(self.groups)))]
        alike = self._alike[_kind(first)]
        count = max(1, self.batch_size // len(first.tiles))
        chosen = [first, *(alike[int(n)] for n in rng.integers(len(alike), size=count - 1))]
        batch = assembled(chosen)
        view = replace(batch.view, images=_recoloured(batch.view.images, [len(g.tiles) for g in chosen], rng))
        batch = replace(batch, view=view)
        return _mirrored(batch) if rng.random() < 0.5 else batch


def groups_of(record: Record, consistency: str) -> list[Group]:
    """The 2x2 neighbours of a record, or pairs of them; single tiles where the plan has no overlap.

    Args:
        record: its tiles lie in rows and columns; those the alignment refused are missing.
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
    met = [tiles for tiles in dict.fromkeys(found) if _overlapping(record.tiles, tiles)]
    return [Group(record, tiles) for tiles in met or [(n,) for n in range(len(record.tiles))]]


def _squares(tops: list[int], lefts: list[int]) -> list[list[tuple[int, int]]]:
    rows, columns = ([list(pair) for pair in pairwise(starts)] or [starts] for starts in (tops, lefts))
    return [[(top, left) for top in row for left in column] for row in rows for column in columns]


def _overlapping(tiles: Sequence[Tile], numbers: Sequence[int]) -> bool:
    return bool(_overlaps([tiles[n] for n in numbers], 0))


def _overlaps(tiles: Sequence[Tile], start: int) -> list[tuple[int, int, Shift]]:
    """Every two tiles that share something, with numbers that begin at ``start``."""
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
    """Read groups of one kind from their records."""
    facts, overlaps, start = groups[0].record.facts, [], 0
    for group in groups:
        overlaps += _overlaps([group.record.tiles[n] for n in group.tiles], start)
        start += len(group.tiles)
    read = [(group.record, n) for group in groups for n in group.tiles]
    view = TileView.batch([record.view(n) for record, n in read])
    corrections = [record.correction(n) for record, n in read]
    batch = TileBatch(view, facts.space, facts.scale_known, overlaps, corrections)
    # Kept records with truth serve a training without; beside them may be photos of which none is known.
    if not all(group.record.facts.has_truth for group in groups):
        return batch
    target, valid, edges = (torch.cat(parts) for parts in zip(*(record.target(n) for record, n in read)))
    return replace(batch, target=target, valid=valid, edges=edges)


def _mirrored(batch: TileBatch) -> TileBatch:
    maps: dict[str, Any] = {
        name: value.flip(-1) for name in ("target", "valid", "edges") if (value := getattr(batch, name)) is not None
    }
    overlaps = [(i, k, (rows, -columns)) for i, k, (rows, columns) in batch.overlaps]
    corrections = [replace(one, tilt_u=-one.tilt_u) for one in batch.corrections]
    return replace(
        batch, view=batch.view.mirrored(), overlaps=overlaps, corrections=corrections, mirrored=True, **maps
    )


def _recoloured(images: Tensor, sizes: Sequence[int], rng: np.random.Generator) -> Tensor:
    """Another exposure, white balance and contrast for every group: its tiles are of one photo."""
    gains = [rng.uniform(0.85, 1.15) * rng.uniform(0.93, 1.07, 3) for _ in sizes]
    gammas = [rng.uniform(0.85, 1.2) for _ in sizes]
    gain = torch.tensor(np.repeat(np.stack(gains), sizes, axis=0), dtype=images.dtype)[:, :, None, None]
    gamma = torch.tensor(np.repeat(gammas, sizes), dtype=images.dtype)[:, None, None, None]
    return (images.clamp_min(1e-4) ** gamma * gain).clamp(0, 1)
