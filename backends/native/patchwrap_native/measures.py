"""Held-out measures of log-depth predictions, averaged over images; for the card, not for publication."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Logs = Float[Tensor, "batch 1 height width"]


def measure(log_pred: Logs, log_target: Logs, valid: Bool[Tensor, "batch 1 height width"]) -> dict[str, float]:
    """Measure metric and scale-free error.

    Args:
        log_pred: predicted log depth.
        log_target: true log depth in the same unit.
        valid: the pixels that count.

    Returns:
        ``abs_rel``, ``delta1``, ``rmse_log`` as they are; ``..._scaled`` after dividing by the median ratio;
        ``tau``, the standard deviation of the log error. Means over the images that have valid pixels.
    """
    rows = [_one(p[v], t[v]) for p, t, v in zip(log_pred, log_target, valid) if v.sum() >= 16]
    names = rows[0] if rows else {}
    return {name: round(sum(row[name] for row in rows) / len(rows), 5) for name in names}


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
