"""Held-out measures of log-depth predictions, averaged over images; for the card, not for publication."""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from patchwrap.losses import FEWEST

Logs = Float[Tensor, "batch 1 height width"]
Marks = Bool[Tensor, "batch 1 height width"]


def measure(log_pred: Logs, log_target: Logs, valid: Marks) -> dict[str, float]:
    """Measure metric and scale-free error.

    Args:
        log_pred: predicted log depth.
        log_target: true log depth in the same unit.
        valid: the pixels that count.

    Returns:
        ``abs_rel``, ``delta1``, ``rmse_log`` as they are; ``..._scaled`` after dividing by the median ratio;
        ``tau``, the standard deviation of the log error. Means over the images with enough valid pixels; empty if
        there are none.
    """
    rows = [_one(p[v], t[v]) for p, t, v in zip(log_pred, log_target, valid) if v.sum() >= FEWEST]
    names = rows[0] if rows else {}
    return {name: round(sum(row[name] for row in rows) / len(rows), 5) for name in names}


def measured_images(valid: Marks) -> int:
    """How many images of a batch ``measure`` averages over."""
    return int((valid.flatten(1).sum(1) >= FEWEST).sum())


def mean_of(rows: Iterable[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Mean of each measure over the batches that have it.

    Args:
        rows: number of images and their means, for each batch.
    """
    values: dict[str, list[tuple[int, float]]] = {}
    for count, row in rows:
        for name, value in row.items():
            values.setdefault(name, []).append((count, value))
    return {name: round(sum(n * v for n, v in part) / sum(n for n, _ in part), 5) for name, part in values.items()}


def _one(log_pred: Float[Tensor, "pixels"], log_target: Float[Tensor, "pixels"]) -> dict[str, float]:
    g = log_pred - log_target
    scaled = g - g.median()
    return {
        "abs_rel": (g.exp() - 1).abs().mean().item(),
        "delta1": (g.abs() < torch.log(torch.tensor(1.25))).float().mean().item(),
        "rmse_log": g.square().mean().sqrt().item(),
        "abs_rel_scaled": (scaled.exp() - 1).abs().mean().item(),
        "delta1_scaled": (scaled.abs() < torch.log(torch.tensor(1.25))).float().mean().item(),
        "tau": g.std().item(),
    }
