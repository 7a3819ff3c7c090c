"""Views of held-out tiles with the decoder as it is now, made by the pipeline itself."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from patchwrap.datasets import SampleSource
from patchwrap.finetune.draw import Group
from patchwrap.finetune.preparation import Preparation
from patchwrap.finetune.record import Record
from patchwrap.spec import Backend
from patchwrap.tile_view import TileView
from patchwrap.tiling import Tile


class PipelineViews:
    """Runs held-out photos through the pipeline's second pass, so that selection sees what ``predict`` computes.

    A record holds the frozen decoder's tiles. With a trained decoder the alignment, the consensus and the confidence
    of all tiles differ as well.

    Args:
        preparation: made the records.
        samples: the held-out images.
    """

    def __init__(self, preparation: Preparation, samples: Sequence[SampleSource]) -> None:
        self._preparation = preparation
        self._known = {
            preparation.path(sample, plan): (sample, plan) for sample in samples for plan in preparation.plans
        }
        self._last: tuple[Path, dict[Tile, TileView]] | None = None

    def begin(self) -> None:
        """Forget the last photo: the decoder has changed."""
        self._last = None

    def view(self, group: Group, backend: Backend) -> TileView:
        """The tiles of a group; one that the alignment rejects is replaced by the coarse map.

        Args:
            group: of a held-out record; those of one record are best asked for one after another.
            backend: of the tiles.
        """
        views = self._of(group.record, backend)
        tiles = group.record.tiles
        return TileView.batch([views.get(tiles[n]) or _rejected(group.record.view(n)) for n in group.tiles])

    def _of(self, record: Record, backend: Backend) -> dict[Tile, TileView]:
        if self._last is None or self._last[0] != record.path:
            self._last = None  # frees the memory first
            with torch.autocast(self._preparation.engine.device.type, enabled=False):
                self._last = record.path, self._preparation.views(*self._known[record.path], backend)
        return self._last[1]


def _rejected(view: TileView) -> TileView:
    zero = torch.zeros_like(view.coarse)
    return replace(view, aligned=view.coarse, confidence=zero, disagreement=zero)
