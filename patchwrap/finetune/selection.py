"""Scores a head on held-out images by agreement, edges and error; a training returns the head with the best score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan

import torch
from torch import Tensor

from patchwrap.finetune.draw import Group, TileBatch, assembled, groups_of
from patchwrap.finetune.objective import edge_errors, overlap_gaps
from patchwrap.finetune.record import Record
from patchwrap.tile_view import TileView

GROUPS = 3
"""Groups of tiles taken from each record, evenly spaced."""

AGREEMENT = 0.25
"""Weight of the consistency error beside edges and error. An untrained head's tiles agree almost exactly, so that any
improvement of edges or error costs some agreement."""

TOLERANCE = 1.05
"""Factor by which edges may be worse than those of the aligned tiles before the penalty starts, which keeps a head from
improving its consistency error by blurring. Training-free fusion has slightly worse edges as well: it uses the coarse
map where a tile differs from it."""

SPARED = 0.05
"""Without truth: change of a tile's gradients that is not counted, since it may correct the tile's scale."""

Refine = Callable[[TileBatch], Tensor]

Shown = Callable[[Group], TileView]


@dataclass(frozen=True)
class Score:
    """What is measured on held-out tiles, refined and training-free.

    Args:
        ce: mean difference where tiles overlap, in spreads of the coarse map.
        see: soft edge error in spreads; without truth, 1 plus the share of the tiles' own gradients that is lost, less
            ``SPARED``.
        error: mean difference from truth, both in spreads; NaN without truth.
        plain_ce: the same of the aligned tiles without a head.
        plain_see: likewise; 1 without truth.
        plain_error: likewise.
    """

    ce: float
    see: float
    error: float
    plain_ce: float
    plain_see: float
    plain_error: float

    @property
    def value(self) -> float:
        """Selection score, lower is better: each measure divided by its training-free value.

        Edges beyond ``TOLERANCE`` cost ten times more. Error counts only with ground truth. Infinite, worse than any
        other, if a measure that counts is not finite.
        """
        ce, see, error = (
            mine / max(plain, 1e-9)
            for mine, plain in ((self.ce, self.plain_ce), (self.see, self.plain_see), (self.error, self.plain_error))
        )
        error = 0.0 if isnan(self.plain_error) else error
        value = AGREEMENT * ce + see + error + 10 * max(0.0, see - TOLERANCE)
        return value if isfinite(value) else inf


def chosen_groups(records: Sequence[Record]) -> list[Group]:
    """Choose ``GROUPS`` evenly spaced groups of each record, the same ones every time."""
    found = []
    for record in records:
        groups = groups_of(record, "group")
        places = {round((n + 0.5) * len(groups) / GROUPS - 0.5) for n in range(GROUPS)}
        found += [groups[n] for n in sorted(places) if 0 <= n < len(groups)]
    return found


def totals(
    groups: Sequence[Group], refine: Refine, device: torch.device, with_truth: bool, shown: Shown | None = None
) -> Tensor:
    """Sums and counts of all measures over groups, to be added up over processes.

    Args:
        groups: held-out tiles.
        refine: the head.
        device: of the head.
        with_truth: whether true depth is used.
        shown: the view of a group for the head, if it differs from the record's.

    Returns:
        ``(2, 2, 3)``: refined and aligned tiles; sum and count; consistency, edges and error.
    """
    sums = torch.zeros(2, 2, 3, dtype=torch.float64)
    for group in groups:
        batch = assembled([group]).to(device)
        seen = batch if shown is None else replace(batch, view=shown(group).to(device))
        for row, maps in enumerate((refine(seen), batch.view.aligned)):
            for column, values in enumerate(_measured(batch, maps, with_truth)):
                sums[row, :, column] += torch.stack([values.sum().cpu().double(), torch.tensor(float(len(values)))])
    return sums


def score(sums: Tensor, with_truth: bool) -> Score:
    """Turn the sums and counts of ``totals`` into a score."""
    means = sums[:, 0] / sums[:, 1].clamp(min=1)
    (ce, see, error), (plain_ce, plain_see, plain_error) = means.tolist()
    if not with_truth:
        return Score(ce, 1 + max(0.0, see - SPARED), float("nan"), plain_ce, 1.0, float("nan"))
    return Score(ce, see, error, plain_ce, plain_see, plain_error)


def _measured(batch: TileBatch, maps: Tensor, with_truth: bool) -> tuple[Tensor, Tensor, Tensor]:
    gaps = overlap_gaps(batch, maps)
    if not with_truth or batch.target is None or batch.valid is None:
        return gaps, gradients_gone(maps, batch.view.aligned)[None], maps.new_zeros(0)
    error = ((maps - batch.target).abs() / batch.view.unit)[batch.valid]
    return gaps, edge_errors(batch, maps), error


def gradients_gone(maps: Tensor, own: Tensor) -> Tensor:
    """Share of the tiles' own gradients that is missing or in excess: 0 if all are kept, 1 if all are blurred away.

    It is 1 minus the least-squares factor from the tiles' own gradients to the new ones, in absolute value. Large
    gradients (edges) dominate it; slow corrections and detail added elsewhere hardly change it.
    """
    gradients = [(maps.diff(dim=axis), own.diff(dim=axis)) for axis in (-2, -1)]
    kept = torch.stack([(mine * theirs).sum() for mine, theirs in gradients]).sum()
    return (1 - kept / torch.stack([theirs.square().sum() for _, theirs in gradients]).sum().clamp(min=1e-9)).abs()
