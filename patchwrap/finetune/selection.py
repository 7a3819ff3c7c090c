"""Which of a training's heads is the best: by agreement, edges and error together, on images kept from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from patchwrap.finetune.draw import Group, TileBatch, assembled, groups_of
from patchwrap.finetune.objective import edge_errors, overlap_gaps
from patchwrap.finetune.record import Record

GROUPS = 3
"""Of each record, spread over it."""

AGREEMENT = 0.25
"""Weight of CE beside edges and error: an untrained head's tiles agree to the last digits, so that all a training gains
elsewhere costs some of it."""

TOLERANCE = 1.05
"""Edges may be so much worse than the aligned tiles' before it costs dearly: blur lowers CE. Those of training-free
fusion are worse, too, since it lets the coarse map through where a tile differs from it."""

SPARED = 0.05
"""Without truth: so much of a tile's steps may be its error of scale, and no edge that is blurred."""

Refine = Callable[[TileBatch], Tensor]


@dataclass(frozen=True)
class Score:
    """What is measured on held-out tiles, refined and training-free.

    Args:
        ce: mean difference where tiles overlap, in spreads of the coarse map.
        see: soft edge error; without truth, 1 plus the share of the tiles' own steps that is gone, less what is spared.
        error: mean difference from truth, both in spreads; NaN without truth.
        plain_ce: the same of the aligned tiles as they are.
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
        """Lower is better: all over the training-free ones, the error where it is known, and worse edges ten times."""
        ce, see, error = (
            mine / max(plain, 1e-9)
            for mine, plain in ((self.ce, self.plain_ce), (self.see, self.plain_see), (self.error, self.plain_error))
        )
        return AGREEMENT * ce + see + (error if isfinite(error) else 0.0) + 10 * max(0.0, see - TOLERANCE)


def chosen_groups(records: Sequence[Record]) -> list[Group]:
    """The same groups every time: some of each record, spread over it."""
    found = []
    for record in records:
        groups = groups_of(record, "group")
        places = {round((n + 0.5) * len(groups) / GROUPS - 0.5) for n in range(GROUPS)}
        found += [groups[n] for n in sorted(places) if 0 <= n < len(groups)]
    return found


def totals(groups: Sequence[Group], refine: Refine, device: torch.device, with_truth: bool) -> Tensor:
    """Sums and counts of all measures over groups, to be added up over processes."""
    sums = torch.zeros(2, 2, 3, dtype=torch.float64)
    for group in groups:
        batch = assembled([group]).to(device)
        for row, maps in enumerate((refine(batch), batch.view.aligned)):
            for column, values in enumerate(_measured(batch, maps, with_truth)):
                sums[row, :, column] += torch.stack([values.sum().cpu().double(), torch.tensor(float(len(values)))])
    return sums


def score(sums: Tensor, with_truth: bool) -> Score:
    """Means of what ``totals`` added up."""
    means = sums[:, 0] / sums[:, 1].clamp(min=1)
    (ce, see, error), (plain_ce, plain_see, plain_error) = means.tolist()
    if not with_truth:
        return Score(ce, 1 + max(0.0, see - SPARED), float("nan"), plain_ce, 1.0, float("nan"))
    return Score(ce, see, error, plain_ce, plain_see, plain_error)


def _measured(batch: TileBatch, maps: Tensor, with_truth: bool) -> tuple[Tensor, Tensor, Tensor]:
    gaps = overlap_gaps(batch, maps)
    if not with_truth or batch.target is None or batch.valid is None:
        return gaps, gradients_gone(maps, batch.view.aligned)[None], maps.new_zeros(0)
    error = ((maps - batch.target).abs() / batch.view.spread[:, None, None, None])[batch.valid]
    return gaps, edge_errors(batch, maps), error


def gradients_gone(maps: Tensor, own: Tensor) -> Tensor:
    """Which share of the tiles' own steps is missing or too much: 0 where all is there, 1 where all is blurred.

    The steps' least-squares factor, so that edges decide: slow corrections and what is added elsewhere do not count.
    """
    steps = [(maps.diff(dim=axis), own.diff(dim=axis)) for axis in (-2, -1)]
    kept = torch.stack([(mine * theirs).sum() for mine, theirs in steps]).sum()
    return (1 - kept / torch.stack([theirs.square().sum() for _, theirs in steps]).sum().clamp(min=1e-9)).abs()
